"""A CA whose key is somebody else's, through the real commands, with `openssl` as that somebody."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.audit import AuditLog, verify_chain
from reconciler.x509.keys import read_key_facts
from reconciler.x509.kubeconfig import parse
from reconciler.x509.read import read_certificates
from tests.inprocess import Home
from tests.outside_ca import OutsideCA, openssl, outside_ca


def document(**more: object) -> dict[str, Any]:
    """A server, and a person whose certificate lives in a kubeconfig, of a CA that is outside."""
    return {
        "apiVersion": "cluster-pki/v1",
        "cluster": "demo",
        "stores": {"files": {"type": "file", "root": "/store"}},
        "cas": {"main": {"path": "ca/main", "issuer": {"external": {}}}},
        "components": {"a": server(), "jane": {"ca": "main", "usages": ["client auth"]}},
        "bundles": {"trust": {"cas": ["main"], "path": "trust.crt"}},
        "kubeconfigs": {"jane": {"component": "jane", "bundle": "trust", "server": "https://api.test:6443", "path": "jane.conf"}},
        **more,
    }


def server(**more: object) -> dict[str, Any]:
    """A component."""
    return {"ca": "main", "usages": ["server auth"], "sans": {"dns": ["a.test"]}, "path": "pki/a", **more}


@pytest.fixture
def outside(tmp_path: Path) -> OutsideCA:
    """The CA, in its own place."""
    return outside_ca(tmp_path / "elsewhere")


@pytest.fixture
def home(tmp_path: Path, outside: OutsideCA) -> Home:
    """A desired state, and the certificate of its CA where it belongs."""
    home = Home(path=tmp_path / "here")
    (home.path / "store/ca").mkdir(parents=True)
    home.write(document())
    bring(home, outside)
    return home


def bring(home: Home, outside: OutsideCA) -> None:
    """Puts the certificate of the CA into its place."""
    (home.path / "store/ca/main.crt").write_bytes(outside.certificate.read_bytes())


def stems(home: Home) -> tuple[Path, Path]:
    """What the requests of the server and of the person are called, without suffix."""
    return home.path / "store/pki/a.next", home.path / "store/jane.conf.next"


def sign(outside: OutsideCA, stem: Path, *options: str, days: float = 365) -> None:
    """The CA answers a request."""
    outside.sign(stem.with_name(f"{stem.name}.csr"), stem.with_name(f"{stem.name}.crt"), *options, days=days)


def waiting(home: Home) -> dict[str, bytes]:
    """Everything that waits, by its path below the store."""
    store = home.path / "store"
    return {str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*.next.*"))}


@pytest.fixture
def asked(home: Home) -> Home:
    """The same, with requests out."""
    assert home.call("apply", "--auto-approve").code == 0
    return home


@pytest.fixture
def issued(asked: Home, outside: OutsideCA) -> Home:
    """The same, answered and published."""
    for stem in stems(asked):
        sign(outside, stem)
    assert asked.call("apply", "--auto-approve").code == 0
    return asked


def test_requests_are_made_once(asked: Home) -> None:
    """Keys for nobody else to read, requests that openssl verifies; the next runs change not a byte and are no error."""
    before = waiting(asked)
    assert sorted(before) == ["jane.conf.next.csr", "jane.conf.next.key", "pki/a.next.csr", "pki/a.next.key"]
    for name in before:
        mode = stat.S_IMODE(os.stat(asked.path / "store" / name).st_mode)  # noqa: PTH116 - one call
        assert mode == (0o600 if name.endswith(".key") else 0o644)
    request = openssl("req", "-in", asked.path / "store/pki/a.next.csr", "-noout", "-text", "-verify").decode()
    assert "DNS:a.test" in request
    assert "TLS Web Server Authentication" in request
    for _ in range(2):
        said = asked.call("apply", "--auto-approve")
        assert (said.code, waiting(asked)) == (0, before)
        assert asked.call("plan", "--detailed-exitcode").code == 0


def test_who_applies_is_told_what_to_do(home: Home) -> None:
    """Where the requests are, and where the certificates belong; the same for machines."""
    said = home.call("apply", "--auto-approve")
    store = home.path / "store"
    assert f"component.a: Request complete after 0s [request={store}/pki/a.next.csr]" in said.log
    told = " ".join(said.out.partition("Apply complete!")[2].replace("│", " ").split())
    assert f"{store}/pki/a.next.csr -> {store}/pki/a.next.crt" in told
    assert json.loads(home.call("apply", "--auto-approve", "--format", "json").out)["waiting"] == [
        "component.a",
        "component.jane",
    ]


def test_a_plan_before_the_first_request_has_changes(home: Home) -> None:
    """Making a request is something to do; waiting for it is not."""
    said = home.call("plan", "--detailed-exitcode", "--format", "json")
    assert said.code == 2
    assert said.changes() == {
        "component.a": ("request", ("Missing",)),
        "component.jane": ("request", ("Missing",)),
        "bundle.trust": ("create", ("Missing",)),
        "kubeconfig.jane": ("waiting", ("Missing",)),
    }


def test_status_says_what_waits(asked: Home) -> None:
    """Out of sync and on its way; the CA itself lacks nothing that it should have here."""
    rows = {row["address"]: (row["sync"], row["health"]) for row in asked.call("status", "--format", "json").json["resources"]}
    assert rows == {
        "ca.main": ("Synced", "Healthy"),
        "component.a": ("OutOfSync", "Progressing"),
        "component.jane": ("OutOfSync", "Progressing"),
        "bundle.trust": ("Synced", "Healthy"),
        "kubeconfig.jane": ("OutOfSync", "Progressing"),
    }


def test_answers_are_published_with_their_keys(issued: Home, outside: OutsideCA) -> None:
    """Nothing of the requests is left, the plan is empty, openssl agrees, and the log of what was done is whole."""
    store = issued.path / "store"
    assert waiting(issued) == {}
    assert issued.call("plan", "--detailed-exitcode").code == 0
    assert openssl("verify", "-CAfile", outside.certificate, "-purpose", "sslserver", store / "pki/a.crt").endswith(b"OK\n")
    certificate = read_certificates((store / "pki/a.crt").read_bytes())[0].facts
    assert read_key_facts((store / "pki/a.key").read_bytes()).spki_sha256 == certificate.spki_sha256
    person = parse((store / "jane.conf").read_bytes())
    assert read_key_facts(person.key_pem).spki_sha256 == read_certificates(person.certificate_pem)[0].facts.spki_sha256
    log = AuditLog(str(issued.path / "state/audit.jsonl")).lines()
    assert verify_chain(log) is None
    done = [(entry["operation"], entry["address"]) for entry in map(json.loads, log)]
    assert ("request", "component.a") in done
    assert ("create", "component.a") in done
    assert not (store / "ca/main.key").exists()


def test_other_certificates_of_a_file_do_not_matter(asked: Home, outside: OutsideCA) -> None:
    """CAs send chains, in any order; what is published behind the certificate is what the document says."""
    stem, _ = stems(asked)
    sign(outside, stem)
    answer = stem.with_name("a.next.crt")
    answer.write_bytes(outside.certificate.read_bytes() + answer.read_bytes())
    assert asked.call("apply", "--auto-approve").code == 0
    assert len(read_certificates((asked.path / "store/pki/a.crt").read_bytes())) == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda answer: answer.write_bytes(b""), "the file is empty (empty)"),
        (lambda answer: answer.write_bytes(answer.read_bytes()[:-30]), "(truncated)"),
        (lambda answer: openssl("x509", "-in", answer, "-outform", "DER", "-out", answer), "(not-pem)"),
        (lambda answer: openssl("genpkey", "-algorithm", "ED25519", "-out", answer), "(wrong-type)"),
    ],
    ids=["empty", "cut short", "DER", "a key"],
)
def test_what_is_no_answer_stays_and_is_told(asked: Home, outside: OutsideCA, spoil: Callable[[Path], object], said: str) -> None:
    """Nothing is published and nothing is lost: put right, it is used."""
    stem, _ = stems(asked)
    sign(outside, stem)
    answer = stem.with_name("a.next.crt")
    good = answer.read_bytes()
    spoil(answer)
    before = waiting(asked)
    run = asked.call("apply", "--auto-approve")
    assert (run.code, waiting(asked)) == (1, before)
    assert said in " ".join(run.out.replace("│", " ").split())
    answer.write_bytes(good)
    assert asked.call("apply", "--auto-approve").code == 0
    assert (asked.path / "store/pki/a.crt").exists()


def test_an_answer_without_the_names_is_refused(asked: Home, outside: OutsideCA) -> None:
    """As openssl signs unless it is told to copy extensions: the field is named, and what to do."""
    stem, _ = stems(asked)
    sign(outside, stem, "-copy_extensions", "none")
    run = asked.call("apply", "--auto-approve")
    text = " ".join(run.out.replace("│", " ").split())
    assert run.code == 1
    assert "sans: asked for dns:a.test, got none" in text
    assert "with its names and usages copied" in text
    sign(outside, stem)
    assert asked.call("apply", "--auto-approve").code == 0


def test_another_cas_certificate_is_refused(asked: Home, tmp_path: Path) -> None:
    """Of the same name, with another key."""
    stem, _ = stems(asked)
    sign(outside_ca(tmp_path / "impostor"), stem)
    run = asked.call("plan", "--format", "json")
    assert run.code == 1
    assert run.changes()["component.a"] == ("blocked", ("Missing", "AnswerUnfit"))


def test_changed_names_replace_the_request(asked: Home, outside: OutsideCA) -> None:
    """With another key, so that an answer to the old request is told apart; what was not changed stays as it was."""
    before = waiting(asked)
    stem, _ = stems(asked)
    sign(outside, stem)
    asked.write(document(components={"a": server(sans={"dns": ["b.test"]}), "jane": {"ca": "main", "usages": ["client auth"]}}))
    assert asked.call("apply", "--auto-approve").code == 0
    after = waiting(asked)
    assert {name for name in after if after[name] != before.get(name)} == {"pki/a.next.csr", "pki/a.next.key", "pki/a.next.crt"}
    run = asked.call("plan", "--format", "json")
    assert run.changes()["component.a"] == ("blocked", ("Missing", "AnswerUnfit"))
    assert "it is for another key than the request" in run.out
    sign(outside, stem)
    assert asked.call("apply", "--auto-approve").code == 0
    assert read_certificates((asked.path / "store/pki/a.crt").read_bytes())[0].facts.sans == ("dns:b.test",)


def test_what_is_in_use_stays_while_its_successor_is_asked_for(issued: Home, outside: OutsideCA) -> None:
    """Key and certificate change together, and only when the answer is there."""
    store = issued.path / "store"
    old = (store / "pki/a.crt").read_bytes(), (store / "pki/a.key").read_bytes()
    issued.write(document(components={"a": server(sans={"dns": ["b.test"]}), "jane": {"ca": "main", "usages": ["client auth"]}}))
    assert issued.call("apply", "--auto-approve").code == 0
    assert ((store / "pki/a.crt").read_bytes(), (store / "pki/a.key").read_bytes()) == old
    stem, _ = stems(issued)
    sign(outside, stem)
    assert issued.call("apply", "--auto-approve").code == 0
    assert (store / "pki/a.crt").read_bytes() != old[0]
    assert (store / "pki/a.key").read_bytes() != old[1]
    assert issued.call("plan", "--detailed-exitcode").code == 0


def test_a_key_that_is_kept_is_asked_for_again(issued: Home, outside: OutsideCA) -> None:
    """`rotateKey: never`: the request is for the key in use."""
    store = issued.path / "store"
    key = (store / "pki/a.key").read_bytes()
    kept = server(rotateKey="never", sans={"dns": ["b.test"]})
    issued.write(document(components={"a": kept, "jane": {"ca": "main", "usages": ["client auth"]}}))
    assert issued.call("apply", "--auto-approve").code == 0
    stem, _ = stems(issued)
    sign(outside, stem)
    assert issued.call("apply", "--auto-approve").code == 0
    assert (store / "pki/a.key").read_bytes() == key
    assert issued.call("plan", "--detailed-exitcode").code == 0


def test_a_request_that_git_takes_back_goes(issued: Home) -> None:
    """The old names are wanted again before anybody has signed the new ones."""
    issued.write(document(components={"a": server(sans={"dns": ["b.test"]}), "jane": {"ca": "main", "usages": ["client auth"]}}))
    assert issued.call("apply", "--auto-approve").code == 0
    assert len(waiting(issued)) == 2
    issued.write(document())
    assert issued.call("apply", "--auto-approve").code == 0
    assert waiting(issued) == {}
    assert issued.call("plan", "--detailed-exitcode").code == 0


def test_what_leaves_takes_its_request_along(issued: Home) -> None:
    """A key that was never used does not lie about when its component is removed."""
    issued.write(document(components={"a": server(sans={"dns": ["b.test"]}), "jane": {"ca": "main", "usages": ["client auth"]}}))
    assert issued.call("apply", "--auto-approve").code == 0
    rest = {"components": {"jane": {"ca": "main", "usages": ["client auth"]}}, "prune": True}
    issued.write(document(**rest))
    run = issued.call("apply", "--auto-approve")
    assert (run.code, waiting(issued)) == (0, {})
    assert "ask whoever keeps ca.main to revoke it" in " ".join(run.out.replace("│", " ").split())


def test_without_records_nothing_is_asked_again(issued: Home, outside: OutsideCA) -> None:
    """The state directory is lost, with a request out: what is on disk says it all."""
    issued.write(document(components={"a": server(sans={"dns": ["b.test"]}), "jane": {"ca": "main", "usages": ["client auth"]}}))
    assert issued.call("apply", "--auto-approve").code == 0
    before = waiting(issued)
    (issued.path / "state").rename(issued.path / "lost")
    assert issued.call("apply", "--auto-approve").code == 0
    assert waiting(issued) == before
    stem, _ = stems(issued)
    sign(outside, stem)
    assert issued.call("apply", "--auto-approve").code == 0
    assert issued.call("plan", "--detailed-exitcode").code == 0


def test_what_was_there_before_us_is_taken_over_when_it_is_asked_for(home: Home, outside: OutsideCA) -> None:
    """Files by other hands, due already; git asks for more before anybody has signed: they are not foreign then."""
    pki = home.path / "store/pki"
    pki.mkdir()
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", pki / "a.key")
    (pki / "a.key").chmod(0o600)
    usages = ("-addext", "extendedKeyUsage=serverAuth", "-addext", "keyUsage=critical,digitalSignature")
    names = ("-subj", "/CN=a", "-addext", "subjectAltName=DNS:a.test")
    openssl("req", "-new", "-key", pki / "a.key", *names, *usages, "-out", home.path / "a.csr")
    outside.sign(home.path / "a.csr", pki / "a.crt", days=10)
    assert home.call("plan", "--format", "json").changes()["component.a"] == ("request", ("RenewalDue",))
    assert home.call("apply", "--auto-approve").code == 0
    home.write(document(components={"a": server(sans={"dns": ["b.test"]}), "jane": {"ca": "main", "usages": ["client auth"]}}))
    reasons = ("SanMismatch", "RenewalDue", "RequestStale")
    assert home.call("plan", "--format", "json").changes()["component.a"] == ("request", reasons)


def test_a_renewed_ca_is_taken_as_it_is(issued: Home, outside: OutsideCA) -> None:
    """New dates around the old key: bundles and kubeconfigs follow, nothing is asked for."""
    outside.renew(days=4000)
    bring(issued, outside)
    assert issued.call("plan", "--format", "json").changes() == {
        "bundle.trust": ("repair", ("BundleStale",)),
        "kubeconfig.jane": ("repair", ("OutputStale",)),
    }
    assert issued.call("apply", "--auto-approve").code == 0
    assert issued.call("plan", "--detailed-exitcode").code == 0


def test_a_revoked_certificate_is_asked_for_anew(issued: Home, outside: OutsideCA) -> None:
    """Its successor is a request, and the plan says who has to do the rest."""
    serial = read_certificates((issued.path / "store/pki/a.crt").read_bytes())[0].facts.serial
    issued.write(document(revocations=[{"component": "a", "serial": serial, "reason": "keyCompromise"}]))
    run = issued.call("plan", "--format", "json")
    assert run.changes() == {"component.a": ("request", ("Revoked",))}
    assert "Nobody here can revoke it: ask whoever keeps ca.main to" in run.out
    assert issued.call("apply", "--auto-approve").code == 0
    stem, _ = stems(issued)
    sign(outside, stem)
    assert issued.call("apply", "--auto-approve").code == 0
    assert issued.call("plan", "--detailed-exitcode").code == 0


def test_an_intermediate_is_served(home: Home, outside: OutsideCA, tmp_path: Path) -> None:
    """Both CAs are outside: the chain is published as it should be, and leads to the root that is trusted."""
    below = outside_ca(tmp_path / "below", "services")
    request = below.home / "ca.csr"
    openssl(
        "req", "-new", "-key", below.key, "-subj", "/CN=services", "-addext", "basicConstraints=critical,CA:TRUE", "-out", request
    )
    outside.sign(request, below.certificate, days=3000)
    place = home.path / "store/ca/services.crt"
    place.write_bytes(below.certificate.read_bytes())
    cas = {"main": {"path": "ca/main", "issuer": {"external": {}}}}
    cas["services"] = {"path": "ca/services", "issuer": {"external": {"parent": "main"}}}
    rest = {"bundles": {"trust": {"cas": ["main"], "path": "trust.crt"}}, "kubeconfigs": {}}
    home.write(document(cas=cas, components={"a": server(ca="services")}, **rest))
    assert home.call("apply", "--auto-approve").code == 0
    stem, _ = stems(home)
    sign(below, stem)
    assert home.call("apply", "--auto-approve").code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0
    published = home.path / "store/pki/a.crt"
    names = [certificate.facts.subject.common_name for certificate in read_certificates(published.read_bytes())]
    assert names == ["a", "services"]
    checked = openssl("verify", "-CAfile", outside.certificate, "-untrusted", published, published)
    assert checked.endswith(b"OK\n")


def test_a_key_that_others_can_read_is_told_while_it_waits(asked: Home) -> None:
    """It is not in use yet, so nothing else looks at its mode; whoever asks for a replacement gets another one."""
    stem, _ = stems(asked)
    key = stem.with_name("a.next.key")
    key.chmod(0o644)
    before = key.read_bytes()
    (told,) = [each for each in asked.plan().json["diagnostics"] if each["code"] == "request-key-open"]
    assert (told["address"], "(mode 0644)" in told["summary"], str(key) in told["detail"]) == ("component.a", True, True)
    assert asked.call("apply", "--auto-approve", "--replace", "component.a").code == 0
    assert (stat.S_IMODE(key.stat().st_mode), key.read_bytes() != before) == (0o600, True)
    assert "request-key-open" not in asked.plan().out


def test_a_key_without_its_request_is_taken_up_again(asked: Home) -> None:
    """As a run leaves it that dies between the two: no second key is made for one intent."""
    stem, _ = stems(asked)
    before = waiting(asked)
    stem.with_name("a.next.csr").unlink()
    assert asked.call("apply", "--auto-approve").code == 0
    after = waiting(asked)
    assert after["pki/a.next.key"] == before["pki/a.next.key"]
    assert after.keys() == before.keys()
    assert asked.call("plan", "--detailed-exitcode").code == 0


def test_what_is_shown_of_the_desired_state_compiles_to_the_same(home: Home) -> None:
    """`show desired` writes every default out, and none that an external CA may not have."""
    shown = home.call("show", "desired")
    assert shown.code == 0
    before = home.call("plan", "--format", "json").changes()
    home.write(shown.out)
    assert home.call("plan", "--format", "json").changes() == before


def test_a_saved_plan_does_not_outlive_an_answer(asked: Home, outside: OutsideCA) -> None:
    """What it rests on has moved: a person looks again."""
    asked.write(document(components={"a": server(sans={"dns": ["b.test"]}), "jane": {"ca": "main", "usages": ["client auth"]}}))
    plan = asked.path / "plan.json"
    assert asked.call("plan", "--out", str(plan)).code == 0
    stem, _ = stems(asked)
    sign(outside, stem)
    run = asked.call("apply", str(plan))
    assert run.code == 1
    assert "Saved plan is stale" in run.log + run.out


def test_names_that_the_ca_may_not_certify_are_not_asked_for(home: Home, outside: OutsideCA) -> None:
    """Nobody is sent away with a request that cannot be signed."""
    limits = "nameConstraints=critical,permitted;DNS:example.org"
    openssl(
        "req", "-x509", "-new", "-key", outside.key, "-subj", "/CN=kubernetes-ca", "-days", "3650",
        "-addext", limits, "-out", outside.certificate,
    )  # fmt: skip
    bring(home, outside)
    run = home.call("apply", "--auto-approve")
    assert run.code == 1
    assert "dns:a.test is outside the issuer's name constraints" in run.out
    assert [name for name in waiting(home) if name.startswith("pki/")] == []


def test_no_key_is_told(asked: Home, outside: OutsideCA) -> None:
    """In no output, log or state is any of the keys that wait."""
    bodies = [line for name, data in waiting(asked).items() if name.endswith(".key") for line in data.decode().splitlines()[1:-1]]
    said = [
        asked.call(*command) for command in (("plan",), ("plan", "--format", "json"), ("status",), ("apply", "--auto-approve"))
    ]
    texts = [each.out + each.log for each in said]
    texts += [path.read_text(encoding="utf-8", errors="replace") for path in (asked.path / "state").iterdir() if path.is_file()]
    assert [body for body in bodies for text in texts if body in text] == []
    assert outside.key.exists()
