"""Lists are signed with dates that hold, by as many keys as are trusted; what was revoked is remembered long enough."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import pytest
from cryptography import x509

from reconciler.apply.crls import list_files, remembered, sign_lists
from reconciler.desired.model import Crl, CrlFormat
from reconciler.desired.place import Place
from reconciler.issuers.local import LocalIssuer
from reconciler.observed.model import FileMeta, ObservedCrl, ObservedState, RevocationLists
from reconciler.plan.inventory import Revoked
from reconciler.x509.crl import RevocationList, read_crls
from reconciler.x509.facts import CrlEntry
from tests.builders import NOW, Pair, make_ca

DAY: Final = timedelta(days=1)
OLD: Final = make_ca("generation-1", now=NOW - DAY)
NEW: Final = make_ca("generation-2", now=NOW - DAY)
YOUNG: Final = make_ca("young", now=NOW + timedelta(minutes=2))
SHORT: Final = make_ca("short", now=NOW, lifetime=3 * DAY)
ENTRIES: Final = (CrlEntry(serial="ab", at=NOW, reason="keyCompromise"),)


def crl(*formats: CrlFormat, validity: timedelta = 7 * DAY) -> Crl:
    """A list somewhere."""
    place = Place(store="files", root="/srv", path="ca.crl")
    return Crl(address="crl.main", name="main", node=None, place=place, formats=formats, validity=validity, keep=DAY)


def signed(*pairs: Pair, previous: int = 0, validity: timedelta = 7 * DAY) -> tuple[RevocationList, ...]:
    """A list by each CA."""
    issuers = [LocalIssuer(pair.certificate, pair.key) for pair in pairs]
    return sign_lists(issuers, ENTRIES, crl=crl("pem", validity=validity), previous=previous, now=NOW)


def test_every_trusted_key_signs_the_same_entries() -> None:
    """PEM holds all of them, DER that of the key that signs certificates now: it names everything too."""
    lists = signed(NEW, OLD)
    assert [each.parsed.issuer for each in lists] == [pair.certificate.parsed.subject for pair in (NEW, OLD)]
    assert {each.facts.entries for each in lists} == {ENTRIES}
    assert {each.facts.number for each in lists} == {int(NOW.timestamp())}
    pem, der = list_files(lists, crl("pem", "der"))
    assert (pem.suffix, read_crls(pem.data), pem.mode) == ("", lists, 0o644)
    assert (der.suffix, x509.load_der_x509_crl(der.data)) == (".der", lists[0].parsed)


@pytest.mark.parametrize(("previous", "number"), [(0, int(NOW.timestamp())), (2**40, 2**40 + 1)])
def test_the_number_is_the_time_or_grows_by_one(previous: int, number: int) -> None:
    """Whatever was signed before."""
    assert signed(NEW, previous=previous)[0].facts.number == number


@pytest.mark.parametrize(
    ("ca", "begin", "end"),
    [
        pytest.param(NEW, NOW - timedelta(minutes=5), NOW + 7 * DAY, id="back-dated, as certificates are"),
        pytest.param(YOUNG, YOUNG.certificate.facts.not_before, NOW + 7 * DAY, id="not before its CA"),
        pytest.param(SHORT, NOW - timedelta(minutes=5), SHORT.certificate.facts.not_after, id="not beyond its CA"),
    ],
)
def test_dates_lie_within_those_of_the_ca(ca: Pair, begin: datetime, end: datetime) -> None:
    """A list outside of its CA's time would be worth nothing."""
    (made,) = signed(ca)
    assert (made.facts.this_update, made.facts.next_update) == (begin, end)


def revoked(serial: str, days: int) -> Revoked:
    """A certificate that ends in so many days."""
    return Revoked(serial=serial, issuer="ca.main", at=NOW, not_after=NOW + days * DAY)


def test_what_has_ended_is_forgotten_once_no_list_names_it() -> None:
    """The inventory does not grow for ever; the first record of a certificate counts."""
    (made,) = signed(NEW)
    state = RevocationLists(lists=(made.facts,), signers=("",), meta=FileMeta(mode=0o644, uid=0, gid=0))
    nothing = ObservedState(pairs={}, bundles={}, kubeconfigs={}, keypairs={})
    seen = ObservedState(pairs={}, bundles={}, kubeconfigs={}, keypairs={}, crls={"crl.main": ObservedCrl(files={"pem": state})})
    alive, ended, listed = revoked("1", 1), revoked("2", -1), revoked("ab", -1)
    assert remembered([listed, ended, alive], nothing, [], now=NOW) == (alive,)
    assert remembered([listed, ended, alive], seen, [], now=NOW) == (alive, listed)
    assert remembered([listed, ended, alive], nothing, [(made,)], now=NOW) == (alive, listed)
    assert remembered([revoked("1", 5), alive], nothing, [], now=NOW) == (alive,)
