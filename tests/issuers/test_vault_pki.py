"""The issuer that is a PKI engine: what it signs is compared, revoked when it must not be used, and looked up when it is lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, cast

import pytest

from reconciler.issuers.protocol import Issuer, RemoteIssuer
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.errors import LintError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate
from reconciler.x509.verify import chain_problem
from tests.builders import make_key
from tests.issuers.bench import DAY, Bench, pki_key, utc_now

KEY: Final = make_key("component")


def live(issuer: Issuer, key: PrivateKey = KEY) -> tuple[Certificate, ...]:
    """The certificates of the key that the server knows, and that are not revoked."""
    return cast("RemoteIssuer", issuer).find(key.facts.spki_sha256, utc_now())


@pytest.mark.parametrize("algorithm", [a for a in KeyAlgorithm if a not in {KeyAlgorithm.RSA_3072, KeyAlgorithm.RSA_4096}])
@pytest.mark.parametrize("how", ["role", "verbatim", "verbatim with a role"])
def test_a_certificate_is_signed(bench: Bench, how: str, algorithm: KeyAlgorithm) -> None:
    """By a role, or as it is asked for: names, usages and dates are as asked for, and the chain verifies."""
    role = "" if how == "verbatim" else "wide"
    issuer = bench.issuer(bench.pki(), role=role, verbatim=how != "role")
    key = make_key("component", algorithm)
    organizations, usages = (("a", "b"), ("client auth", "server auth")) if how != "role" else ((), ("server auth",))
    request = bench.leaf(issuer, organizations=organizations, usages=usages)
    issuer.prepare(request)
    signed = issuer.sign(request, key)
    assert signed.facts.sans == tuple(sorted(request.sans))
    assert (signed.facts.subject, signed.facts.usages) == (request.subject, usages)
    assert abs(signed.facts.not_after - request.not_after) < timedelta(minutes=6)
    assert chain_problem((signed,), (issuer.root,), at=utc_now(), usage="server auth") is None
    assert (issuer.remote, live(issuer, key)) == (True, (signed,))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"allow_any_name": False, "allowed_domains": ["other.example"]}, "not allowed by this role", id="name"),
        pytest.param({"allow_ip_sans": False}, "IP Subject Alternative Names are not allowed", id="address"),
        pytest.param({"key_type": "rsa"}, "role requires keys of type rsa", id="key"),
    ],
)
def test_a_role_that_refuses(bench: Bench, changed: Mapping[str, object], said: str) -> None:
    """The server's words, and which role it is; the same will be refused again."""
    mount = bench.pki(narrow=changed)
    issuer = bench.issuer(mount, role="narrow")
    with pytest.raises(VaultError, match=said) as caught:
        issuer.sign(bench.leaf(issuer), KEY)
    assert (caught.value.kind, caught.value.retryable) == (Kind.REFUSED, False)
    assert caught.value.hint == f"correct the role narrow of {mount}"


@pytest.mark.parametrize(
    ("changed", "asked", "matter"),
    [
        pytest.param({"max_ttl": "720h"}, {}, "lifetime", id="lifetime capped"),
        pytest.param({"client_flag": True}, {}, "usages", id="both usages by default"),
        pytest.param({"organization": ["else"]}, {}, "subject", id="organization of the role"),
        pytest.param({}, {"organizations": ("system:masters",)}, "subject", id="organization that no role gives"),
    ],
)
def test_what_a_role_makes_of_it(
    bench: Bench, changed: Mapping[str, object], asked: Mapping[str, tuple[str, ...]], matter: str
) -> None:
    """A success that is not what was asked for is an error, and revoked at once; or it is accepted, and published."""
    mount = bench.pki(other=changed)
    issuer = bench.issuer(mount, role="other")
    with pytest.raises(LintError) as caught:
        issuer.sign(bench.leaf(issuer, **asked), KEY)  # type: ignore[arg-type]
    assert f"correct the role other of {mount}, or accept it by `accept: [{matter}]`" in str(caught.value)
    assert "was signed and was revoked again" in str(caught.value)
    assert live(issuer) == ()
    taking = bench.issuer(mount, name="second", role="other", accept=frozenset({matter}))
    signed = taking.sign(bench.leaf(taking, **asked), KEY)  # type: ignore[arg-type]
    assert live(taking) == (signed,)


def test_an_orphan_that_cannot_be_revoked(bench: Bench) -> None:
    """It is told by its serial number: somebody has to do it."""
    issuer = bench.issuer(bench.pki(other={"client_flag": True}), role="other")
    bench.api.drops = "*/revoke"
    with pytest.raises(LintError, match=r"serial [0-9a-f]+ was signed and could not be revoked: .*ended before"):
        issuer.sign(bench.leaf(issuer), KEY)
    assert len(live(issuer)) == 1


def test_an_orphan_that_was_not_stored(bench: Bench) -> None:
    """What a role does not store is revoked by the certificate itself."""
    issuer = bench.issuer(bench.pki(other={"client_flag": True, "no_store": True}), role="other")
    with pytest.raises(LintError, match="was signed and was revoked again"):
        issuer.sign(bench.leaf(issuer), KEY)


def test_the_default_may_be_another_tomorrow(bench: Bench) -> None:
    """Somebody swaps the mount's default issuer: ours goes on signing."""
    mount = bench.pki()
    issuer = bench.issuer(mount)
    other = bench.root(mount, "other")[1]
    held = {each.spki_sha256: each for each in bench.keyring(bench.ca("root", pki_key(mount))).held()}
    bench.vault.must("POST", f"{mount}/config/issuers", {"default": held[other.facts.spki_sha256].reference})
    signed = issuer.sign(bench.leaf(issuer), KEY)
    assert signed.facts.aki == issuer.certificate.facts.ski != other.facts.ski


def test_another_issuer_answers(bench: Bench) -> None:
    """What comes back is not signed by the CA that we hold the certificate of: never used, although names are right."""
    mount = bench.pki()
    ca, certificate = bench.root(mount)
    stranger = bench.local("root")
    issuer = bench.keyring(ca).open(certificate, ())
    issuer.certificate = stranger.certificate  # type: ignore[misc]
    with pytest.raises(LintError, match=r"another CA signed it .* than CN=root CA") as caught:
        issuer.sign(bench.leaf(issuer), KEY)
    assert "revoked again" in str(caught.value)


def test_a_lost_answer_is_found_again(bench: Bench) -> None:
    """The connection ends after the server has signed: the certificate is adopted, and none is asked for a second time."""
    issuer = bench.issuer(bench.pki())
    bench.api.loses = "*/sign/*"
    signed = issuer.sign(bench.leaf(issuer), KEY)
    assert live(issuer) == (signed,)
    assert sum("/sign/" in path for path in bench.api.calls) == 1


def test_what_is_in_use_is_not_found_again(bench: Bench) -> None:
    """A key that stays has a certificate already, which may be as young: it is no answer to a request that never arrived."""
    issuer = bench.issuer(bench.pki())
    old = issuer.sign(bench.leaf(issuer), KEY)
    bench.api.drops = "*/sign/*"
    with pytest.raises(VaultError, match="for all that can be seen nothing was signed"):
        issuer.sign(bench.leaf(issuer), KEY, instead=old.facts.fingerprint)
    bench.api.drops, bench.api.loses = "", "*/sign/*"
    signed = issuer.sign(bench.leaf(issuer), KEY, instead=old.facts.fingerprint)
    assert sorted(live(issuer), key=lambda each: each.der) == sorted((old, signed), key=lambda each: each.der)


def test_what_is_found_again_is_compared_too(bench: Bench) -> None:
    """A lost answer that was wrong is revoked like any other."""
    issuer = bench.issuer(bench.pki(other={"client_flag": True}), role="other")
    bench.api.loses = "*/sign/*"
    with pytest.raises(LintError, match="extended key usages"):
        issuer.sign(bench.leaf(issuer), KEY)
    assert live(issuer) == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "no such certificate is stored, for all that can be seen nothing was signed"),
        ({"no_store": True}, "the role other does not store what it signs (no_store), so nobody can tell"),
    ],
    ids=["stores", "does not store"],
)
def test_a_lost_request(bench: Bench, changed: Mapping[str, object], said: str) -> None:
    """Nothing is found after a few short waits: told as unknown, with why, and never asked for again."""
    issuer = bench.issuer(bench.pki(other=changed), role="other")
    bench.api.drops = "*/sign/*"
    with pytest.raises(VaultError) as caught:
        issuer.sign(bench.leaf(issuer), KEY)
    assert (caught.value.kind, said in str(caught.value)) == (Kind.UNKNOWN, True)
    assert bench.waits == [0.0, 0.5, 1.5]
    assert not any("/sign/" in path for path in bench.api.calls)


def test_a_key_that_stays_does_not_bring_back_its_old_certificate(bench: Bench) -> None:
    """With a kept key, what was signed long before is not taken for the answer that was lost."""
    issuer = bench.issuer(bench.pki())
    old = issuer.sign(bench.leaf(issuer), KEY)
    assert cast("RemoteIssuer", issuer).find(KEY.facts.spki_sha256, utc_now() + timedelta(hours=1)) == ()
    assert live(issuer) == (old,)


def test_a_lookup_that_fails(bench: Bench) -> None:
    """The server is gone when we look: still unknown, with both reasons."""
    issuer = bench.issuer(bench.pki())
    request = bench.leaf(issuer)
    bench.api.drops = "*/sign/*"
    bench.api.fails = "*/certs*"
    with pytest.raises(VaultError, match=r"ended before there was an answer; what was signed cannot be looked up: .*gone"):
        issuer.sign(request, KEY)


def test_nobody_said_which_role(bench: Bench) -> None:
    """Without a role nothing but CAs is signed, and that is said before a key is made."""
    issuer = bench.issuer(bench.pki(), role="")
    with pytest.raises(LintError, match="nobody has said by which role"):
        issuer.prepare(bench.leaf(issuer))
    issuer.prepare(bench.asked(bench.ca("sub", None), issuer))


def test_the_profile_holds_here_too(bench: Bench) -> None:
    """What must not be signed is refused before the server is asked."""
    issuer = bench.issuer(bench.pki())
    before = list(bench.api.calls)
    with pytest.raises(LintError, match="needs a DNS name or an IP address"):
        issuer.sign(bench.leaf(issuer, sans=("uri:spiffe://td/x",)), KEY)
    assert bench.api.calls == before


def short(bench: Bench, issuer: Issuer, lifetime: timedelta) -> Request:
    """A short one."""
    return bench.leaf(issuer, lifetime=lifetime)


@pytest.mark.parametrize("lifetime", [timedelta(minutes=10), timedelta(hours=1), 9 * DAY])
def test_short_lives(bench: Bench, lifetime: timedelta) -> None:
    """Back-dating, ours and the server's, does not make a short certificate too short."""
    issuer = bench.issuer(bench.pki())
    signed = issuer.sign(short(bench, issuer, lifetime), KEY)
    assert signed.facts.not_after <= utc_now() + lifetime


def test_a_ca_that_ends_soon(bench: Bench) -> None:
    """What is asked for until the very end of the CA is not refused for a second, and does not outlive it."""
    mount = bench.pki()
    ca = bench.ca("root", pki_key(mount), lifetime=10 * DAY)
    issuer = bench.keyring(ca).open(bench.keyring(ca).create(ca, 1, bench.asked(ca), None), ())
    request = bench.leaf(issuer, lifetime=90 * DAY)
    assert request.not_after == issuer.certificate.facts.not_after
    assert issuer.sign(request, KEY).facts.not_after <= issuer.certificate.facts.not_after
