"""Every reason of a component: what is found and desired, and exactly the findings and action that follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest

from reconciler.desired.model import Access
from reconciler.observed.model import Absent, Certificates, DerivedOutput, FileMeta, Key, ObservedPair, Unusable
from reconciler.plan.inventory import Record
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import Subject
from tests.plan.world import (
    CORRUPT,
    DAY,
    NOT_OURS_TO_READ,
    NOW,
    SECRET,
    YEAR,
    World,
    ca,
    change,
    changes,
    codes,
    component,
    digest,
    key_facts,
    settled,
    state,
    steps,
)

API: Final = "component.api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A difference, and what a plan says of it."""

    differ: Callable[[World], object]
    word: str
    reasons: tuple[str, ...]
    wanted: dict[str, Any] = field(default_factory=dict)
    """Fields of the component from the start."""
    message: str = ""


def leaf(**fields: Any) -> Callable[[World], None]:  # noqa: ANN401 - any fact
    """The certificate says something else."""
    return lambda world: world.change_leaf(API, **fields)


def pair(**fields: Any) -> Callable[[World], None]:  # noqa: ANN401 - any field
    """Something else was found."""
    return lambda world: world.change_pair(API, **fields)


def want(**fields: Any) -> Callable[[World], None]:  # noqa: ANN401 - any field
    """The desired state says something else."""
    return lambda world: world.want(API, **fields)


def later(**span: float) -> Callable[[World], None]:
    """Time passes."""
    return lambda world: world.advance(**span)


def key_mode(mode: int, uid: int = 0) -> Callable[[World], None]:
    """The key file has another mode or owner."""

    def differ(world: World) -> None:
        found = world.pairs[API].key
        assert isinstance(found, Key)
        world.change_pair(API, key=Key(facts=found.facts, meta=FileMeta(mode=mode, uid=uid, gid=0)))

    return differ


def certificate_mode(mode: int) -> Callable[[World], None]:
    """The certificate file has another mode."""

    def differ(world: World) -> None:
        found = world.pairs[API].certificate
        assert isinstance(found, Certificates)
        world.change_pair(API, certificate=Certificates(chain=found.chain, meta=FileMeta(mode=mode, uid=0, gid=0)))

    return differ


def output(name: str, found: DerivedOutput | Unusable | Absent | None = None, **fields: Any) -> Callable[[World], None]:  # noqa: ANN401
    """A derived output is something else."""

    def differ(world: World) -> None:
        outputs = dict(world.pairs[API].outputs)
        outputs[name] = found if found is not None else msgspec.structs.replace(outputs[name], **fields)
        world.change_pair(API, outputs=outputs)

    return differ


def intruder(world: World) -> None:
    """A certificate and key of another CA, complete and fitting otherwise."""
    key = key_facts()
    world.change_leaf(API, spki_sha256=key.spki_sha256, fingerprint=digest("intruder"), serial="bad")
    world.change_pair(API, key=Key(facts=key, meta=SECRET), signed_by=digest("another CA"))


def no_record(world: World) -> None:
    """The state directory was lost."""
    world.records.clear()


CASES: Final[dict[str, Case]] = {
    "nothing differs": Case(differ=lambda _: None, word="", reasons=()),
    "everything gone": Case(differ=lambda w: w.pairs.pop(API), word="create", reasons=("Missing",)),
    "certificate gone": Case(differ=pair(certificate=Absent()), word="reissue", reasons=("Missing",)),
    "certificate gone, key kept": Case(
        differ=pair(certificate=Absent()), word="reissue", reasons=("Missing",), wanted={"rotate_key": False}
    ),
    "key gone": Case(differ=pair(key=Absent()), word="rekey", reasons=("Missing",)),
    "certificate corrupt": Case(differ=pair(certificate=CORRUPT), word="reissue", reasons=("Unreadable",)),
    "key corrupt": Case(differ=pair(key=CORRUPT), word="rekey", reasons=("Unreadable",)),
    "both corrupt": Case(
        differ=pair(certificate=CORRUPT, key=Unusable(problem="empty", detail="empty")),
        word="rekey",
        reasons=("Unreadable", "Unreadable"),
    ),
    "key of another pair": Case(
        differ=lambda w: w.change_pair(API, key=Key(facts=key_facts(), meta=SECRET)), word="rekey", reasons=("KeyMismatch",)
    ),
    "certificate of another pair": Case(differ=leaf(spki_sha256=digest("another key")), word="reissue", reasons=("KeyMismatch",)),
    "another CA": Case(differ=intruder, word="reissue", reasons=("WrongIssuer",)),
    "subject": Case(
        differ=want(subject=Subject(common_name="api", organizations=("ops",))),
        word="reissue",
        reasons=("SubjectMismatch",),
    ),
    "subject in another order": Case(
        differ=leaf(subject=Subject(common_name="api", organizations=("b", "a"))),
        word="",
        reasons=(),
        wanted={"subject": Subject(common_name="api", organizations=("a", "b"))},
    ),
    "SAN added": Case(
        differ=want(sans=("dns:api.example.com", "ip:192.0.2.1", "ip:192.0.2.2")),
        word="reissue",
        reasons=("SanMismatch",),
        message="added ip:192.0.2.2",
    ),
    "SAN removed": Case(
        differ=want(sans=("ip:192.0.2.1",)), word="reissue", reasons=("SanMismatch",), message="removed dns:api.example.com"
    ),
    "SANs in another order": Case(differ=want(sans=("ip:192.0.2.1", "dns:api.example.com")), word="", reasons=()),
    "usage added": Case(differ=want(usages=("client auth", "server auth")), word="reissue", reasons=("UsageMismatch",)),
    "key usage lacking": Case(differ=leaf(key_usages=("key encipherment",)), word="reissue", reasons=("UsageMismatch",)),
    "key usage asked for": Case(differ=want(key_usages=("key encipherment",)), word="reissue", reasons=("UsageMismatch",)),
    "no key usage at all": Case(differ=leaf(key_usages=()), word="", reasons=()),
    "key usage extra": Case(differ=leaf(key_usages=("digital signature", "key encipherment")), word="", reasons=()),
    "usage of a CA": Case(differ=leaf(key_usages=("cert sign", "digital signature")), word="reissue", reasons=("UsageMismatch",)),
    "marked as a CA": Case(differ=leaf(is_ca=True), word="reissue", reasons=("UsageMismatch",)),
    "key algorithm": Case(differ=want(key=KeyAlgorithm.ED25519), word="rekey", reasons=("KeyPolicyMismatch",)),
    "key algorithm of a kept key": Case(
        differ=want(key=KeyAlgorithm.ED25519), word="rekey", reasons=("KeyPolicyMismatch",), wanted={"rotate_key": False}
    ),
    "lifetime shortened": Case(differ=want(lifetime=90 * DAY), word="reissue", reasons=("LifetimeMismatch",)),
    "lifetime lengthened": Case(differ=want(lifetime=2 * YEAR), word="", reasons=()),
    "lifetime rounded": Case(differ=want(lifetime=YEAR - timedelta(minutes=50)), word="", reasons=()),
    "begins later": Case(differ=leaf(not_before=NOW + DAY), word="reissue", reasons=("NotYetValid",)),
    "due": Case(differ=later(days=336), word="reissue", reasons=("RenewalDue",)),
    "not due": Case(differ=later(days=331), word="", reasons=()),
    "expired": Case(differ=later(days=366), word="reissue", reasons=("Expired",)),
    "its last second": Case(differ=later(days=365, minutes=-5), word="reissue", reasons=("RenewalDue",)),
    "outlives its CA": Case(
        differ=leaf(not_after=NOW + 11 * YEAR), word="reissue", reasons=("LifetimeMismatch", "OutlivesIssuer")
    ),
    "weak signature": Case(differ=leaf(signature_hash="sha1"), word="reissue", reasons=("WeakSignature",)),
    "reissue asked for": Case(differ=want(reissue="2026-11"), word="reissue", reasons=("ReissueRequested",)),
    "key readable by all": Case(differ=key_mode(0o644), word="repair", reasons=("ModeDrift",)),
    "key stricter than asked": Case(differ=key_mode(0o400), word="repair", reasons=("ModeDrift",)),
    "another mode asked for": Case(differ=want(access=Access(mode=0o640)), word="repair", reasons=("ModeDrift",)),
    "certificate writable by all": Case(differ=certificate_mode(0o666), word="repair", reasons=("ModeDrift",)),
    "certificate stricter": Case(differ=certificate_mode(0o600), word="", reasons=()),
    "certificate unreadable": Case(differ=certificate_mode(0o044), word="repair", reasons=("ModeDrift",)),
    "owner": Case(differ=key_mode(0o600, uid=7), word="repair", reasons=("OwnerDrift",), wanted={"access": Access(owner="root")}),
    "owner by number": Case(
        differ=key_mode(0o600, uid=7), word="repair", reasons=("OwnerDrift",), wanted={"access": Access(owner=0)}
    ),
    "owner by quoted number": Case(
        differ=key_mode(0o600, uid=7), word="repair", reasons=("OwnerDrift",), wanted={"access": Access(owner="0")}
    ),
    "owner not asked for": Case(differ=key_mode(0o600, uid=7), word="", reasons=()),
    "several": Case(
        differ=steps(key_mode(0o644), want(sans=(), key=KeyAlgorithm.ED25519)),
        word="rekey",
        reasons=("SanMismatch", "KeyPolicyMismatch", "ModeDrift"),
    ),
}

OUTPUTS: Final = ("pem", "fullchain", "combined", "der", "pkcs12")
OUTPUT_CASES: Final[dict[str, Case]] = {
    "missing": Case(differ=output("pkcs12", Absent()), word="repair", reasons=("OutputStale",)),
    "unusable": Case(differ=output("der", CORRUPT), word="repair", reasons=("OutputStale",)),
    "unreadable for us": Case(differ=output("der", NOT_OURS_TO_READ), word="blocked", reasons=("OutputStale",)),
    "another certificate": Case(differ=output("fullchain", fingerprints=("x",)), word="repair", reasons=("OutputStale",)),
    "another key": Case(differ=output("combined", spki_sha256="x"), word="repair", reasons=("OutputStale",)),
    "mode of a secret": Case(
        differ=output("pkcs12", meta=FileMeta(mode=0o644, uid=0, gid=0)), word="repair", reasons=("ModeDrift",)
    ),
    "mode of a certificate": Case(
        differ=output("fullchain", meta=FileMeta(mode=0o664, uid=0, gid=0)), word="repair", reasons=("ModeDrift",)
    ),
    "two of them": Case(
        differ=steps(output("der", Absent()), output("fullchain", Absent())),
        word="repair",
        reasons=("OutputStale", "OutputStale"),
    ),
    "with a new pair": Case(differ=steps(output("der", Absent()), want(sans=())), word="reissue", reasons=("SanMismatch",)),
}


def check(case: Case, world: World) -> None:
    """The plan says exactly what the case says, counts it once, and is empty once carried out."""
    world.owners["root"] = 0
    case.differ(world)
    plan = world.plan()
    assert changes(plan) == ({API: (case.word, case.reasons)} if case.reasons else {})
    if case.message:
        assert change(plan, API).change.reasons[0].message == case.message
    summary = plan.document.summary
    words = {word: getattr(summary, word) for word in ("add", "change", "destroy", "reissue", "rekey", "repair", "blocked")}
    expected = dict.fromkeys(words, 0)
    if case.word:
        expected |= {"create": {"add": 1}}.get(case.word, {case.word: 1, "change": int(case.word != "blocked")})
    assert words == expected
    if case.word != "blocked":
        world.apply()
        assert changes(world.plan()) == {}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_component(case: Case) -> None:
    """Each difference gives its reason alone, the smallest action, and nothing after that was carried out."""
    world = settled(ca(), component(**case.wanted)) if "access" not in case.wanted else owned_world(case.wanted)
    check(case, world)


def owned_world(wanted: dict[str, Any]) -> World:
    """A settled world in which the account root is known."""
    world = settled(ca(), component())
    world.owners["root"] = 0
    world.want(API, **wanted)
    assert changes(world.plan()) == {}
    return world


@pytest.mark.parametrize("case", OUTPUT_CASES.values(), ids=OUTPUT_CASES.keys())
def test_derived_outputs(case: Case) -> None:
    """A derived file is mended without a new key, and needs no word of its own when the pair is made anew."""
    check(case, settled(ca(), component(outputs=OUTPUTS)))


def test_a_combined_file_without_pem_is_the_pair() -> None:
    """There it is judged once: as certificate and key, not again as an output; and it may be as open as the key."""
    world = settled(ca(), component(outputs=("combined",), access=Access(mode=0o660)))
    found = world.pairs[API]
    assert isinstance(found.certificate, Certificates)
    world.change_pair(
        API, certificate=Certificates(chain=found.certificate.chain, meta=FileMeta(mode=0o660, uid=0, gid=0)), outputs={}
    )
    assert changes(world.plan()) == {}


@pytest.mark.parametrize("problem", ["permission-denied", "io-error", "not-a-file"])
@pytest.mark.parametrize("part", ["certificate", "key"])
def test_what_we_may_not_read_is_not_replaced(part: str, problem: str) -> None:
    """A file that writing would not mend blocks its address, with an error that names it."""
    world = settled(ca(), component())
    world.change_pair(API, **{part: Unusable(problem=problem, detail="no")})
    plan = world.plan()
    assert changes(plan) == {API: ("blocked", ("Unreadable",))}
    assert (codes(plan), plan.work) == (["Unreadable"], ())


def test_an_account_that_does_not_exist_blocks() -> None:
    """Nothing could be published with that owner, so nothing is started."""
    world = settled(ca(), component())
    world.want(API, access=Access(owner="etcd"))
    plan = world.plan()
    assert changes(plan) == {API: ("blocked", ("OwnerDrift",))}
    assert codes(plan, "error") == ["OwnerDrift"]


def test_without_a_record_a_request_is_not_taken_for_new() -> None:
    """A lost state directory must not cost a reissue: the token cannot be compared, so it is not."""
    world = settled(ca(), component(reissue="once"))
    no_record(world)
    assert changes(world.plan()) == {}


def test_a_kubeadm_certificate_is_judged_by_what_remains() -> None:
    """Before 1.31 kubeadm gave leaves the notBefore of their CA: the span from there says nothing about a lifetime."""
    world = settled(ca(), component())
    world.advance(days=3 * 365)
    world.apply()
    world.change_leaf(API, not_before=world.leaf("ca.main").not_before)
    assert changes(world.plan()) == {}
    world.want(API, lifetime=90 * DAY)
    assert changes(world.plan()) == {API: ("reissue", ("LifetimeMismatch",))}


def test_renewal_waits_for_a_ca_that_ends_as_early() -> None:
    """Reissuing what ends with its CA would not buy a second: one warning, no change, whatever their number."""
    world = settled(ca(lifetime=YEAR, renew_before=DAY), component(), component("b"))
    world.advance(days=340)
    plan = world.plan()
    assert changes(plan) == {}
    assert [(entry.severity, entry.code, entry.held_back) for entry in plan.document.diagnostics] == [
        ("warning", "RenewalDue", [API, "component.b"])
    ]


def test_a_renewal_that_gains_little_happens_once() -> None:
    """When the CA ends soon after, the new certificate ends with it, and is not renewed again at every look."""
    world = settled(ca(lifetime=YEAR + DAY, renew_before=DAY), component())
    world.advance(days=340)
    assert changes(world.apply()) == {API: ("reissue", ("RenewalDue",))}
    assert changes(world.plan()) == {}


def test_a_certificate_without_its_key_is_made_around_a_key_of_ours_only() -> None:
    """With ``rotateKey: never`` the key stays when our record knows it; any other is not built upon."""
    world = settled(ca(), component(rotate_key=False))
    kept = world.pairs[API].key
    world.change_pair(API, certificate=Absent())
    world.apply()
    assert world.pairs[API].key == kept
    world.change_pair(API, certificate=Absent(), key=Key(facts=key_facts(), meta=SECRET))
    assert changes(world.plan()) == {API: ("rekey", ("Missing",))}


@pytest.mark.parametrize("at", [datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_leap_days_and_years_end_are_ordinary(at: datetime) -> None:
    """Dates are added as durations: 29 February plus a year is a date (Azure, 2012)."""
    world = World(desired=state(ca(), component()), now=at)
    world.apply()
    assert world.leaf(API).not_after - world.leaf(API).not_before == YEAR
    assert changes(world.plan()) == {}


def test_a_record_alone_changes_nothing() -> None:
    """What our record says of a certificate that is not there any more is drift, not a reason."""
    world = settled(ca(), component())
    world.records[API] = Record(kind="component", paths=("/elsewhere",), fingerprint=digest("x"))
    assert changes(world.plan()) == {}


def test_nothing_found_at_all_is_one_finding() -> None:
    """One file for both certificate and key that cannot be read is told once."""
    world = settled(ca(), component(outputs=("combined",)))
    world.pairs[API] = ObservedPair(certificate=CORRUPT, key=CORRUPT)
    assert changes(world.plan()) == {API: ("rekey", ("Unreadable",))}
