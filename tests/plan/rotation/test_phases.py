"""The phase of a rotation: what is derived from hand-made evidence, and what keeps the next phase from beginning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.desired.model import Rotation, RotationPhase
from reconciler.plan.rotation.barriers import Blocker, Course, phase_of
from reconciler.plan.rotation.evidence import Evidence, Leaf, Output
from reconciler.plan.rotation.generations import Wanted
from reconciler.plan.rotation.lifecycle import Standing
from reconciler.plan.rotation.phase import ORDER, PHASES, Phase, following, is_client
from reconciler.plan.rotation.standing import Terms, standing_of

NOW: Final = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
DAY: Final = timedelta(days=1)
CA: Final = "ca.main"
OLD: Final = frozenset({1})
BOTH: Final = frozenset({1, 2})
NEW: Final = frozenset({2})


def found(
    numbers: frozenset[int] = BOTH,
    *,
    holds: frozenset[int] | None = BOTH,
    client: int | None = 2,
    server: int | None = 2,
    signing: int = 2,
    **more: Any,  # noqa: ANN401 - any field of the evidence
) -> Evidence:
    """Two trust files of which the second may differ, a client and a server; issued two days ago."""
    fields: dict[str, Any] = {
        "outputs": (Output(address="bundle.a", holds=BOTH & numbers), Output(address="bundle.b", holds=holds)),
        "leaves": (
            Leaf(address="component.client", signer=client, client=True, issued=NOW - 2 * DAY),
            Leaf(address="component.server", signer=server, client=False, issued=NOW - 2 * DAY),
        ),
    }
    return Evidence(address=CA, numbers=numbers, signing=signing, **fields | more)


#: How it looks in each phase, when nothing but what the phase itself does is missing; the last is all but over.
SEEN: Final[dict[Phase, Evidence]] = {
    Phase.STABLE: found(OLD, holds=OLD, client=1, server=1, signing=1),
    Phase.STAGE: found(holds=OLD, client=1, server=1, signing=1),
    Phase.CLIENTS: found(client=1, server=1, signing=1),
    Phase.SERVERS: found(server=1, signing=1),
    Phase.SOAK: found(),
    Phase.DISTRUST: found(holds=NEW),
}


def course(evidence: Evidence, **fields: Any) -> Course:  # noqa: ANN401 - any field
    """A rotation from the first generation to the second, after its soak."""
    defaults: dict[str, Any] = {"source": 1, "target": 2, "now": NOW, "soak": DAY, "by_hand": lambda _: ()}
    return Course(evidence=evidence, **defaults | fields)


def waits(evidence: Evidence, **fields: Any) -> tuple[Phase, list[str]]:  # noqa: ANN401 - any field
    """The phase, and what it waits for; what a plan sees to has a star."""
    phase, blockers = phase_of(course(evidence, **fields))
    return phase, [f"{blocker.address} {blocker.message}{'*' * blocker.by_plan}" for blocker in blockers]


# The table.


def test_the_table_of_phases() -> None:
    """Who is trusted, who issues and what must move: the whole of it."""
    assert {phase: (row.trusted, row.clients, row.servers, row.must_move) for phase, row in PHASES.items()} == {
        Phase.STABLE: (("target",), "target", "target", "all"),
        Phase.STAGE: (("source", "target"), "source", "source", "nothing"),
        Phase.CLIENTS: (("source", "target"), "target", "source", "clients"),
        Phase.SERVERS: (("source", "target"), "target", "target", "all"),
        Phase.SOAK: (("source", "target"), "target", "target", "all"),
        Phase.DISTRUST: (("target",), "target", "target", "all"),
    }


def test_phases_follow_each_other_in_a_ring() -> None:
    """The last leads to where everything begins."""
    assert [following(phase) for phase in ORDER] == [*ORDER[1:], Phase.STABLE]


@pytest.mark.parametrize(
    ("usages", "client"),
    [(("client auth",), True), (("server auth",), False), (("client auth", "server auth"), False), ((), False)],
)
def test_who_moves_with_the_clients(usages: tuple[str, ...], *, client: bool) -> None:
    """Only what is for client auth alone: a peer is a server too."""
    assert is_client(usages) is client


@pytest.mark.parametrize(
    ("phase", "issues", "accepts"),
    [
        (Phase.STABLE, (2, 2), (NEW, NEW)),
        (Phase.STAGE, (1, 1), (BOTH, BOTH)),
        (Phase.CLIENTS, (2, 1), (NEW, BOTH)),
        (Phase.SERVERS, (2, 2), (NEW, NEW)),
        (Phase.SOAK, (2, 2), (NEW, NEW)),
        (Phase.DISTRUST, (2, 2), (NEW, NEW)),
    ],
)
def test_who_issues_and_what_may_stay(
    phase: Phase, issues: tuple[int, int], accepts: tuple[frozenset[int], frozenset[int]]
) -> None:
    """By phase, for a client and for everybody else; a frozen rotation leaves everything where it is."""
    standing = Standing(phase=phase, source=1, target=2, trusted=(1, 2))
    assert (standing.issues(client=True), standing.issues(client=False)) == issues
    assert (standing.accepts(client=True), standing.accepts(client=False)) == accepts
    frozen = replace(standing, frozen=True)
    assert (frozen.accepts(client=True), frozen.accepts(client=False)) == (BOTH, BOTH)


# From evidence to the phase.

STAGED: Final = SEEN[Phase.CLIENTS]
FILES: Final = STAGED.outputs
LEAVES: Final = SEEN[Phase.SOAK].leaves
UNREADY: Final = "was not told"


def restarts(phase: Phase) -> tuple[str, ...]:
    """What people have to do in each phase."""
    return (f"restart after {phase}",)


@pytest.mark.parametrize(
    ("evidence", "phase", "blockers"),
    [
        pytest.param(SEEN[Phase.STABLE], Phase.STAGE, [
            f"{CA} has no generation 2 yet*",
            "bundle.a does not hold generation 2 yet*",
            "bundle.b does not hold generation 2 yet*",
        ], id="nothing-is-there-yet"),
        pytest.param(SEEN[Phase.STAGE], Phase.STAGE, ["bundle.b does not hold generation 2 yet*"], id="a-file-is-behind"),
        pytest.param(found(holds=None, client=1, server=1, signing=1), Phase.STAGE, ["bundle.b is not there yet*"],
                     id="a-file-is-missing"),
        pytest.param(replace(STAGED, outputs=(replace(FILES[0], unready=UNREADY), FILES[1])), Phase.STAGE,
                     [f"bundle.a {UNREADY}"], id="a-file-is-not-loaded"),
        pytest.param(replace(STAGED, busy=("ca.sub",)), Phase.STAGE, ["ca.sub is in a rotation of its own"],
                     id="one-below-rotates"),
        pytest.param(STAGED, Phase.CLIENTS, ["component.client is signed by generation 1*"], id="a-client-is-behind"),
        pytest.param(found(client=0, server=1, signing=1, leaves=(replace(LEAVES[0], signer=0),
                     Leaf(address="component.told", signer=2, client=True))), Phase.CLIENTS,
                     ["component.client is signed by another key*"], id="a-client-of-a-stranger"),
        pytest.param(found(signing=1, leaves=(replace(LEAVES[0], unready=UNREADY), replace(LEAVES[1], signer=1))),
                     Phase.CLIENTS, [f"component.client {UNREADY}"], id="a-client-is-not-loaded"),
        pytest.param(SEEN[Phase.SERVERS], Phase.SERVERS,
                     ["component.server is signed by generation 1*", f"{CA} signs with generation 1*"], id="a-server-is-behind"),
        pytest.param(found(signing=0), Phase.SERVERS, [f"{CA} signs with generation unknown*"], id="nobody-signs"),
        pytest.param(found(copies={"ca.main[a]": 2, "ca.main[b]": 1}), Phase.SERVERS,
                     ["ca.main[b] is not a copy of generation 2 yet*"], id="a-copy-is-behind"),
        pytest.param(found(leaves=(LEAVES[0], replace(LEAVES[1], issued=NOW - DAY / 2))), Phase.SOAK,
                     [f"{CA} soaks until 2026-11-20T22:30:00Z"], id="it-soaks"),
        pytest.param(found(leaves=(LEAVES[0], replace(LEAVES[1], issued=NOW + DAY / 2))), Phase.SOAK,
                     [f"{CA} soaks until 2026-11-21T10:30:00Z"], id="it-soaks-from-now-at-the-latest"),
        pytest.param(found(leaves=(LEAVES[0], replace(LEAVES[1], unready=UNREADY))), Phase.SOAK,
                     [f"component.server {UNREADY}"], id="a-server-is-not-loaded"),
        pytest.param(found(outputs=(FILES[0], replace(FILES[1], unready=UNREADY))), Phase.SOAK,
                     [f"bundle.b {UNREADY}"], id="a-later-file-is-not-loaded"),
        pytest.param(SEEN[Phase.SOAK], Phase.DISTRUST,
                     ["bundle.a still holds generation 1*", "bundle.b still holds generation 1*"], id="it-has-soaked"),
        pytest.param(SEEN[Phase.DISTRUST], Phase.DISTRUST, ["bundle.a still holds generation 1*"], id="half-of-it-is-taken-out"),
        pytest.param(found(outputs=(Output(address="bundle.a", holds=NEW, unready=UNREADY), FILES[1])), Phase.DISTRUST,
                     ["bundle.b still holds generation 1*"], id="what-is-taken-out-need-not-be-loaded-first"),
    ],
)  # fmt: skip
def test_each_barrier_names_what_it_waits_for(evidence: Evidence, phase: Phase, blockers: list[str]) -> None:
    """Every blocker by itself, and the phase that it keeps."""
    assert waits(evidence) == (phase, blockers)


@pytest.mark.parametrize(
    ("evidence", "phase", "blockers"),
    [
        pytest.param(STAGED, Phase.STAGE, [f"{CA} needs somebody to restart after stage"], id="stage"),
        pytest.param(found(server=1, signing=1), Phase.CLIENTS, [f"{CA} needs somebody to restart after clients"], id="clients"),
        pytest.param(found(), Phase.SOAK, [f"{CA} needs somebody to restart after servers"], id="servers"),
    ],
)
def test_restarts_by_hand_keep_a_phase_until_somebody_says_so(evidence: Evidence, phase: Phase, blockers: list[str]) -> None:
    """The plan names them; a person who applies again is taken to have done them."""
    assert waits(evidence, by_hand=restarts) == (phase, blockers)
    assert ORDER.index(waits(evidence, by_hand=restarts, confirmed=True)[0]) == ORDER.index(phase) + 1


@pytest.mark.parametrize(
    ("seen", "phase", "blockers"),
    [
        pytest.param(Phase.STAGE, Phase.STAGE, ["bundle.b does not hold generation 2 yet*", "bundle.new is not there yet*"]),
        pytest.param(Phase.CLIENTS, Phase.STAGE, ["bundle.new is not there yet*"]),
        pytest.param(
            Phase.SERVERS, Phase.SERVERS, ["component.server is signed by generation 1*", f"{CA} signs with generation 1*"]
        ),
        pytest.param(Phase.SOAK, Phase.DISTRUST, ["bundle.a still holds generation 1*", "bundle.b still holds generation 1*"]),
        pytest.param(Phase.DISTRUST, Phase.DISTRUST, ["bundle.a still holds generation 1*"]),
    ],
)
def test_a_node_that_joins_holds_nobody_back(seen: Phase, phase: Phase, blockers: list[str]) -> None:
    """Its files are missing: they are waited for while nothing is issued by the new generation, and never after that."""
    evidence = SEEN[seen]
    joined = replace(
        evidence,
        outputs=(*evidence.outputs, Output(address="bundle.new", holds=None)),
        leaves=(*evidence.leaves, *(Leaf(address=f"component.{end}", signer=None, client=end == "c") for end in "cs")),
    )
    assert waits(joined) == (phase, blockers)


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (Phase.STAGE, Phase.STAGE),
        (Phase.CLIENTS, Phase.STAGE),
        (Phase.SERVERS, Phase.SERVERS),
        (Phase.SOAK, Phase.SOAK),
        (Phase.DISTRUST, Phase.DISTRUST),
    ],
)
def test_a_barrier_once_passed_stays_passed(seen: Phase, phase: Phase) -> None:
    """What was issued shows that everybody was ready: a reader who is told of something later leads nowhere back."""
    first, *others = SEEN[seen].outputs
    assert phase_of(course(replace(SEEN[seen], outputs=(replace(first, unready=UNREADY), *others))))[0] is phase


@pytest.mark.parametrize("hold", get_args(RotationPhase))
@pytest.mark.parametrize("seen", [Phase.STABLE, Phase.CLIENTS, Phase.DISTRUST])
def test_a_hold_keeps_its_phase_and_all_behind_it(hold: str, seen: Phase) -> None:
    """Nothing enters a held phase, whatever is there; what is missing before it is still told."""
    free, told = waits(SEEN[seen])
    phase, blockers = waits(SEEN[seen], hold=Phase(hold))
    before = ORDER[ORDER.index(Phase(hold)) - 1]
    if ORDER.index(free) <= ORDER.index(before):
        assert (phase, blockers) == (free, told)
        return
    begun = max(before, Phase.STABLE if seen is Phase.STABLE else Phase.STAGE, key=ORDER.index)
    assert (phase, blockers) == (begun, [f"{CA} is held by `rotation.hold: {hold}`"])


BLIND: Final = "is seen from node a alone"
#: The last phase that a view of one node enters, by `proceed`; a signing pair of the new generation says "soak" by itself.
ENTERED: Final[dict[str | None, tuple[Phase, Phase]]] = {
    None: (Phase.STAGE, Phase.SOAK),
    "stage": (Phase.STAGE, Phase.SOAK),
    "clients": (Phase.CLIENTS, Phase.SOAK),
    "servers": (Phase.SERVERS, Phase.SOAK),
    "soak": (Phase.SERVERS, Phase.SOAK),
    "distrust": (Phase.SERVERS, Phase.DISTRUST),
}


@pytest.mark.parametrize("proceed", ENTERED)
def test_a_view_of_one_node_goes_as_far_as_it_is_told(proceed: str | None) -> None:
    """It cannot see whether the others are ready; that the CA signs with the new generation was decided by somebody who could."""
    told = Phase(proceed) if proceed else None
    ready = replace(STAGED, leaves=())
    assert waits(ready, blind=BLIND, proceed=told)[0] is ENTERED[proceed][0]
    assert waits(SEEN[Phase.SOAK], blind=BLIND, proceed=told)[0] is ENTERED[proceed][1]


def test_a_view_of_one_node_says_what_it_needs() -> None:
    """The word that lets it go on."""
    assert waits(STAGED, blind=BLIND) == (
        Phase.STAGE,
        [f"{CA} {BLIND}; when all nodes are ready, say `rotation.proceed: clients`"],
    )


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (SEEN[Phase.STABLE], Phase.STABLE),
        (replace(STAGED, leaves=()), Phase.STAGE),
        (replace(SEEN[Phase.SERVERS], leaves=LEAVES[:1]), Phase.CLIENTS),
        (SEEN[Phase.SERVERS], Phase.CLIENTS),
        (SEEN[Phase.SOAK], Phase.SOAK),
    ],
)
def test_nothing_new_begins_while_it_is_frozen(seen: Evidence, phase: Phase) -> None:
    """Phases that have begun are told by what is there; a further one does not begin, but a soak, which is only waited for."""
    assert waits(seen, frozen="is suspended") == (phase, [f"{CA} is suspended"])


@pytest.mark.parametrize(
    ("fields", "youngest", "until"),
    [
        pytest.param({}, NOW - DAY / 2, NOW + DAY / 2, id="from-the-youngest-certificate"),
        pytest.param({"settled": NOW - DAY}, NOW - DAY / 2, NOW, id="from-our-record-when-something-was-renewed-later"),
        pytest.param({"settled": NOW}, NOW - DAY / 2, NOW + DAY / 2, id="whichever-is-earlier"),
        pytest.param({"made": NOW - DAY / 4}, None, NOW + DAY * 3 / 4, id="from-the-making-where-nothing-is-issued"),
        pytest.param({"made": NOW - DAY / 4, "settled": NOW - DAY}, None, NOW, id="or-from-our-record"),
        pytest.param({}, None, NOW + DAY, id="else-from-now"),
    ],
)
def test_a_soak_begins_when_the_last_has_moved(fields: dict[str, datetime], youngest: datetime | None, until: datetime) -> None:
    """What is on disk says when; a record survives renewals."""
    evidence = found(leaves=(replace(LEAVES[0], issued=youngest), replace(LEAVES[1], issued=youngest and youngest - DAY)))
    assert course(evidence, **fields).soaks_until == until


# Where it stands.


def stands(evidence: Evidence, number: int = 2, **fields: Any) -> Standing:  # noqa: ANN401 - any field of the terms
    """Where it stands, when this generation is wanted."""
    defaults: dict[str, Any] = {"rotation": Rotation(soak=DAY), "now": NOW}
    return standing_of(Wanted(number), evidence, Terms(**defaults | fields))


@pytest.mark.parametrize("phase", list(SEEN)[1:])
def test_going_back_is_the_same_walk(phase: Phase) -> None:
    """Source and target change places; what was reached counts for the other direction."""
    back = stands(SEEN[phase], 1)
    reached = {
        Phase.STAGE: Phase.DISTRUST,
        Phase.CLIENTS: Phase.DISTRUST,
        Phase.SERVERS: Phase.CLIENTS,
        Phase.SOAK: Phase.CLIENTS,
        Phase.DISTRUST: Phase.STAGE,
    }
    assert (back.source, back.target, back.phase) == (2, 1, reached[phase])


def test_a_second_rotation_waits_for_the_first() -> None:
    """Nothing of the first is undone: everything stays with the generation that it has, and the way out is told."""
    assert stands(SEEN[Phase.SERVERS], 3) == Standing(
        phase=Phase.CLIENTS,
        source=1,
        target=2,
        signing=1,
        trusted=(1, 2),
        waits=(Blocker(address=CA, message="cannot go to generation 3 before", people="decide"),),
        asked=3,
        frozen=True,
        error=(
            "generation 3 is asked for while the rotation between generations 1 and 2 is not finished; "
            "ask for 2 to finish it, or for 1 to go back, and raise the number afterwards"
        ),
    )


def test_of_three_generations_the_signing_one_and_the_newest_are_between() -> None:
    """Whatever git asks for then: all of them stay trusted."""
    evidence = found(frozenset({1, 2, 3}), outputs=(Output(address="bundle.a", holds=frozenset({1, 2, 3})),), signing=1)
    standing = stands(evidence, 2)
    assert (standing.source, standing.target, standing.trusted, standing.frozen) == (1, 3, (1, 2, 3), True)


def test_a_rotation_that_soaks_says_since_when_and_until_when() -> None:
    """Both from the youngest certificate; before that there is nothing to say."""
    assert (stands(SEEN[Phase.SERVERS]).settled, stands(SEEN[Phase.SERVERS]).soaks_until) == (None, None)
    assert (stands(found()).settled, stands(found()).soaks_until) == (NOW - 2 * DAY, NOW - DAY)


@pytest.mark.parametrize("confirmed", [True, False])
def test_what_a_person_is_taken_to_have_done_is_told(*, confirmed: bool) -> None:
    """The restarts that nothing shows, when the phase goes on for that alone."""
    standing = stands(STAGED, confirmed=confirmed, by_hand=restarts)
    asked = (Blocker(address=CA, message="needs somebody to restart after stage", people="restart"),)
    assert (standing.phase, standing.assumed) == ((Phase.CLIENTS, asked) if confirmed else (Phase.STAGE, ()))
    assert stands(SEEN[Phase.STAGE], confirmed=confirmed, by_hand=restarts).assumed == ()


def test_what_may_not_begin_stays_with_what_is() -> None:
    """A hold before the first phase: one generation, and the one that is asked for."""
    assert stands(SEEN[Phase.STABLE], rotation=Rotation(hold="stage")) == Standing(
        waits=(Blocker(address=CA, message="is held by `rotation.hold: stage`", people="release"),), asked=2
    )


@pytest.mark.parametrize(
    ("number", "retired", "blind", "retiring"),
    [
        pytest.param(2, "keep", "", (3,), id="what-nobody-goes-to-any-more"),
        pytest.param(2, "destroy", "", (1, 3), id="what-git-wants-destroyed"),
        pytest.param(2, "destroy", BLIND, (), id="others-may-still-use-it"),
    ],
)
def test_generations_that_nobody_uses_retire(number: int, retired: Any, blind: str, retiring: tuple[int, ...]) -> None:  # noqa: ANN401
    """A later one that was given up is removed; an earlier one is kept aside unless git says otherwise."""
    evidence = found(frozenset({1, 2, 3}), outputs=(Output(address="bundle.a", holds=NEW),))
    assert stands(evidence, number, rotation=Rotation(retired=retired), blind=blind).retiring == retiring


# Properties.

RANKS: Final = (OLD, BOTH, NEW)


@st.composite
def walks(draw: st.DrawFn) -> tuple[Evidence, Evidence]:
    """A rotation somewhere, and the same later: nothing is taken back, nobody forgets what he has loaded."""
    pairs = st.tuples(st.integers(0, 2), st.integers(0, 2)).map(sorted)
    steps = st.tuples(st.integers(0, 1), st.integers(0, 1)).map(sorted)
    outputs = draw(st.lists(st.tuples(pairs, steps), min_size=1, max_size=3))
    leaves = draw(st.lists(st.tuples(steps, steps, st.booleans()), max_size=4))
    made, signing = draw(steps), draw(steps)
    return cast(
        "tuple[Evidence, Evidence]",
        tuple(
            Evidence(
                address=CA,
                numbers=BOTH if made[i] else OLD,
                signing=1 + signing[i],
                outputs=tuple(
                    Output(address=f"bundle.{n}", holds=RANKS[rank[i]], unready="" if loaded[i] else UNREADY)
                    for n, (rank, loaded) in enumerate(outputs)
                ),
                leaves=tuple(
                    Leaf(address=f"component.{n}", signer=1 + moved[i], client=client, unready="" if loaded[i] else UNREADY)
                    for n, (moved, loaded, client) in enumerate(leaves)
                ),
            )
            for i in (0, 1)
        ),
    )


@given(walk=walks(), waited=st.tuples(st.integers(0, 3), st.integers(0, 3)).map(sorted), confirmed=st.booleans())
def test_a_phase_is_never_gone_back_to(walk: tuple[Evidence, Evidence], waited: list[int], *, confirmed: bool) -> None:
    """While evidence only moves forwards, so does the phase."""
    before, after = (
        phase_of(course(evidence, now=NOW + days * DAY, made=NOW, confirmed=confirmed, by_hand=restarts))[0]
        for evidence, days in zip(walk, waited, strict=True)
    )
    assert ORDER.index(before) <= ORDER.index(after)


@given(walk=walks(), number=st.integers(1, 3), data=st.data())
def test_where_it_stands_follows_from_the_evidence_alone(
    walk: tuple[Evidence, Evidence], number: int, data: st.DataObject
) -> None:
    """In whatever order it was found; only the blockers are listed in that order."""
    evidence = walk[0]
    shuffled = replace(
        evidence,
        outputs=tuple(data.draw(st.permutations(evidence.outputs))),
        leaves=tuple(data.draw(st.permutations(evidence.leaves))),
    )
    assert unordered(stands(shuffled, number)) == unordered(stands(evidence, number))


def unordered(standing: Standing) -> Standing:
    """The same with its blockers sorted."""
    return replace(standing, waits=tuple(sorted(standing.waits, key=lambda blocker: (blocker.address, blocker.message))))


@given(walk=walks(), number=st.integers(1, 2))
def test_who_issues_is_trusted(walk: tuple[Evidence, Evidence], number: int) -> None:
    """Whatever was found, nothing is issued by a generation that is taken out of trust files."""
    standing = stands(walk[0], number)
    assert {standing.issues(client=True), standing.issues(client=False)} <= set(standing.trusted)


def test_what_is_frozen_in_the_middle_of_distrust_trusts_nobody_anew() -> None:
    """A suspended CA changes nothing; one that a single file has left by somebody else's hand is where it was."""
    frozen = {"frozen": "is suspended"}
    assert waits(SEEN[Phase.DISTRUST], **frozen)[0] is Phase.DISTRUST
    assert waits(found(holds=NEW, noted=BOTH), **frozen)[0] is Phase.SOAK
