"""The phases of a rotation: who is trusted, who issues, what leaves each, and the way back. The one table of it all.

A rotation goes from a *source* to a *target* generation. Going back is the same walk with the two exchanged: whatever has
been reached, both are trusted, so that the first barrier is passed at once (kops, Talos and k3s have commands for each
direction; here the number in git is the only command).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import msgspec

Side = Literal["source", "target"]


class Phase(StrEnum):
    """Where a CA or keypair stands between two generations."""

    STABLE = "stable"
    STAGE = "stage"
    CLIENTS = "clients"
    SERVERS = "servers"
    SOAK = "soak"
    DISTRUST = "distrust"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What holds in a phase."""

    trusted: tuple[Side, ...]
    """In every bundle, kubeconfig and other trust output."""
    clients: Side
    """Signs what is for client auth alone."""
    servers: Side
    """Signs everything else; what is both moves with the servers."""
    must_move: Literal["nothing", "clients", "all"]
    """Which certificates are reissued because the other generation signed them."""
    left_when: str
    """The barrier behind it, for people."""
    back: str
    """What lowering the number does from here."""


#: The legal transitions are one row down, and back to the first row with source and target exchanged.
PHASES: Final[dict[Phase, Row]] = {
    Phase.STABLE: Row(
        trusted=("target",), clients="target", servers="target", must_move="all",
        left_when="git asks for another generation, or this one falls due",
        back="nothing: it is where a rotation begins and ends",
    ),
    Phase.STAGE: Row(
        trusted=("source", "target"), clients="source", servers="source", must_move="nothing",
        left_when="every bundle and kubeconfig holds both, their hooks are delivered and probes agree",
        back="the new generation is taken out of every trust file, and its key is removed: nothing was issued by it",
    ),
    Phase.CLIENTS: Row(
        trusted=("source", "target"), clients="target", servers="source", must_move="clients",
        left_when="every client certificate is signed by the new generation, and its hooks are delivered",
        back="client certificates are reissued by the old generation",
    ),
    Phase.SERVERS: Row(
        trusted=("source", "target"), clients="target", servers="target", must_move="all",
        left_when="every certificate is signed by the new generation, and so is the signing pair",
        back="client certificates, then all others are reissued by the old generation",
    ),
    Phase.SOAK: Row(
        trusted=("source", "target"), clients="target", servers="target", must_move="all",
        left_when="`soak` has passed, all hooks are delivered and no probe sees an older certificate",
        back="client certificates, then all others are reissued by the old generation",
    ),
    Phase.DISTRUST: Row(
        trusted=("target",), clients="target", servers="target", must_move="all",
        left_when="no trust file holds the old generation; its key is then kept aside or destroyed",
        back="a rotation of its own: the old generation has to be trusted everywhere again first",
    ),
}  # fmt: skip

ORDER: Final = tuple(PHASES)


def following(phase: Phase) -> Phase:
    """The phase after this one; the last leads to STABLE."""
    return ORDER[(ORDER.index(phase) + 1) % len(ORDER)]


def is_client(usages: tuple[str, ...]) -> bool:
    """Whether a certificate with these extended key usages moves with the clients: it is for client auth alone."""
    return usages == ("client auth",)
