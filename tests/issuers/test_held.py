"""Going on with what a run that died has left: which certificate is the one that would be asked for now."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from reconciler.issuers.comparison import compare
from reconciler.issuers.held import fits, made_then
from reconciler.x509.build import issue
from reconciler.x509.names import Subject
from reconciler.x509.profile import BACKDATE, Request, validity
from reconciler.x509.read import Certificate
from tests.builders import NOW, YEAR, Pair, make_ca, make_key

DAY = timedelta(days=1)
KEY = make_key("sub")


def asked(parent: Pair, now: datetime = NOW, lifetime: timedelta = YEAR) -> Request:
    """What would be asked for at a time."""
    begin, end = validity(now, lifetime, parent.certificate.facts)
    return Request(subject=Subject(common_name="sub"), is_ca=True, not_before=begin, not_after=end, serial=5)


def given(parent: Pair, request: Request) -> Certificate:
    """What a server made of it."""
    return issue(request, KEY.public_key, parent.certificate, parent.key)


def does(parent: Pair, certificate: Certificate, now: datetime, old: Certificate | None = None) -> bool:
    """Whether it fits what would be asked for at a time."""
    return fits(certificate, asked(parent, now), parent.certificate, KEY.facts.spki_sha256, now=now, old=old)


@pytest.mark.parametrize(
    ("life", "age", "fit"),
    [
        pytest.param(9 * YEAR, 0 * DAY, True, id="new"),
        pytest.param(9 * YEAR, 9 * DAY, True, id="days"),
        pytest.param(9 * YEAR, 99 * DAY, False, id="months"),
        pytest.param(YEAR, 99 * DAY, True, id="months and both end with the CA above"),
        pytest.param(100 * DAY, 90 * DAY, True, id="both end before"),
    ],
)
def test_how_old_it_may_be(life: timedelta, age: timedelta, fit: bool) -> None:
    """Some days; and any age where the end of the CA above ends a new one just as early."""
    parent = make_ca("above", lifetime=life)
    assert does(parent, given(parent, asked(parent)), NOW + age) is fit


def test_what_was_asked_for_then() -> None:
    """A certificate that is years old is what was asked for when it was made; one that was capped is not."""
    parent = make_ca("above", lifetime=9 * YEAR)
    now = NOW + 3 * YEAR
    request = asked(parent, now, 5 * YEAR)
    options = {"issuer": parent.certificate, "spki": KEY.facts.spki_sha256, "now": now}
    old = given(parent, asked(parent, NOW, 5 * YEAR))
    assert compare(old, made_then(request, old), **options) == ()  # type: ignore[arg-type]
    capped = given(parent, asked(parent, NOW, 4 * YEAR))
    assert made_then(request, capped).not_after - capped.facts.not_before == 5 * YEAR


def test_the_one_that_is_renewed_is_not_its_own_renewal() -> None:
    """However new it is; a later one of the same key and name is."""
    parent = make_ca("above", lifetime=9 * YEAR)
    old = given(parent, asked(parent))
    new = given(parent, replace(asked(parent, NOW + DAY), serial=6))
    assert (does(parent, old, NOW, old), does(parent, new, NOW + DAY, old)) == (False, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"path_length": 0},
        {"subject": Subject(common_name="other")},
        {"not_after": NOW - BACKDATE + 30 * DAY},
    ],
    ids=["path length", "name", "capped"],
)
def test_something_else(changed: dict[str, object]) -> None:
    """What differs from the request is not it."""
    parent = make_ca("above", lifetime=9 * YEAR)
    assert not does(parent, given(parent, replace(asked(parent), **changed)), NOW)
