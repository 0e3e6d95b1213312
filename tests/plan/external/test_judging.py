"""What comes back from an external CA is looked at field by field before anybody uses it."""

from __future__ import annotations

from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.desired.vault import ExternalKey
from reconciler.observed.model import Unusable
from reconciler.x509.names import NameConstraints, Subject
from tests.plan.external.outside import ADDRESS, answer, bring, outside, request
from tests.plan.world import DAY, NOW, World, changes, component, key_facts

#: What differs, and what is said of it: the attribute, what was got, what was asked for.
DEVIATIONS: Final[list[tuple[dict[str, Any], tuple[str, str | None, str | None]]]] = [
    ({"subject": Subject(common_name="other")}, ("subject", "CN=other", "CN=api")),
    ({"sans": ("dns:api.example.com",)}, ("sans", "dns:api.example.com", "dns:api.example.com, ip:192.0.2.1")),
    ({"sans": ()}, ("sans", "", "dns:api.example.com, ip:192.0.2.1")),
    ({"usages": ("client auth", "server auth")}, ("usages", "client auth, server auth", "server auth")),
    ({"usages": ()}, ("usages", "", "server auth")),
    ({"key_usages": ("key encipherment",)}, ("key_usages", "key encipherment", "digital signature")),
    ({"key_usages": ("cert sign", "digital signature")}, ("key_usages", "cert sign, digital signature", "digital signature")),
    ({"is_ca": True}, ("is_ca", "true", "false")),
    ({"signature_hash": "sha1"}, ("signature", "sha1", None)),
    ({"not_after": NOW + 90 * DAY}, ("lifetime", "90d", "365d")),
    ({"not_after": NOW + 800 * DAY}, ("lifetime", "800d", "365d")),
    ({"not_before": NOW + DAY, "not_after": NOW + 366 * DAY}, ("not_before", "2026-11-21T10:30:15Z", None)),
]


def unfit(world: World) -> list[tuple[str, str | None, str | None]]:
    """What is said to be wrong with the answer."""
    (entry,) = world.plan().document.resource_changes
    assert entry.change.class_ == "blocked"
    return [(each.path, each.current, each.planned) for each in entry.change.reasons if each.code == "AnswerUnfit"]


@pytest.mark.parametrize(("facts", "said"), DEVIATIONS, ids=lambda value: next(iter(value)) if isinstance(value, dict) else "")
def test_a_deviation_is_an_error_that_names_its_field(facts: dict[str, Any], said: tuple[str, str | None, str | None]) -> None:
    """Nothing is published, and the request stays out."""
    world = outside()
    request(world)
    answer(world, **facts)
    assert unfit(world) == [said]
    plan = world.plan()
    (told,) = [entry for entry in plan.document.diagnostics if entry.severity == "error"]
    assert (told.code, told.address, told.held_back) == ("AnswerUnfit", ADDRESS, [ADDRESS])
    assert told.summary.startswith("component.api: what came back from ca.main is not used: ")
    assert "/pki/api.next.csr" in told.detail


def test_every_deviation_is_told() -> None:
    """One look says all that has to be mended."""
    world = outside()
    request(world)
    answer(world, sans=(), usages=("client auth",), not_after=NOW + 90 * DAY)
    assert [path for path, _, _ in unfit(world)] == ["sans", "usages", "lifetime"]


def test_an_answer_to_an_earlier_request_is_told_apart() -> None:
    """It is for another key: nothing else about it matters."""
    world = outside()
    request(world)
    leaf = answer(world, spki_sha256="ab" * 32, sans=())
    assert [(path, current) for path, current, _ in unfit(world)] == [("key", f"sha256:{leaf.spki_sha256}")]


def test_another_signer_is_told() -> None:
    """By the signature: that it names our CA says nothing."""
    world = outside()
    request(world)
    answer(world, signed=False)
    assert unfit(world) == [("issuer", "CN=main", "ca.main")]


def test_names_beyond_the_constraints_of_the_ca_are_told() -> None:
    """Verifiers would refuse it, so nobody is given it."""
    world = outside()
    limits = NameConstraints(permitted=("dns:example.org",), excluded=())
    key = key_facts("rsa-2048")
    bring(world, world.desired.cas["main"], key, name_constraints=limits)
    request(world)
    answer(world)
    assert unfit(world) == [("sans", "dns:api.example.com", None)]


def test_an_answer_that_has_ended_is_told() -> None:
    """It lay there for too long."""
    world = outside(component(lifetime=30 * DAY, renew_before=5 * DAY))
    request(world)
    answer(world)
    world.advance(days=31)
    assert unfit(world) == [("not_after", "2026-12-20T10:30:15Z", None)]


def test_an_answer_that_would_be_due_at_once_is_told() -> None:
    """Publishing it would ask for the next one in the same breath."""
    world = outside()
    request(world)
    answer(world)
    world.advance(days=350)
    assert [path for path, _, _ in unfit(world)] == ["not_after"]


@pytest.mark.parametrize(
    ("problem", "detail"),
    [
        ("not-pem", "openssl x509 -inform der -in FILE -out /pki/api.next.crt"),
        ("truncated", "Have /pki/api.next.csr signed again"),
        ("empty", "Have /pki/api.next.csr signed again"),
        ("wrong-type", "Have /pki/api.next.csr signed again"),
    ],
)
def test_what_is_no_certificate_is_told(problem: str, detail: str) -> None:
    """With the way out, which for DER is a command."""
    world = outside()
    request(world)
    world.requests[ADDRESS] = replace(world.requests[ADDRESS], answer=Unusable(problem=problem, detail="it is none"))
    plan = world.plan()
    assert changes(plan) == {ADDRESS: ("blocked", ("Missing", "AnswerUnfit"))}
    (told,) = plan.document.diagnostics
    assert f"it is none ({problem})" in told.summary
    assert detail in told.detail


@pytest.mark.parametrize(
    ("accept", "facts", "class_"),
    [
        ("lifetime", {"not_after": NOW + 90 * DAY}, "create"),
        ("lifetime", {"not_after": NOW + 800 * DAY}, "create"),
        ("subject", {"subject": Subject(common_name="api", organizations=("Example Inc.",))}, "create"),
        ("sans", {"sans": ("dns:api.example.com",)}, "create"),
        ("usages", {"usages": ("client auth", "server auth")}, "create"),
        ("usages", {"is_ca": True}, "blocked"),
        ("usages", {"key_usages": ("cert sign", "digital signature")}, "blocked"),
        ("sans", {"subject": Subject(common_name="other")}, "blocked"),
    ],
)
def test_what_is_accepted_is_no_deviation(accept: str, facts: dict[str, Any], class_: str) -> None:
    """And no finding afterwards, so that nothing loops; that it could be a CA is accepted by nobody."""
    words = frozenset({accept})
    world = outside(component(accepts=words))
    world.want("ca.main", key_in=ExternalKey(accept=words))
    request(world)
    answer(world, **facts)
    assert changes(world.plan())[ADDRESS][0] == class_


def test_a_certificate_that_ends_with_its_ca_is_long_enough() -> None:
    """Nobody can be given more than there is."""
    world = outside(lifetime=100 * DAY)
    request(world)
    answer(world)
    assert changes(world.plan()) == {ADDRESS: ("create", ("Missing", "RequestAnswered"))}
