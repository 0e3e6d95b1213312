"""CAs in a PKI mount: made once however often a run dies, renewed, taken over, found by their certificates, destroyed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pytest

from reconciler.desired.model import CA
from reconciler.issuers.keyrings import Keyring
from reconciler.issuers.protocol import Issuer
from reconciler.vault.engines.pki import Pki
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.csr import signing_request
from reconciler.x509.errors import LintError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import NameConstraints
from reconciler.x509.read import Certificate
from reconciler.x509.verify import chain_problem
from tests.builders import make_key
from tests.issuers.bench import DAY, Bench, Killed, pki_key, utc_now

KEY: Final = make_key("component")
LIMITS: Final = NameConstraints(permitted=("dns:example.com",))
#: What stands above a CA in a mount.
PARENTS: Final = ("none", "local", "another mount", "the same mount")


def parent_of(bench: Bench, which: str, mount: str) -> Issuer | None:
    """The CA above."""
    if which == "none":
        return None
    if which == "local":
        return bench.local("above")
    return bench.issuer(mount if which == "the same mount" else bench.pki(), "above")


def names(bench: Bench, mount: str) -> tuple[list[str], list[str]]:
    """The names of the issuers and of the keys of a mount, without those of the CA above."""
    pki = Pki(bench.client, mount)
    return (
        sorted(each.name for each in pki.issuers() if "above" not in each.name),
        sorted(each.name for each in pki.mount_keys() if "above" not in each.name),
    )


def living(parent: Issuer | None, certificate: Certificate) -> int:
    """How many certificates a server above has given to a key, which live."""
    if parent is None or not parent.remote:
        return 1
    return len(parent.find(certificate.facts.spki_sha256, utc_now() - 40 * DAY))  # type: ignore[attr-defined]


@pytest.mark.parametrize("algorithm", [a for a in KeyAlgorithm if a not in {KeyAlgorithm.RSA_3072, KeyAlgorithm.RSA_4096}])
@pytest.mark.parametrize("which", PARENTS)
def test_a_ca_is_made(bench: Bench, which: str, algorithm: KeyAlgorithm) -> None:
    """Of every type of key, by itself or under another CA: what was asked for, by its name, and it signs."""
    mount = bench.pki()
    parent = parent_of(bench, which, mount)
    limits, path_length = (LIMITS, 0) if parent is not None else (None, 1)
    ca = bench.ca("sub", pki_key(mount), key=algorithm, path_length=path_length, name_constraints=limits, lifetime=90 * DAY)
    keyring = bench.keyring(ca)
    made = keyring.create(ca, 1, bench.asked(ca, parent), parent)
    assert (made.facts.subject, made.facts.key, made.facts.path_length) == (ca.subject, algorithm, path_length)
    assert made.facts.name_constraints == limits
    assert names(bench, mount) == (["demo-sub-g1"], ["demo-sub-g1"])
    above = () if parent is None else (parent.certificate,)
    issuer = keyring.open(made, above)
    leaf = issuer.sign(bench.leaf(issuer, sans=("dns:api.example.com",), lifetime=DAY), KEY)
    assert chain_problem((leaf, *issuer.served_chain), (issuer.root,), at=utc_now(), usage="server auth") is None


@pytest.mark.parametrize("which", PARENTS)
def test_a_run_dies_after_any_call(bench: Bench, which: str) -> None:
    """Wherever it dies, the next one goes on: one issuer, one key, one certificate of the CA above, and it signs."""
    for step in itertools.count(1):
        mount = bench.pki()
        parent = parent_of(bench, which, mount)
        ca = bench.ca("sub", pki_key(mount), lifetime=90 * DAY)
        bench.api.calls.clear()
        bench.api.dies_after = step
        try:
            made = bench.keyring(ca).create(ca, 1, bench.asked(ca, parent), parent)
            died = False
        except Killed:
            bench.api.dies_after = 0
            made = bench.keyring(ca).create(ca, 1, bench.asked(ca, parent), parent)
            died = True
        bench.api.dies_after = 0
        assert names(bench, mount) == (["demo-sub-g1"], ["demo-sub-g1"])
        assert living(parent, made) == 1
        assert bench.keyring(ca).open(made, ()).certificate == made
        if not died:
            assert step == {"none": 2, "local": 4}.get(which, 5)
            return


@pytest.mark.parametrize("which", PARENTS)
@pytest.mark.parametrize("lost", ["*/generate/*", "*/sign-intermediate", "*/set-signed", "*/issuer/*"])
def test_any_answer_is_lost(bench: Bench, which: str, lost: str) -> None:
    """What was carried out is looked up and used, in this run or the next one: nothing is made twice."""
    mount = bench.pki()
    parent = parent_of(bench, which, mount)
    ca = bench.ca("sub", pki_key(mount), lifetime=90 * DAY)
    bench.api.loses = lost
    with suppress(VaultError):
        bench.keyring(ca).create(ca, 1, bench.asked(ca, parent), parent)
    bench.api.loses = ""
    made = bench.keyring(ca).create(ca, 1, bench.asked(ca, parent), parent)
    assert names(bench, mount) == (["demo-sub-g1"], ["demo-sub-g1"])
    assert living(parent, made) == 1


@pytest.mark.parametrize("which", ["none", "local"])
def test_a_request_that_is_lost(bench: Bench, which: str) -> None:
    """Nothing appears: told as unknown after a few short waits, and not asked for again."""
    mount = bench.pki()
    parent = parent_of(bench, which, mount)
    ca = bench.ca("sub", pki_key(mount), lifetime=90 * DAY)
    bench.api.drops = "*/generate/*"
    with pytest.raises(VaultError) as caught:
        bench.keyring(ca).create(ca, 1, bench.asked(ca, parent), parent)
    assert (caught.value.kind, bench.waits, names(bench, mount)) == (Kind.UNKNOWN, [0.0, 0.5, 1.5], ([], []))


@pytest.mark.parametrize("which", PARENTS)
def test_a_second_generation_in_the_same_mount(bench: Bench, which: str) -> None:
    """A rotation: a key of its own beside the first, and each certificate opens its own, whatever the default is."""
    mount = bench.pki()
    parent = parent_of(bench, which, mount)
    ca = bench.ca("sub", pki_key(mount), lifetime=90 * DAY)
    keyring = bench.keyring(ca)
    made = [keyring.create(ca, number, bench.asked(ca, parent), parent) for number in (1, 2)]
    assert names(bench, mount) == (["demo-sub-g1", "demo-sub-g2"], ["demo-sub-g1", "demo-sub-g2"])
    held = {each.generation: each.spki_sha256 for each in keyring.held() if each.generation}
    assert held == {number: each.facts.spki_sha256 for number, each in enumerate(made, start=1)}
    for each in made:
        issuer = keyring.open(each, ())
        assert issuer.sign(bench.leaf(issuer, lifetime=DAY), KEY).facts.aki == each.facts.ski
    keyring.destroy(made[0])
    assert names(bench, mount) == (["demo-sub-g2"], ["demo-sub-g2"])
    with pytest.raises(VaultError, match="no issuer has the key of CN=sub CA") as caught:
        keyring.open(made[0], ())
    assert caught.value.kind is Kind.ABSENT


@pytest.mark.parametrize("which", PARENTS)
def test_a_ca_is_renewed_and_runs_die(bench: Bench, which: str) -> None:
    """The same key, name and key identifier, other dates; wherever a run dies, the next one renews nothing a second time."""
    for step in itertools.count(1):
        mount = bench.pki()
        parent = parent_of(bench, which, mount)
        ca = bench.ca("sub", pki_key(mount), lifetime=90 * DAY)
        keyring = bench.keyring(ca)
        short = bench.ca("sub", pki_key(mount), lifetime=20 * DAY)
        old = keyring.create(short, 1, bench.asked(short, parent), parent)
        bench.api.calls.clear()
        bench.api.dies_after = step
        try:
            new = keyring.renew(ca, old, bench.asked_again(ca, old, parent), parent)
            died = False
        except Killed:
            bench.api.dies_after = 0
            new = keyring.renew(ca, old, bench.asked_again(ca, old, parent), parent)
            died = True
        bench.api.dies_after = 0
        assert (new.facts.spki_sha256, new.facts.ski) == (old.facts.spki_sha256, old.facts.ski)
        assert new.parsed.subject.public_bytes() == old.parsed.subject.public_bytes()
        assert new.facts.not_after - old.facts.not_after > 60 * DAY
        assert names(bench, mount) == (["demo-sub-g1", f"demo-sub-g1-{old.facts.fingerprint[:8]}"], ["demo-sub-g1"])
        assert living(parent, new) <= 2
        issuer = keyring.open(new, ())
        assert issuer.sign(bench.leaf(issuer, lifetime=DAY), KEY).facts.aki == old.facts.ski
        if not died:
            break
    newer = keyring.renew(ca, new, bench.asked_again(ca, new, parent), parent)
    assert newer.facts.spki_sha256 == old.facts.spki_sha256
    assert {each.generation for each in keyring.held() if each.certificate in {old, new, newer}} == {1}
    keyring.destroy(newer)
    assert names(bench, mount) == ([], [])


def test_a_mount_that_caps_lifetimes(bench: Bench) -> None:
    """The server says yes and gives ten years: an error, and what was made is gone again, key and all."""
    mount = bench.pki()
    ca = bench.ca("root", pki_key(mount), lifetime=5000 * DAY)
    with pytest.raises(LintError, match=r"lifetime: asked for 5000d.* look at the longest lease of the mount") as caught:
        bench.keyring(ca).create(ca, 1, bench.asked(ca), None)
    assert "was made and is removed again" in str(caught.value)
    assert "accept:" not in str(caught.value)
    assert names(bench, mount) == ([], [])


def test_what_the_server_cannot_do_for_a_root(bench: Bench) -> None:
    """Extended key usages of a root are not the server's to give: told, and removed again."""
    mount = bench.pki()
    ca = bench.ca("root", pki_key(mount))
    request = bench.asked(ca)
    wanted = type(request)(**{name: getattr(request, name) for name in request.__struct_fields__} | {"usages": ("server auth",)})
    with pytest.raises(LintError, match="extended key usages: asked for server auth, got none"):
        bench.keyring(ca).create(ca, 1, wanted, None)
    assert names(bench, mount) == ([], [])


def test_a_name_that_somebody_else_has(bench: Bench) -> None:
    """An issuer of that name which is another CA is neither used nor removed."""
    mount = bench.pki()
    ca = bench.ca("root", pki_key(mount))
    other = bench.ca("else", pki_key(mount))
    body = {"common_name": "else", "issuer_name": "demo-root-g1", "ttl": "24000h", "key_type": "ec"}
    bench.vault.must("POST", f"{mount}/root/generate/internal", body)
    with pytest.raises(LintError, match=r"subject: asked for .* the issuer demo-root-g1 of .* is there already"):
        bench.keyring(ca).create(ca, 1, bench.asked(ca), None)
    assert names(bench, mount)[0] == ["demo-root-g1"]
    assert bench.keyring(other).create(other, 1, bench.asked(other), None).facts.is_ca


def test_an_issuer_without_its_key(bench: Bench) -> None:
    """A certificate alone signs nothing."""
    mount = bench.pki()
    ca = bench.ca("local", pki_key(mount))
    alone = bench.local("local").certificate
    pki = Pki(bench.client, mount)
    pki.rename(pki.import_certificate(alone.pem.decode())[0], "demo-local-g1")
    with pytest.raises(LintError, match=r"the issuer demo-local-g1 of .* has no key"):
        bench.keyring(ca).create(ca, 1, bench.asked(ca), None)
    with pytest.raises(VaultError, match="no issuer has the key"):
        bench.keyring(ca).open(alone, ())
    assert bench.keyring(ca).held() == ()


@pytest.mark.parametrize("named", [True, False], ids=["by its name", "the default"])
def test_a_ca_of_somebody_else_is_taken_over(bench: Bench, named: bool) -> None:
    """Its certificate becomes ours, and says from then on which issuer signs, whatever becomes the default."""
    mount = bench.pki()
    certificate = bench.root(mount, "theirs")[1]
    if named:
        bench.root(mount, "other")
    ca = bench.ca("ours", pki_key(mount, create=False, issuer="demo-theirs-g1" if named else ""))
    keyring = bench.keyring(ca)
    assert keyring.create(ca, 1, bench.asked(ca), None) == certificate
    issuer = keyring.open(certificate, ())
    assert issuer.sign(bench.leaf(issuer), KEY).facts.aki == certificate.facts.ski
    with pytest.raises(LintError, match="is not ours to destroy"):
        keyring.destroy(certificate)


def test_what_is_not_ours_is_renewed_by_others(bench: Bench) -> None:
    """Told until somebody has done it; then the new certificate is taken over."""
    mount = bench.pki()
    theirs = bench.ca("theirs", pki_key(mount), lifetime=20 * DAY)
    old = bench.keyring(theirs).create(theirs, 1, bench.asked(theirs), None)
    ca = bench.ca("ours", pki_key(mount, create=False), lifetime=90 * DAY)
    keyring = bench.keyring(ca)
    with pytest.raises(LintError, match=r"is not ours to renew, and .* has no newer issuer with its key"):
        keyring.renew(ca, old, bench.asked_again(ca, old), None)
    theirs = bench.ca("theirs", pki_key(mount), lifetime=90 * DAY)
    new = bench.keyring(theirs).renew(theirs, old, bench.asked_again(theirs, old), None)
    assert keyring.renew(ca, old, bench.asked_again(ca, old), None) == new


def test_an_issuer_that_is_no_ca_of_ours_to_take(bench: Bench) -> None:
    """One without its key cannot be taken over."""
    mount = bench.pki()
    alone = bench.local("alone").certificate
    pki = Pki(bench.client, mount)
    identifier = pki.import_certificate(alone.pem.decode())[0]
    ca = bench.ca("ours", pki_key(mount, create=False, issuer=identifier))
    with pytest.raises(LintError, match="has no key; name another one"):
        bench.keyring(ca).create(ca, 1, bench.asked(ca), None)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_destroying_is_interrupted(bench: Bench, step: int) -> None:
    """However far a run got, the next one leaves nothing of that generation, and all of the others."""
    mount = bench.pki()
    ca = bench.ca("sub", pki_key(mount))
    keyring = bench.keyring(ca)
    first, _ = (keyring.create(ca, number, bench.asked(ca), None) for number in (1, 2))
    bench.api.calls.clear()
    bench.api.dies_after = step
    try:
        keyring.destroy(first)
    except Killed:
        bench.api.dies_after = 0
        keyring.destroy(first)
    assert names(bench, mount) == (["demo-sub-g2"], ["demo-sub-g2"])
    keyring.destroy(first)
    assert names(bench, mount) == (["demo-sub-g2"], ["demo-sub-g2"])


@pytest.mark.parametrize("step", [1, 2])
def test_a_ca_whose_key_we_hold_under_one_in_a_mount(bench: Bench, step: int) -> None:
    """A new certificate, and a renewed one: name, key identifier and constraints to the byte."""
    issuer = bench.issuer(bench.pki(), "above")
    constraints = NameConstraints(permitted=("dns:example.com", "ip:192.0.2.0/24"), excluded=("dns:bad.example.com",))
    # The fields for other constraints than permitted DNS names are those of Vault; they stand in the signing request too.
    constraints = constraints if step == 2 and bench.vault.scripted is None else LIMITS
    ca = bench.ca("sub", None, issuer="above", path_length=0, name_constraints=constraints, lifetime=20 * DAY)
    key = PrivateKey.generate(KeyAlgorithm.RSA_2048)
    request = bench.asked(ca, issuer)
    old = issuer.sign_ca(request, signing_request(request, key), None)
    assert (old.facts.name_constraints, old.facts.path_length) == (constraints, 0)
    longer = bench.ca("sub", None, issuer="above", path_length=0, name_constraints=constraints, lifetime=90 * DAY)
    request = bench.asked_again(longer, old, issuer)
    new = issuer.sign_ca(request, signing_request(request, key, subject=old.parsed.subject), old)
    assert (new.facts.ski, new.parsed.subject) == (old.facts.ski, old.parsed.subject)
    assert new.facts.not_after > old.facts.not_after


def test_a_renewal_with_another_spelling_of_the_name(bench: Bench) -> None:
    """A server that writes the name otherwise than it was makes another CA of it: told, and removed again."""
    mount = bench.pki()
    local = bench.local("above")
    ca = bench.ca("sub", pki_key(mount), lifetime=20 * DAY)
    old = bench.keyring(ca).create(ca, 1, bench.asked(ca, local), local)
    other = bench.issuer(bench.pki(), "elsewhere")
    longer = bench.ca("sub", pki_key(mount), lifetime=90 * DAY)
    with pytest.raises(LintError, match="the name is encoded otherwise than in the certificate that is renewed"):
        bench.keyring(longer).renew(longer, old, bench.asked_again(longer, old, other), other)
    assert names(bench, mount)[0] == ["demo-sub-g1"]


def call_create(bench: Bench, ca: CA, keyring: Keyring) -> object:
    """Makes one."""
    return keyring.create(ca, 1, bench.asked(ca), None)


def call_held(_bench: Bench, _ca: CA, keyring: Keyring) -> object:
    """Looks."""
    return keyring.held()


@pytest.mark.parametrize("call", [call_create, call_held])
def test_a_server_that_is_gone(bench: Bench, call: Callable[[Bench, CA, Keyring], object]) -> None:
    """It is told, and that it may come back."""
    ca = bench.ca("root", pki_key(bench.pki()))
    bench.api.fails = "*/issuers"
    with pytest.raises(VaultError) as caught:
        call(bench, ca, bench.keyring(ca))
    assert caught.value.retryable
