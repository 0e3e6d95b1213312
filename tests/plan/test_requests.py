"""Signing requests in plans: what is foreseen of them, which view they belong to, and what guards and targets do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from reconciler.desired.compile import compile_state
from reconciler.desired.load import load
from reconciler.desired.model import DesiredState
from reconciler.observed.model import ObservedState
from reconciler.plan.build import Plan, make_plan
from reconciler.plan.document import Source
from reconciler.plan.foresee import foresee
from reconciler.plan.inventory import Inventory, Record
from reconciler.plan.options import Options
from reconciler.plan.reasons import Action
from tests.desired.memory_source import MemorySource
from tests.requesting import HEAD, csr, entry, manifest

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOTHING = ObservedState(pairs={}, bundles={}, kubeconfigs={}, keypairs={})
OBJECT = "requests/jane.yaml"
JANE = "request.jane"
FILES = {OBJECT: manifest(csr()), "requests/jane.csr": csr()}


def desired(fields: str = "approval: approved", *, main: str = HEAD, node: str | None = None, csr: str = OBJECT) -> DesiredState:
    """A desired state with one request."""
    files = {"cluster-pki.yaml": main + entry(fields, csr=csr), **FILES}
    return compile_state(load(MemorySource({name: text.encode() for name, text in files.items()})), node=node, root="").state


def plan(
    state: DesiredState,
    observed: ObservedState = NOTHING,
    inventory: Inventory = Inventory(),  # noqa: B008 - immutable
    *,
    now: datetime = NOW,
    options: Options = Options(),  # noqa: B008 - immutable
) -> Plan:
    """A plan at a time."""
    source = Source(path="cluster-pki.yaml", sha256="")
    return make_plan(state, observed, inventory, now=now, options=options, source=source, tool_version="0")


def actions(made: Plan) -> dict[str, Action]:
    """What is done, by address."""
    return {work.address: work.action for work in made.work}


def recorded(*names: str) -> Inventory:
    """An inventory with certificates of requests."""
    return Inventory(
        records={
            f"request.{name}": Record(
                kind="request",
                paths=(f"/{name}.crt",),
                fingerprint="f",
                serial=f"{number}1",
                issuer="ca.kubernetes",
                not_after=NOW + timedelta(days=30),
                root="/",
                path=name,
            )
            for number, name in enumerate(names, 1)
        }
    )


@pytest.mark.parametrize("csr_file", ["requests/jane.csr", OBJECT])
def test_a_plan_after_what_a_plan_leaves_is_empty(csr_file: str) -> None:
    """Also months later, when it was signed again for the key of the request."""
    state = desired(csr=csr_file)
    first = plan(state)
    assert actions(first) == {"ca.kubernetes": Action.CREATE, JANE: Action.CREATE}
    after = foresee(state, NOTHING, first, now=NOW)
    assert actions(plan(state, after)) == {}
    later = NOW + timedelta(days=340)
    again = plan(state, after, now=later)
    assert actions(again) == {JANE: Action.REISSUE}
    renewed = foresee(state, after, again, now=later)
    assert actions(plan(state, renewed, now=later)) == {}
    keys = {observed.pairs[JANE].key.facts for observed in (after, renewed)}  # type: ignore[union-attr]
    assert keys == {state.requests[JANE].key}


NODES = "nodes: [{name: cp-1, roles: [control-plane]}, {name: w-1, roles: [worker]}]\n"


@pytest.mark.parametrize(("node", "here"), [(None, True), ("cp-1", True), ("w-1", False)])
def test_a_request_lives_at_home(node: str | None, *, here: bool) -> None:
    """Where each node runs this by itself, on the first of the control plane, as what belongs to no node."""
    state = desired(main=HEAD + NODES, node=node)
    assert list(state.requests) == [JANE]
    assert (JANE in state.components) is here


def test_a_view_of_another_node_takes_nothing_back() -> None:
    """It sees the entry, although the certificate is not its own."""
    state = desired(main=HEAD + NODES, node="w-1")
    assert JANE not in actions(plan(state, NOTHING, recorded("jane")))


def test_what_waits_again_stays() -> None:
    """And its end is told."""
    made = plan(desired("approval: pending"), NOTHING, recorded("jane"))
    assert JANE not in actions(made)
    (told,) = [each for each in made.document.diagnostics if each.code == "request-pending"]
    assert "(serial 11) stays until 2026-12-23 and is not renewed; deny it to revoke that." in told.detail


def test_a_part_of_a_desired_state_takes_nothing_back() -> None:
    """It says nothing about the rest."""
    made = plan(replace(desired(), partial=True), NOTHING, recorded("ann"))
    assert "request.ann" not in actions(made)


def test_many_withdrawals_at_once_need_a_word() -> None:
    """`guards.maxDestroy` holds for requests, too."""
    state, inventory = desired(), recorded("ann", "bob")
    held = plan(state, NOTHING, inventory)
    assert {"request.ann", "request.bob"}.isdisjoint(actions(held))
    assert [each.code for each in held.document.diagnostics if each.severity == "error"] == ["max-destroy"]
    free = plan(state, NOTHING, inventory, options=Options(allow_mass_change=True))
    assert {"request.ann", "request.bob"} <= actions(free).keys()


def test_a_target_is_a_request_and_its_ca() -> None:
    """Nothing else is withdrawn meanwhile."""
    made = plan(desired(), NOTHING, recorded("ann"), options=Options(targets=(JANE,)))
    assert actions(made).keys() == {"ca.kubernetes", JANE}


def test_a_component_of_the_same_name_is_another_thing() -> None:
    """Both are made, each at its place."""
    main = HEAD + "components: {jane: {ca: kubernetes, usages: [client auth], path: jane}}\n"
    made = plan(desired(main=main))
    assert {"component.jane", JANE} <= actions(made).keys()


def test_a_revocation_means_the_component_where_there_is_one() -> None:
    """A bare name is the component's; a request is meant when there is no other, or by its address."""
    component = "components: {jane: {ca: kubernetes, usages: [client auth], path: jane}}\n"
    for more, name, address in (
        ("", "jane", JANE),
        (component, "jane", "component.jane"),
        (component, JANE, JANE),
        ("", JANE, JANE),
    ):
        main = f'{HEAD}{more}revocations: [{{component: {name}, serial: "1"}}]\n'
        assert [each.component for each in desired(main=main).revocations] == [address]


def test_the_expanded_document_is_the_same_desired_state() -> None:
    """Every default that takes effect is written out."""
    for fields, file in (("approval: approved", OBJECT), ("lifetime: 90d", "requests/jane.csr")):
        files = {"cluster-pki.yaml": HEAD + entry(fields, csr=file), **FILES}
        loaded = load(MemorySource({name: text.encode() for name, text in files.items()}))
        first = compile_state(loaded, node=None, root="")
        second = compile_state(replace(loaded, document=first.expanded), node=None, root="")
        assert second.state.requests == first.state.requests
        assert second.state.components == first.state.components
        assert second.expanded == first.expanded
