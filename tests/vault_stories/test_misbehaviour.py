"""A server that misbehaves during an apply: what the user sees, what becomes of the rest, and what is left on the server."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Final

import pytest

from tests.vault_server.script import HTML, SEALED, Misbehaviour, busy, redirect
from tests.vault_server.server import VaultServer, vault_server
from tests.vault_stories.site import Site, in_pki, server

SIGN: Final = "*/sign-verbatim"
DATA: Final = "*/data/site/*"


@pytest.fixture
def mount(scripted: Site) -> str:
    """An engine."""
    return scripted.pki()


@pytest.fixture
def made(scripted: Site, mount: str) -> Iterator[Site]:
    """A CA in an engine and a local one, each with a component that is applied, and one of each that is wanted."""
    scripted.write(
        cas={"far": {"path": "ca/far", **in_pki(mount, signVerbatim=True, create=True)}, "near": {"path": "ca/near"}},
        components={"old": server("far", "old"), "kept": server("near", "kept", store="kv")},
        bundles={"all": {"cas": ["far", "near"], "path": "trust.pem"}},
    )
    scripted.apply()
    scripted.write(
        components={"far": server("far", "far"), "near": server("near", "near"), "stored": server("near", "stored", store="kv")}
    )
    yield scripted
    # Whatever it was: once the server behaves, one apply is enough, and of each key one certificate lives.
    scripted.script.clear()
    scripted.apply()
    scripted.settled()
    for leaf in scripted.document["components"]:
        scripted.verifies(f"pki/{leaf}", "trust.pem")
    assert set(scripted.live(mount).values()) == {1}
    assert len(scripted.live(mount)) == sum(each["ca"] == "far" for each in scripted.document["components"].values())


def body(text: bytes, status: int, **headers: str) -> Misbehaviour:
    """An answer in place of the engine's."""
    return Misbehaviour(status=status, body=text, headers=headers)


#: An answer to every request, and what is said of it. The rows of what a client has to be prepared for.
ANSWERS: Final[dict[str, tuple[Misbehaviour, str]]] = {
    "sealed": (SEALED, "it is sealed"),
    "not initialized": (body(b'{"errors":["Vault is not initialized"]}', 501), "not initialized"),
    "to another host": (redirect("https://elsewhere.test:8200/v1/x"), "redirects to https://elsewhere.test:8200"),
    "to another scheme": (redirect("http://127.0.0.1:1/v1/x", 308), "redirect"),
    "301": (redirect("/v1/x", 301), "redirect"),
    "302": (redirect("/ui", 302), "it redirects to /ui"),
    "busy": (busy(1), "it asks for fewer requests"),
    "denied": (body(b'{"errors":["1 error occurred: permission denied"]}', 403), "permission denied"),
    "stale": (body(b'{"errors":["required index state not present"]}', 412), "has not yet seen an earlier write"),
    "secondary": (body(b"{}", 472), "disaster recovery secondary"),
    "performance standby": (body(b"{}", 473), "performance standby"),
    "crashed": (body(b"<html><h1>Internal Server Error</h1></html>", 500), "500"),
    "bad gateway": (body(b"<html>" + b"x" * 100_000, 502), "502"),
    "a page": (HTML, "not of this API"),
    "no content": (Misbehaviour(status=204), "without a usable ttl"),
    "errors that are none": (body(b'{"errors":[{"a":1},null]}', 500), "failed to answer"),
    "a list": (body(b"[1]", 200), "not of this API"),
    "a number": (body(b"7", 200), "not of this API"),
    "no JSON": (body(b'{"data":', 200), "not of this API"),
    "data that is none": (body(b'{"data":"x"}', 200), "an object without data"),
    "cut before": (Misbehaviour(cut="before"), "broke the connection off"),
    "cut in the body": (Misbehaviour(cut="body"), "broke the connection off"),
    "cut after": (Misbehaviour(cut="after"), "broke the connection off"),
    "much too large": (Misbehaviour(huge=200 * 2**20), "larger than 32 MiB"),
    "a gzip bomb": (body(gzip.compress(b" " * 2**27), 200, **{"Content-Encoding": "gzip"}), "larger than 32 MiB"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_everything_is_answered_so(made: Site, name: str) -> None:
    """The apply says what is wrong with which connection and ends with 1; what is on this machine is done all the same."""
    answer, words = ANSWERS[name]
    before = (made.pem("pki/old"), made.secrets())
    made.script.on("*", "*", answer, times=0)
    said = made.apply(code=1)
    made.script.clear()
    errors = [line for line in said.out.splitlines() if "Error:" in line]
    assert len(errors) == (2 if name == "denied" else 1)  # once; what a policy lacks for each engine
    assert "connection main" in errors[0]
    assert words in errors[0]
    assert len(said.out + said.log) < 12_000
    assert made.file("pki/near.crt").exists()
    assert not made.file("pki/far.crt").exists()
    assert (made.pem("pki/old"), made.secrets()) == before


#: After these it was done all the same, and that is found.
DONE: Final = frozenset({"cut after", "cut in the body", "much too large"})


@pytest.mark.parametrize("name", ANSWERS)
def test_only_what_changes_something_is_answered_so(made: Site, name: str) -> None:
    """Signing and writing fail, looking works: the error is that of the component, the others and the old files are untouched."""
    answer, _ = ANSWERS[name]
    made.script.on("POST", SIGN, answer, times=0)
    made.script.on("POST", DATA, answer, times=0)
    said = made.apply(code=int(name not in DONE))
    failed = {line.split(": ")[1] for line in said.out.splitlines() if line.startswith("Error: ")}
    assert failed == (set() if name in DONE else {"component.far", "component.stored"})
    assert set(made.secrets()) == ({"pki/kept", "pki/stored"} if name in DONE else {"pki/kept"})
    assert made.file("pki/near.crt").exists()


@pytest.mark.parametrize("answer", [Misbehaviour(cut="after"), Misbehaviour(cut="body"), Misbehaviour(cut="before")])
@pytest.mark.parametrize("path", [SIGN, DATA, "*/metadata/site/*"])
def test_a_connection_that_is_cut_once(made: Site, path: str, answer: Misbehaviour) -> None:
    """What was done is found instead of being done again; the end is as if nothing had been."""
    made.script.on("POST", path, answer)
    # Whether a certificate will turn up that nobody can see yet, only the next run can tell.
    made.apply(code=int(path == SIGN and answer.cut == "before"))
    assert made.version("pki/stored") == 1


def test_what_was_signed_and_cannot_be_looked_up(made: Site, mount: str) -> None:
    """The answer is lost and the server sealed at once: nothing is asked again before it can tell, then it is revoked."""
    made.script.on("POST", SIGN, Misbehaviour(cut="after"))
    made.script.on("LIST", f"{mount}/certs*", SEALED, times=0)
    made.script.on("GET", f"{mount}/certs*", SEALED, times=0)
    assert "cannot be looked up" in made.apply(code=1).out
    made.script.on("POST", f"{mount}/revoke", SEALED, times=0)
    count = made.vault.scripted.log.count("POST", SIGN)  # type: ignore[union-attr]
    said = made.apply(code=1)
    assert "component.far: an interrupted apply could not be finished yet" in said.log
    assert made.vault.scripted.log.count("POST", SIGN) == count  # type: ignore[union-attr]
    made.script.clear()
    said = made.apply()
    assert "what ca.far was asked for came to nothing; 1 certificate that it had signed revoked" in said.log


@pytest.mark.parametrize("target", ["http", "https", "loop", "far away"])
def test_a_token_goes_nowhere_else(made: Site, target: str) -> None:
    """Redirects to another host, to http, or round in circles are errors; the token is not sent there."""
    with vault_server() as other:
        where = {
            "http": other.address,
            "https": other.address.replace("http", "https"),
            "loop": made.vault.address,
            "far away": "https://elsewhere.test",
        }[target]
        for path in (SIGN, DATA):
            made.script.on("*", path, redirect(f"{where}/v1/secret/x"), times=0)
        assert "redirect" in made.apply(code=1).out
        assert other.log.entries() == []


def writer(made: Site, scripted: VaultServer, path: str, times: int) -> None:
    """Somebody writes a secret each time that we are about to."""
    inner, left = scripted.answer, [times]

    def answer(request):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - as the method
        if request.method == "POST" and request.path == f"{made.kv}/data/site/{path}" and left[0]:
            left[0], now = 0, left[0] - 1
            before = scripted.world.namespaces[""].mounts[f"{made.kv}/"].engine.secrets.get(f"site/{path}")  # type: ignore[attr-defined]
            value = dict(before.versions[before.current].value or {}) if before else {}
            scripted.call("POST", request.path, {"data": {**value, "theirs": now}})
            left[0] = now
        return inner(request)

    scripted.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize(("times", "code"), [(1, 0), (5, 1)])
def test_somebody_writes_in_between(made: Site, server: VaultServer, times: int, code: int) -> None:
    """Nothing is overwritten: it is looked at again and tried once more, then it is an error that says so."""
    writer(made, server, "pki/stored", times)
    said = made.apply(code=code)
    assert ("somebody wrote it after it was looked at" in said.out) is bool(code)
    assert made.secret("pki/stored")["theirs"] == (0 if times == 1 else 3)
    del server.answer


def test_waiting_as_long_as_is_asked_for(made: Site, mount: str) -> None:
    """`Retry-After: 7`, then it works: seven seconds and more are waited, and it is asked twice."""
    made.script.on("POST", SIGN, busy(7))
    made.slept.clear()
    made.apply()
    assert any(7 <= seconds < 10 for seconds in made.slept)
    assert made.vault.scripted.log.count("POST", SIGN) == 3  # type: ignore[union-attr]
    assert mount
