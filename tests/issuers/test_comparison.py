"""What came back against what was asked for: every field, which of them can be accepted, and what a person is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from reconciler.issuers.comparison import DeviationError, compare
from reconciler.x509.build import issue, self_signed
from reconciler.x509.names import NameConstraints, Subject
from reconciler.x509.profile import BACKDATE, Request
from reconciler.x509.read import Certificate
from tests.builders import NOW, YEAR, make_ca, make_key, make_leaf

CA: Final = make_ca("root", lifetime=5 * YEAR)
OTHER: Final = make_ca("root", key=make_key("other"), lifetime=5 * YEAR)
KEY: Final = make_key("leaf")
MINUTE: Final = timedelta(minutes=1)
ASKED: Final = Request(
    subject=Subject(common_name="api", organizations=("o",)),
    sans=("dns:api.example.com", "ip:192.0.2.1"),
    usages=("server auth",),
    not_before=NOW - BACKDATE,
    not_after=NOW - BACKDATE + YEAR,
    serial=1,
)


def given(request: Request, **changed: object) -> Certificate:
    """What a server signs that changes some of it."""
    return issue(replace(request, serial=99, **changed), KEY.public_key, CA.certificate, CA.key)


def compared(
    came: Certificate, request: Request = ASKED, accept: frozenset[str] | None = frozenset(), **given: object
) -> tuple[str, ...]:
    """The matters of what is accepted."""
    options = {"issuer": CA.certificate, "spki": KEY.facts.spki_sha256, "now": NOW, "remedy": "correct the role r"} | given
    return tuple(each.matter for each in compare(came, request, accept=accept, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"not_before": NOW - timedelta(seconds=30)},
        {"not_after": ASKED.not_after + BACKDATE},
        {"not_after": ASKED.not_before + YEAR * 0.9},
        {"key_usages": ("key agreement", "key encipherment")},
        {"sans": tuple(reversed(ASKED.sans))},
    ],
    ids=["all", "other back-dating", "as much longer as we back-date", "nine tenths", "more key usages", "another order"],
)
def test_what_may_differ(changed: dict[str, object]) -> None:
    """The serial number, the exact dates, harmless bits of keyUsage, and every order."""
    assert compared(given(ASKED, **changed)) == ()


@pytest.mark.parametrize(
    ("changed", "matter", "said"),
    [
        pytest.param({"not_after": NOW + timedelta(days=30)}, "lifetime", "lifetime: asked for 1y, got 30d", id="capped"),
        pytest.param({"not_after": NOW + 2 * YEAR}, "lifetime", "got 2y", id="longer"),
        pytest.param({"usages": ("client auth", "server auth")}, "usages", "got client auth, server auth", id="both usages"),
        pytest.param({"usages": ("client auth",)}, "usages", "asked for server auth, got client auth", id="another usage"),
        pytest.param({"subject": Subject(common_name="api")}, "subject", "asked for CN=api, O=o, got CN=api", id="organization"),
        pytest.param({"sans": ("dns:api.example.com",)}, "sans", "got dns:api.example.com", id="a name less"),
        pytest.param({"sans": (*ASKED.sans, "dns:api")}, "sans", "got dns:api, ", id="a name more"),
    ],
)
def test_what_can_be_accepted(changed: dict[str, object], matter: str, said: str) -> None:
    """Roles do that on purpose or by mistake: an error that says how to accept it, or what was accepted."""
    came = given(ASKED, **changed)
    with pytest.raises(DeviationError) as caught:
        compared(came)
    assert [each.matter for each in caught.value.deviations] == [matter]
    assert said in str(caught.value)
    assert str(caught.value).endswith(f"; correct the role r, or accept it by `accept: [{matter}]`")
    assert compared(came, accept=frozenset({matter})) == (matter,)
    for other in {"lifetime", "usages", "subject", "sans"} - {matter}:
        with pytest.raises(DeviationError):
            compared(came, accept=frozenset({other}))


def test_all_of_it_is_told_at_once() -> None:
    """Several deviations are one error, whose hint accepts all of them."""
    came = given(ASKED, subject=Subject(common_name="api"), usages=("client auth", "server auth"), sans=("dns:x.example",))
    with pytest.raises(DeviationError) as caught:
        compared(came)
    assert len(caught.value.problems) == 3
    assert caught.value.hint == "correct the role r, or accept it by `accept: [sans, subject, usages]`"
    assert set(compared(came, accept=frozenset({"sans", "subject", "usages"}))) == {"sans", "subject", "usages"}


def authority(**changed: object) -> Certificate:
    """The certificate of a CA in answer to the same request."""
    request = replace(ASKED, usages=(), is_ca=True, serial=99, **changed)
    return issue(request, KEY.public_key, CA.certificate, CA.key)


def of_another_key() -> Certificate:
    """For a key that was not asked for."""
    return issue(replace(ASKED, serial=99), make_key("wrong").public_key, CA.certificate, CA.key)


def of_another_ca() -> Certificate:
    """By a CA of the same name: another issuer of the same mount."""
    return issue(replace(ASKED, serial=99), KEY.public_key, OTHER.certificate, OTHER.key)


def of_another_name() -> Certificate:
    """By a CA of another name."""
    other = make_ca("elsewhere", lifetime=5 * YEAR)
    return issue(replace(ASKED, serial=99), KEY.public_key, other.certificate, other.key)


@pytest.mark.parametrize(
    ("make", "matter"),
    [
        pytest.param(of_another_key, "key", id="key"),
        pytest.param(of_another_ca, "issuer", id="issuer's key"),
        pytest.param(of_another_name, "issuer", id="issuer's name"),
        pytest.param(authority, "authority", id="CA"),
        pytest.param(lambda: given(ASKED, not_before=NOW + MINUTE, not_after=NOW + MINUTE + YEAR), "dates", id="future"),
    ],
)
def test_what_nobody_can_accept(make: Callable[[], Certificate], matter: str) -> None:
    """Key, issuer, CA bit, and a certificate that is not valid yet: an error although everything is accepted."""
    with pytest.raises(DeviationError) as caught:
        compared(make(), accept=frozenset({"lifetime", "usages", "subject", "sans", matter}))
    assert matter in {each.matter for each in caught.value.deviations}
    assert "accept:" not in str(caught.value)


def test_a_certificate_that_has_ended() -> None:
    """A server whose clock is far behind signs what is over already."""
    with pytest.raises(DeviationError, match="it has ended already"):
        compared(old_leaf(), accept=frozenset({"lifetime"}))


def old_leaf() -> Certificate:
    """Signed two years ago."""
    early = make_ca("root", lifetime=5 * YEAR, now=NOW - 3 * YEAR, key=CA.key)
    request = replace(ASKED, not_before=NOW - 2 * YEAR, not_after=NOW - YEAR, serial=99)
    return issue(request, KEY.public_key, early.certificate, early.key)


def test_it_must_not_outlive_its_ca() -> None:
    """`leaf_not_after_behavior: permit` gives certificates that no client accepts to their end."""
    short = make_ca("root", key=CA.key, lifetime=timedelta(days=360))
    with pytest.raises(DeviationError, match="outlives its CA"):
        compared(given(ASKED), issuer=short.certificate)


SUB: Final = Request(
    subject=Subject(common_name="sub"),
    is_ca=True,
    path_length=0,
    name_constraints=NameConstraints(permitted=("dns:example.com",)),
    not_before=NOW - BACKDATE,
    not_after=NOW - BACKDATE + YEAR,
    serial=1,
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"path_length": None}, "path length: asked for 0, got None"),
        ({"name_constraints": None}, "name constraints: asked for"),
        ({"not_after": NOW + timedelta(days=32)}, "lifetime: asked for 1y"),
        ({"subject": Subject(common_name="other")}, "subject: asked for CN=sub, got CN=other"),
        ({"is_ca": False, "path_length": None, "name_constraints": None, "usages": ("server auth",)}, "CA bit: asked for True"),
    ],
    ids=["path length", "name constraints", "lifetime", "subject", "no CA"],
)
def test_a_ca_has_to_be_what_was_asked_for(changed: dict[str, object], said: str) -> None:
    """For CAs nothing can be accepted, and the hint does not offer it."""
    changed = {"sans": ("dns:example.com",), **changed}
    request = replace(SUB, sans=("dns:example.com",))
    assert compared(given(request), request, accept=None) == ()
    with pytest.raises(DeviationError) as caught:
        compared(given(SUB, **changed), request, accept=None)
    assert said in str(caught.value)
    assert caught.value.hint == "correct the role r"


def test_a_root_signs_itself() -> None:
    """Where a root was asked for, what another CA signed is not one."""
    request = replace(SUB, name_constraints=None)
    root = self_signed(request, KEY)
    assert compared(root, request, issuer=None, accept=None) == ()
    with pytest.raises(DeviationError, match="not signed by itself"):
        compared(given(request), request, issuer=None, accept=None)


def test_a_renewed_ca_is_the_same_ca() -> None:
    """Another encoding of the name, or another key identifier, breaks what the old one signed."""
    request = replace(SUB, name_constraints=None)
    old = given(request)
    assert compared(given(request), request, old=old, accept=None) == ()
    other = replace(request, subject=Subject(common_name="sub", organizations=("o",)))
    with pytest.raises(DeviationError, match="the name is encoded otherwise"):
        compared(given(other), other, old=old, accept=None)
    foreign = make_leaf(CA, "x").certificate
    with pytest.raises(DeviationError, match="the key identifier is another"):
        compared(given(request), request, old=foreign, accept=None)
