"""What is told of certificates that a bundle refuses: of the certificate, or of the bundle. Decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from reconciler.health.edges import Judged
from reconciler.health.effects import effect
from reconciler.health.mends import reissue
from reconciler.health.model import HealthFinding
from reconciler.health.paths import Refusal
from reconciler.health.words import listed, subject_of, where


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle says of a certificate."""

    judged: Judged
    refusal: Refusal | None

    @property
    def leaf(self) -> tuple[str, str]:
        """Where the certificate lies."""
        return self.judged.presented.node, self.judged.presented.path

    @property
    def bundle(self) -> tuple[str, str, str]:
        """Where the bundle lies, and the setting that makes it one."""
        return self.judged.verifier.node, self.judged.verifier.path, self.judged.setting


def accused_bundles(verdicts: Sequence[Verdict]) -> frozenset[tuple[str, str]]:
    """The bundles that are what is wrong, by node and path, for one of the settings that name them at least.

    One that refuses all of two certificates or more, one that refuses what others accept for the same setting, and one with a CA
    that could sign for nobody.
    """
    judged: dict[tuple[str, str, str], set[tuple[str, str]]] = defaultdict(set)
    accepted = {verdict.bundle for verdict in verdicts if verdict.refusal is None}
    elsewhere = {(verdict.leaf, verdict.judged.setting) for verdict in verdicts if verdict.refusal is None}
    accused: set[tuple[str, str, str]] = set()
    for verdict in verdicts:
        judged[verdict.bundle].add(verdict.leaf)
        if verdict.refusal is not None:
            outvoted = verdict.bundle not in accepted and (verdict.leaf, verdict.judged.setting) in elsewhere
            if outvoted or verdict.refusal.issuer is not None:
                accused.add(verdict.bundle)
    accused.update(bundle for bundle, leaves in judged.items() if len(leaves) > 1 and bundle not in accepted)
    return frozenset((node, path) for node, path, _ in accused)


def wrong_leaf(refused: Sequence[Verdict]) -> HealthFinding:
    """One certificate that one or more bundles refuse."""
    first = refused[0]
    held = first.judged.presented
    bundles = listed(where(verdict.judged.verifier, beside=held.node) for verdict in refused)
    return HealthFinding(
        code="CPK609",
        severity="error",
        node=held.node,
        path=held.path,
        setting=first.judged.setting,
        message=f"{subject_of(held.leaf)} does not verify against {bundles}: {_reason(first)}",
        breaks=effect(use for use in held.uses if use.role == "certificate"),
        mend=f"{reissue(held, 'from a CA in that bundle')}; or add its CA to the bundle, if that CA is right",
    )


def wrong_bundle(refused: Sequence[Verdict]) -> HealthFinding:
    """One bundle, on one or more nodes, that refuses what it should accept."""
    first = refused[0]
    bundle, problem = first.judged.verifier, first.refusal
    nodes = {verdict.judged.verifier.node for verdict in refused}
    presented = listed(subject_of(verdict.judged.presented.leaf) for verdict in refused)
    at_fault = problem.issuer if problem is not None else None
    what = (
        f"{subject_of(at_fault)} in {bundle.path} {_reason(first)}: {presented} cannot be verified by it"
        if at_fault is not None
        else f"{bundle.path} verifies nothing that it has to judge, {presented}: of the first, {_reason(first)}"
    )
    effects = [effect(use for use in verdict.judged.presented.uses if use.role == "certificate") for verdict in refused]
    return HealthFinding(
        code="CPK609",
        severity="error",
        node=bundle.node if len(nodes) == 1 else "",
        path=bundle.path,
        setting=first.judged.setting,
        message=what,
        breaks=effects[0] if len(set(effects)) == 1 else "; ".join(dict.fromkeys(effects)),
        mend=f"put the CA that signed them into {bundle.path}, which a backup or another node has",
    )


def _reason(verdict: Verdict) -> str:
    return verdict.refusal.message if verdict.refusal is not None else ""
