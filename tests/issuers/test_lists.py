"""The revocation list of a PKI mount: the server makes it, and it has what has to be on it before it is published."""

from __future__ import annotations

from typing import Final

import pytest

from reconciler.issuers.lists import UnlistedError
from reconciler.issuers.protocol import Issuer
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.crl import signed_by
from reconciler.x509.errors import LintError
from reconciler.x509.read import Certificate
from tests.builders import make_key
from tests.issuers.bench import Bench, new_list, pki_key

KEY: Final = make_key("component")


def signed(bench: Bench, issuer: Issuer) -> Certificate:
    """A new certificate."""
    return issuer.sign(bench.leaf(issuer), KEY)


@pytest.mark.parametrize("auto_rebuild", [False, True], ids=["at once", "auto_rebuild"])
def test_what_is_revoked_is_on_the_list(bench: Bench, auto_rebuild: bool) -> None:
    """Also where the server does not make its list anew for every revocation; what was revoked before stays on it."""
    mount = bench.pki()
    issuer = bench.issuer(mount)
    bench.vault.must("POST", f"{mount}/config/crl", {"auto_rebuild": auto_rebuild})
    first, second = signed(bench, issuer), signed(bench, issuer)
    one = new_list(issuer, first.facts.serial)
    two = new_list(issuer, first.facts.serial, second.facts.serial)
    assert [sorted(each.facts.serials) for each in (one, two)] == [
        [first.facts.serial],
        sorted([first.facts.serial, second.facts.serial]),
    ]
    assert one.facts.number is not None
    assert two.facts.number is not None
    assert one.facts.number < two.facts.number
    assert signed_by(two, issuer.certificate)


def test_a_list_without_entries(bench: Bench) -> None:
    """An empty list is a list; asking again gives the very same one, nothing is made anew for nothing."""
    issuer = bench.issuer(bench.pki())
    first = new_list(issuer)
    assert (first.facts.serials, new_list(issuer).der) == (frozenset(), first.der)


def test_what_nobody_knows_stops_nobody_else(bench: Bench) -> None:
    """A serial that the mount has never stored is told; the others are revoked, and the list comes with the error."""
    issuer = bench.issuer(bench.pki())
    known = signed(bench, issuer)
    with pytest.raises(UnlistedError, match=r"serial 1234abcd cannot be revoked by .*which does not know it") as caught:
        new_list(issuer, "1234abcd", known.facts.serial)
    assert caught.value.made.facts.serials == {known.facts.serial}


def test_what_was_not_stored_is_revoked_by_the_certificate(bench: Bench) -> None:
    """A role with `no_store`: the certificate that we have in a file is enough."""
    mount = bench.pki(other={"no_store": True})
    ca, certificate = bench.root(mount, role="other")
    issuer = bench.keyring(ca).open(certificate, ())
    forgotten = signed(bench, issuer)
    with pytest.raises(UnlistedError):
        new_list(issuer, forgotten.facts.serial)
    again = bench.keyring(ca, {forgotten.facts.serial: forgotten}).open(certificate, ())
    assert new_list(again, forgotten.facts.serial).facts.serials == {forgotten.facts.serial}


def test_each_issuer_has_its_own_list(bench: Bench) -> None:
    """Two CAs in one mount: the list is that of the one that is asked for."""
    mount = bench.pki()
    issuer, other = bench.issuer(mount), bench.issuer(mount, "other")
    revoked = signed(bench, other)
    assert new_list(other, revoked.facts.serial).facts.serials == {revoked.facts.serial}
    assert new_list(issuer).facts.serials == frozenset()


def test_a_list_of_somebody_else(bench: Bench) -> None:
    """What is not signed by the CA whose certificate we hold is not published."""
    ca, certificate = bench.root(bench.pki())
    issuer = bench.keyring(ca).open(certificate, ())
    issuer._lists._certificate = bench.local("root").certificate  # type: ignore[attr-defined]
    with pytest.raises(LintError, match="is not signed by CN=root CA"):
        new_list(issuer)


def test_a_mount_that_makes_no_list(bench: Bench) -> None:
    """With `disable` the server's list stays empty: an error that says where to look, not a list that lets them in."""
    mount = bench.pki()
    issuer = bench.issuer(mount)
    revoked = signed(bench, issuer)
    bench.vault.must("POST", f"{mount}/config/crl", {"disable": True})
    with pytest.raises(LintError, match=r"lacks what was revoked: .*; look at its config/crl"):
        new_list(issuer, revoked.facts.serial)


def test_a_server_that_is_gone(bench: Bench) -> None:
    """Nothing is told to be revoked that is not."""
    issuer = bench.issuer(bench.pki())
    bench.api.drops = "*/revoke"
    with pytest.raises(VaultError) as caught:
        new_list(issuer, signed(bench, issuer).facts.serial)
    assert caught.value.kind is Kind.UNKNOWN


def test_a_list_that_is_half_over_is_made_anew(bench: Bench) -> None:
    """Whoever asks for a list because the one in its place ends gets a new one."""
    mount = bench.pki()
    ca, certificate = bench.root(mount)
    issuer = bench.keyring(ca).open(certificate, ())
    old = new_list(issuer)
    assert old.facts.next_update is not None
    late = old.facts.next_update - (old.facts.next_update - old.facts.this_update) / 3
    issuer._lists._now = lambda: late  # type: ignore[attr-defined]
    new = new_list(issuer)
    assert old.facts.number is not None
    assert new.facts.number is not None
    assert new.facts.number > old.facts.number


def test_revoking_twice_changes_nothing(bench: Bench) -> None:
    """A serial that is revoked already and waits for its list needs no second revocation."""
    mount = bench.pki()
    issuer = bench.issuer(mount)
    bench.vault.must("POST", f"{mount}/config/crl", {"auto_rebuild": True})
    certificate = signed(bench, issuer)
    remote = bench.keyring(bench.ca("root", pki_key(mount))).open(issuer.certificate, ())
    remote.revoke(certificate)  # type: ignore[attr-defined]
    remote.revoke(certificate)  # type: ignore[attr-defined]
    assert new_list(issuer, certificate.facts.serial).facts.serials == {certificate.facts.serial}
