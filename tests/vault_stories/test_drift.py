"""What somebody does to our secrets is seen as on disk, and mended without losing what is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from tests.vault_stories.site import Site, server

Act = Callable[[Site], object]


@pytest.fixture
def made(place: Site) -> Iterator[Site]:
    """A CA, two components and a bundle in KV, and one component on disk."""
    place.write(
        defaults={"store": "kv"},
        cas={"main": {"path": "ca/main"}},
        components={"api": server("main", "api"), "web": server("main", "web"), "disk": server("main", "disk", store="files")},
        bundles={"all": {"cas": ["main"], "path": "trust.pem", "store": "files"}, "kept": {"cas": ["main"], "path": "kept.pem"}},
    )
    place.apply()
    yield place
    place.verifies("pki/api", "trust.pem")


def altered(path: str, **fields: Any) -> Act:  # noqa: ANN401 - whatever a field may hold
    """Somebody writes other values into fields; None takes one out."""

    def act(place: Site) -> None:
        data = {**place.secret(path), **fields}
        place.put(path, {name: value for name, value in data.items() if value is not None})

    return act


def as_web(*fields: str) -> Act:
    """Somebody writes what another component has."""

    def act(place: Site) -> None:
        other = place.secret("pki/web")
        altered("pki/api", **{name: other[name] for name in fields})(place)

    return act


def engine(method: str, verb: str, *, latest: bool = False) -> Act:
    """Somebody asks the engine for something that befalls our secret."""

    def act(place: Site) -> None:
        body = {"versions": [place.version("pki/api")]} if latest else None
        place.vault.must(method, f"{place.kv}/{verb}/site/pki/api", body)

    return act


#: What befalls the secret, and what the plan says of it.
CASES: Final[tuple[tuple[str, Act, str, tuple[str, ...]], ...]] = (
    ("certificate gone", altered("pki/api", certificate=None), "reissue", ("Missing",)),
    ("certificate is no text", altered("pki/api", certificate=5), "reissue", ("Unreadable",)),
    ("certificate is a list", altered("pki/api", certificate=["x"]), "reissue", ("Unreadable",)),
    ("certificate is garbage", altered("pki/api", certificate="x"), "reissue", ("Unreadable",)),
    ("key gone", altered("pki/api", private_key=None), "rekey", ("Missing",)),
    ("key is garbage", altered("pki/api", private_key="x"), "rekey", ("Unreadable",)),
    ("key of another", as_web("private_key"), "rekey", ("KeyMismatch",)),
    ("certificate of another", as_web("certificate"), "reissue", ("KeyMismatch", "SubjectMismatch", "SanMismatch")),
    ("all of another", as_web("certificate", "private_key", "metadata"), "reissue", ("SubjectMismatch", "SanMismatch")),
    ("deleted", engine("DELETE", "data"), "create", ("Missing",)),
    ("deleted by version", engine("POST", "delete", latest=True), "create", ("Missing",)),
    ("destroyed", engine("POST", "destroy", latest=True), "create", ("Missing",)),
    ("forgotten", engine("DELETE", "metadata"), "create", ("Missing",)),
)


@pytest.mark.parametrize(("act", "action", "reasons"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_befalls_a_secret_is_seen_and_mended(made: Site, act: Act, action: str, reasons: tuple[str, ...]) -> None:
    """The plan tells it by the words that it has for files, touches nothing else, and one apply puts it right."""
    before = made.secrets()
    act(made)
    assert made.plan() == {"component.api": (action, reasons)}
    made.apply()
    made.settled()
    after = made.secrets()
    assert {path for path in after if after[path] != before[path]} == {"pki/api"}
    assert made.certificate("pki/api").subject.rfc4514_string() == "CN=api"


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("kept.pem", {"content": "x"}, ("bundle.kept", "repair", "Unreadable")),
        ("kept.pem", {"content": None}, ("bundle.kept", "create", "Missing")),
    ],
)
def test_derived_secrets_are_written_anew(made: Site, path: str, fields: dict[str, Any], said: tuple[str, str, str]) -> None:
    """A bundle that somebody spoiled is mended."""
    altered(path, **fields)(made)
    address, action, reason = said
    assert made.plan() == {address: (action, (reason,))}
    made.apply()
    made.settled()


def test_an_older_version_that_still_fits_may_come_back(made: Site) -> None:
    """Rolling a secret back is somebody's right: the certificate is valid, so that it is told and nothing else."""
    old = made.secret("pki/api")
    made.apply("--replace", "component.api")
    assert made.secret("pki/api", version=1) == old
    made.put("pki/api", old)
    made.settled()
    assert "component.api has changed" in made.call("plan").out
    made.apply()
    assert made.serial("pki/api") == int(old["metadata"]["serial"], 16)


def test_an_older_version_that_is_revoked_does_not_come_back(made: Site) -> None:
    """The version that was rolled back to holds a certificate that was taken out of use: it is replaced."""
    old = made.secret("pki/api")
    serial = old["metadata"]["serial"]
    made.write(
        cas={"main": {"crl": {"path": "ca/main.crl"}}},
        revocations=[{"component": "api", "serial": serial, "reason": "keyCompromise"}],
    )
    made.apply()
    made.put("pki/api", old)
    assert made.plan() == {"component.api": ("replace", ("Revoked",))}
    made.apply()
    made.settled()


def test_fields_of_others_are_kept_and_no_reason_to_write(made: Site) -> None:
    """What somebody keeps in our secret is no drift, and survives the next certificate."""
    altered("pki/api", note="theirs", nested={"a": [1, None]})(made)
    made.settled()
    made.apply("--replace", "component.api")
    kept = made.secret("pki/api")
    assert (kept["note"], kept["nested"]) == ("theirs", {"a": [1, None]})


def test_custom_metadata_says_what_is_in_the_secret(made: Site) -> None:
    """Serial, end and issuer stand beside the secret; that they are gone is no reason to write, and they come back with it."""
    place, certificate = f"{made.kv}/metadata/site/pki/api", made.certificate("pki/api")
    labels = made.stored("pki/api")["metadata"]["custom_metadata"]
    assert labels == {
        "cluster": made.document["cluster"],
        "address": "component.api",
        "issuer": "ca.main",
        "serial": f"{certificate.serial_number:x}",
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "fingerprint": certificate.fingerprint(SHA256()).hex(),
    }
    made.vault.must("POST", place, {"custom_metadata": {}})
    made.settled()
    made.apply("--replace", "component.api")
    assert made.stored("pki/api")["metadata"]["custom_metadata"]["serial"] == made.secret("pki/api")["metadata"]["serial"]


def test_a_secret_of_somebody_else_is_not_overwritten_unasked(made: Site) -> None:
    """A pair at our path that we did not make is foreign; `--adopt` replaces it, and keeps the fields that are not ours."""
    made.write(cas={"other": {"path": "ca/other", "store": "files"}}, components={"theirs": server("other", "x", store="files")})
    made.apply()
    theirs = {"certificate": made.pem("pki/x"), "private_key": made.file("pki/x.key").read_text(), "note": "theirs"}
    made.put("pki/new", theirs)
    made.write(components={"new": server("main", "new")})
    assert made.plan()["component.new"][0] == "blocked"
    said = made.apply(code=1)
    assert "component.new is foreign and is not overwritten" in said.out + said.log
    assert f"vault://main/{made.kv}/data/site/pki/new" in said.out + said.log
    assert made.secret("pki/new") == theirs
    made.apply("--adopt")
    made.settled()
    assert made.secret("pki/new")["note"] == "theirs"
    assert made.certificate("pki/new").subject.rfc4514_string() == "CN=new"
    assert made.secret("pki/new", version=1) == theirs


def test_a_pair_of_somebody_else_that_fits_is_imported(made: Site) -> None:
    """A certificate of our CA that others put there is taken over by name, without being made anew."""
    theirs = {name: value for name, value in made.secret("pki/api").items() if name != "metadata"}
    made.put("theirs/api", theirs)
    made.write(
        components={"api": {"path": "theirs/api"}},
        imports=[{"to": "component.api", "id": f"vault://main/{made.kv}/data/site/theirs/api.crt"}],
    )
    made.apply()
    made.settled()
    assert made.secret("theirs/api")["certificate"] == theirs["certificate"]


def test_a_secret_that_is_none_of_ours_stays_beside(made: Site) -> None:
    """At a path that somebody already uses for something else, our fields are added and theirs stay."""
    made.put("pki/new", {"password": "hunter2"})
    made.write(components={"new": server("main", "new")})
    made.apply()
    assert made.secret("pki/new")["password"] == "hunter2"  # noqa: S105 - a canary
    made.settled()


def test_a_ca_whose_secret_is_deleted_is_not_made_anew(made: Site) -> None:
    """Certificates of it are alive: the plan says what to restore, and undeleting the secret is enough."""
    made.vault.must("DELETE", f"{made.kv}/data/site/ca/main")
    assert made.plan() == {"ca.main": ("blocked", ("Missing",))}
    said = made.apply(code=1)
    assert f"vault://main/{made.kv}/data/site/ca/main.key" in said.out + said.log
    made.vault.must("POST", f"{made.kv}/undelete/site/ca/main", {"versions": [1]})
    made.settled()
    made.apply()
