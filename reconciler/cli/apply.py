"""``cluster-pki apply``: plan, confirm, carry out; or carry out a saved plan."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from reconciler.apply.delivery.content import owners
from reconciler.apply.journal import Journal
from reconciler.apply.lock import hold, who
from reconciler.apply.once import recover_interrupted
from reconciler.apply.progress import Listener, Outcome
from reconciler.cli.argument_types import parallelism
from reconciler.cli.clock import wall_clock
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.interrupt import Interruption
from reconciler.cli.options import UsageError, add_common
from reconciler.cli.plan import show
from reconciler.cli.planning import add_planning, planning_options
from reconciler.cli.progress import listener, teller
from reconciler.cli.session import open_session, print_result
from reconciler.cli.sources import add_source
from reconciler.passes.carry_out import carry_out
from reconciler.passes.further import goes_on, leads_further, noted, planned_again
from reconciler.passes.leading import leading
from reconciler.passes.look import View, look
from reconciler.passes.reported import load_served, save_served
from reconciler.passes.session import Session
from reconciler.plan.document import PlanDocument, reasons_of
from reconciler.plan.options import Options
from reconciler.plan.reasons import Reason
from reconciler.plan.saved import decode, refuse_stale
from reconciler.render.apply_text import render_outcome
from reconciler.render.colour import wants_colour
from reconciler.render.delivery_text import render_delivery
from reconciler.render.diagnostics_text import render_diagnostics
from reconciler.stores.read import must_read
from reconciler.vault.election.leadership import Leadership

if TYPE_CHECKING:
    from reconciler.passes.deliver import Delivered, Deliveries

QUESTION = """
Do you want to perform these actions?
  cluster-pki will perform the actions described above.
  Only 'yes' will be accepted to approve.

  Enter a value: """


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``apply``."""
    parser.add_argument("plan", nargs="?", default=None, metavar="PLAN", help="a plan saved by `plan --out`; needs no approval")
    add_planning(parser)
    group = parser.add_argument_group("apply")
    group.add_argument("--auto-approve", action="store_true", help="do not ask")
    group.add_argument(
        "--parallelism", type=parallelism, default=10, metavar="N", help="make N keys at a time (default %(default)s)"
    )
    add_source(parser)
    add_common(parser, formats=("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    """Plans, asks, carries out."""
    saved = _saved(arguments)
    session = open_session(arguments)
    sys.stderr.write(
        render_diagnostics(session.warnings, session.loaded, color=wants_colour(arguments.color, os.environ, sys.stderr))
    )
    session.state.create()
    tell = teller(arguments.log_format, wall_clock)
    with (
        hold(session.state.lock_path, operation="apply", exclusive=True, timeout=arguments.lock_timeout) as held,
        leading(session, timeout=arguments.lock_timeout) as leadership,
    ):
        journal = Journal.open(session.state.journal_path)
        options = saved_options(saved) if saved else planning_options(arguments)
        view = _looked(session, journal, options, tell)
        if saved:
            refuse_stale(saved, view.plan.document, source=session.source, now=view.now)
        elif arguments.format == "text":
            print_result(show(view, arguments, hints=False))
        if not _approved(arguments, view, saved=saved is not None):
            sys.stderr.write("\nApply cancelled.\n")
            return ExitCode.ERROR
        deliveries = _deliveries(view)
        work = Work(
            journal=journal,
            deliveries=deliveries,
            listen=listener(arguments.log_format, wall_clock),
            tell=tell,
            parallelism=arguments.parallelism,
            is_lost=held.is_lost,
            leadership=leadership,
        )
        with Interruption() as interruption:
            only = frozenset(change.address for change in saved.resource_changes) if saved else None
            done = [_carry_out(view, work, interruption, only=only)]
            if done[0].outcome.overtaken and not interruption.requested():
                done.append(_tried_again(done[0], work, interruption))
            while not saved and done[-1].goes_on and not interruption.requested():
                _announce(done[-1].view, tell)
                done.append(_carry_out(done[-1].view, work, interruption))
    return _report(done, arguments, interruption)


def _looked(session: Session, journal: Journal, options: Options, tell: Callable[[str], None]) -> View:
    """What is there, after what a run that died had in hand is settled."""
    now, outside = wall_clock(), session.outside()
    for note in recover_interrupted(session.state, journal, store=outside.store, keyrings=outside.keyrings, now=now, actor=who()):
        tell(note)
    return look(session, now=now, options=options, served=load_served(session.state), outside=outside)


def _tried_again(before: Done, work: Work, interruption: Interruption) -> Done:
    """Looks again at what somebody wrote to in the meantime, and does what is still wanted of that alone; once."""
    view = _looked(before.view.session, work.journal, before.view.options, work.tell)
    after = _carry_out(view, work, interruption, only=before.outcome.overtaken)
    return replace(after, outcome=before.outcome.followed_by(after.outcome))


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What every pass of an apply works with."""

    journal: Journal
    deliveries: Deliveries | None
    listen: Listener
    tell: Callable[[str], None]
    parallelism: int
    is_lost: Callable[[], bool]
    leadership: Leadership


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass came to."""

    document: PlanDocument
    outcome: Outcome
    view: View
    """After everything, planned again when a rotation is under way."""
    goes_on: bool
    """Whether that plan is a further step of it, which can be taken now."""
    delivered: Delivered | None

    @property
    def failed(self) -> bool:
        """Whether anything is not as it should be."""
        return self.document.errored or not self.outcome.complete or bool(self.delivered and self.delivered.failing)


def _carry_out(view: View, work: Work, interruption: Interruption, *, only: frozenset[str] | None = None) -> Done:
    """Carries a plan out, and runs the hooks that are owed then."""
    if work.deliveries is not None and view.plan.work:
        work.deliveries.note_baseline(view)
    carried = carry_out(
        view,
        only=only,
        journal=work.journal,
        clock=wall_clock,
        listen=work.listen,
        stop=lambda: interruption.requested() or work.is_lost(),
        parallelism=work.parallelism,
        actor=who(),
        leadership=work.leadership,
    )
    after, delivered = carried.view, None
    lost = bool(carried.applied.outcome.lost)
    if work.deliveries is not None and not lost:
        delivered = work.deliveries.deliver(
            after,
            reasons=reasons_of(view.plan.document),
            clock=wall_clock,
            wait=time.sleep,
            stop=interruption.requested,
            impatient=True,
        )
        save_served(view.session.state, delivered.served)
        after = replace(after, served={**after.served, **delivered.served})
        work.tell(render_delivery(delivered.ran, delivered.hooks))
    done = Done(document=view.plan.document, outcome=carried.applied.outcome, view=after, goes_on=False, delivered=delivered)
    if lost or (not view.plan.document.rotations and not leads_further(view.plan.work)):
        return done
    after = noted(planned_again(after, clock=wall_clock, stop=interruption.requested))
    if after.served != view.served:
        save_served(view.session.state, after.served)
    return replace(done, view=after, goes_on=not done.failed and done.outcome.complete and goes_on(view.plan.work, after))


def _announce(view: View, tell: Callable[[str], None]) -> None:
    """Which phases come next: the plan that was approved said that they would."""
    for entry in view.plan.document.rotations:
        tell(f"{entry.address}: phase {entry.phase}...")


def _report(done: list[Done], arguments: argparse.Namespace, interruption: Interruption) -> int:
    """Prints what all passes came to, and where rotations stand now."""
    last = done[-1]
    changes = [
        change
        for each in done
        for change in each.document.resource_changes
        if each is last or change.address in each.outcome.done
    ]
    print_result(
        render_outcome(
            replace(last.document, resource_changes=changes, rotations=last.view.plan.document.rotations),
            done=frozenset(address for each in done for address in each.outcome.done),
            failed=last.outcome.failed,
            skipped=last.outcome.skipped,
            interrupted=last.outcome.interrupted,
            form=arguments.format,
            told=[entry for entry in last.view.plan.document.diagnostics if entry.code == Reason.REQUEST_PENDING],
        )
    )
    if last.outcome.lost:
        sys.stderr.write(f"Error: {last.outcome.lost}\n")
        return ExitCode.ERROR
    if last.outcome.interrupted or interruption.requested():
        return interruption.exit_code
    return ExitCode.ERROR if last.failed else ExitCode.SUCCESS


def _deliveries(view: View) -> Deliveries | None:
    """Who runs the hooks; None without hooks: most desired states have none, and running programs needs much of the library."""
    desired = view.session.compiled.state
    if not any(owners(desired)):
        return None
    from reconciler.passes.deliver import Deliveries  # noqa: PLC0415 - see above

    return Deliveries(view.session.state)


def saved_options(saved: PlanDocument) -> Options:
    """The options that a saved plan was made with."""
    return Options(
        targets=tuple(saved.options.get("targets", ())),
        replace=tuple(saved.options.get("replace", ())),
        refresh_only=bool(saved.options.get("refresh_only", False)),
        adopt=bool(saved.options.get("adopt", False)),
        allow_mass_change=bool(saved.options.get("allow_mass_change", False)),
    )


def _saved(arguments: argparse.Namespace) -> PlanDocument | None:
    if arguments.plan is None:
        return None
    if arguments.target or arguments.replace or arguments.adopt or arguments.allow_mass_change:
        msg = "planning options belong to `plan`: a saved plan already has its own"
        raise UsageError(msg)
    return decode(must_read(os.path.abspath(arguments.plan)))


def _approved(arguments: argparse.Namespace, view: View, *, saved: bool) -> bool:
    """A saved plan is its own approval; nothing to do needs none; otherwise the literal ``yes``."""
    if saved or arguments.auto_approve or not view.plan.work:
        return True
    if arguments.format == "json" or not sys.stdin.isatty():
        msg = "there is nobody to ask: give --auto-approve, or a plan saved by `cluster-pki plan --out FILE`"
        raise UsageError(msg)
    sys.stdout.write(QUESTION)
    sys.stdout.flush()
    return sys.stdin.readline().strip() == "yes"
