"""What must reload, be restarted or be pointed elsewhere in a Kubernetes cluster while a CA rotates. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from reconciler.desired.model import DesiredState
from reconciler.plan.rotation.kubernetes.outside import HELD, OUTSIDE
from reconciler.plan.rotation.kubernetes.readers import APISERVER, GATES, PROGRAMS, STATIC_PODS, Version
from reconciler.plan.rotation.kubernetes.reading import Read, all_written, named, nodes_of, written
from reconciler.plan.rotation.kubernetes.step import Step
from reconciler.plan.rotation.phase import Phase

_ELSEWHERE: Final = "elsewhere"
#: So many entries are named in a line.
_NAMED: Final = 4


def kubernetes_steps(desired: DesiredState, ca: str, phase: Phase) -> tuple[Step, ...]:
    """What is to be done once the files of a phase are in place, before the next phase may begin.

    Programs come in the order in which they are restarted, nodes in the order of the desired state; what reads its files
    again by itself is told, not restarted.

    Args:
        desired: the cluster; what is not in its view is not told.
        ca: name of the CA, or of a keypair such as ``sa``.
        phase: the phase whose files were written.

    Returns:
        The steps by order; none without a Kubernetes preset.
    """
    if desired.kubernetes is None or (ca not in desired.cas and ca not in desired.keypairs):
        return ()
    waves = [wave for program in PROGRAMS for wave in _program(desired, ca, phase, program, desired.kubernetes.version)]
    waves.extend(_elsewhere(desired, ca, phase, told={output for wave in waves for step in wave for output in step.outputs}))
    return tuple(replace(step, order=number) for number, wave in enumerate(waves, start=1) for step in wave)


def flags(desired: DesiredState, ca: str) -> tuple[Step, ...]:
    """Which flag must point at which file, as the node sees it.

    Trust flags name the bundle, signing flags the pair that signs: that file holds exactly one certificate, or
    kube-controller-manager signs nothing.

    Args:
        desired: the cluster.
        ca: name of the CA, or of a keypair such as ``sa``.

    Returns:
        Steps ``point``, by program, node and flag; `differs` marks what kubeadm has otherwise.
    """
    if desired.kubernetes is None:
        return ()
    reads = (
        (node, read) for program in PROGRAMS for node in nodes_of(desired, program) for read in named(desired, ca, program, node)
    )
    return tuple(_point(read, node, order) for order, (node, read) in enumerate(reads, start=1))


def _program(desired: DesiredState, ca: str, phase: Phase, program: str, version: Version) -> Iterator[list[Step]]:
    """The steps of one program and what follows on it, in waves: the steps of a wave may go together."""
    reloads: list[Step] = []
    for node in nodes_of(desired, program):
        reads = written(desired, ca, phase, program, node)
        cold = [read for read in reads if not read.live(version)]
        sure = [read for read in cold if not read.input.only_if]
        moved = [read for read in reads if read.differs and read.input.holds in {"trust", "public keys"} and phase is Phase.STAGE]
        if moved:
            yield [_point(read, node, 0, restarts=not sure) for read in moved]
        if restarts := sure or cold:
            yield [_restart(program, node, restarts, reads)]
        if not sure and (warm := [read for read in reads if read not in cold]):
            reloads.append(_reload(program, node, warm))
    if reloads:
        yield reloads
    if not nodes_of(desired, APISERVER):
        return  # the view of a node that has no part in what concerns the whole cluster
    for row in OUTSIDE:
        if (row.ca, row.after) == (ca, program) and phase in row.phases and row.needed(version):
            text = row.text.format(held=HELD.get(phase, ""))
            yield [Step(program=row.program, node=None, action=row.action, text=text, order=0)]


def _restart(program: str, node: str | None, restarts: list[Read], reads: list[Read]) -> Step:
    """It reads some files only at start; the others of the phase it reads by the way."""
    names = _listed([read.input.setting for read in restarts])
    condition = restarts[0].input.only_if
    text = f"restart {program}{_on(node)}{f' if {names} is {condition}' * bool(condition)}, {GATES[program]}"
    text += f" ({names} {'is' if len(restarts) == 1 else 'are'} read only at start)"
    loaded = restarts if condition else reads
    return Step(program=program, node=node, action="restart", text=text, outputs=_outputs(loaded), order=0)


def _reload(program: str, node: str | None, reads: list[Read]) -> Step:
    parts = [
        f"{read.input.setting} {read.input.within}{f' if {read.input.only_if}' * bool(read.input.only_if)}" for read in reads
    ]
    text = f"{program}{_on(node)} reloads by itself: {', '.join(parts)}"
    return Step(program=program, node=node, action="reloads", text=text, outputs=_outputs(reads), order=0)


def _point(read: Read, node: str | None, order: int, *, restarts: bool = False) -> Step:
    """A flag and its file.

    Args:
        read: the file.
        node: where.
        order: its place.
        restarts: whether no restart of the program follows, so that it is worth a word that this is one.
    """
    which = f"{read.input.setting} of {read.input.program}{_on(node)}"
    if read.differs:
        text = f"point {which} at {read.path} instead of kubeadm's {read.input.file}"
    else:
        text = f"{which} points at {read.path}, as kubeadm has it"
    text += f", if {read.input.only_if}" * bool(read.input.only_if)
    text += ": exactly one certificate" * (read.input.holds == "signing" and read.input.setting.endswith("-cert-file"))
    if restarts and (gate := GATES.get(read.input.program)):
        text += f"; a changed manifest restarts it: {gate}" if read.input.program in STATIC_PODS else f"; restart it, {gate}"
    return Step(
        program=read.input.program,
        node=node,
        action="point",
        text=text,
        outputs=(read.output,),
        order=order,
        differs=read.differs,
    )


def _elsewhere(desired: DesiredState, ca: str, phase: Phase, *, told: set[str]) -> Iterator[list[Step]]:
    """What the phase writes, no program of the cluster reads and no hook tells: people's kubeconfigs, other components."""
    rest = tuple(each.address for each in all_written(desired, ca, phase) if each.address not in told and not each.after)
    if rest:
        names = list(dict.fromkeys(address.partition("[")[0] for address in rest))
        text = f"hand the new files to whoever else uses or has copied them: {', '.join(names[:_NAMED])}"
        text += f" and {len(names) - _NAMED} more" * (len(names) > _NAMED)
        yield [Step(program=_ELSEWHERE, node=None, action="do", text=text, outputs=rest, order=0)]


def _outputs(reads: list[Read]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(read.output for read in reads))


def _on(node: str | None) -> str:
    return f" on {node}" if node else ""


def _listed(names: list[str]) -> str:
    return " and ".join(([", ".join(names[:-1])] if names[:-1] else []) + names[-1:])
