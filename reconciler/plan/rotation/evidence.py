"""What is really there of a CA's or keypair's generations: who holds, who signs, who has loaded what. Data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A file that says whom somebody trusts."""

    address: str
    holds: frozenset[int] | None
    """The generations in it; None when there is no file."""
    unready: str = ""
    """Why its readers may not have loaded it, as a clause; empty when nothing speaks against it."""


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a generation signed, or would sign: a certificate, or the signing key of a keypair's replica."""

    address: str
    signer: int | None
    """The generation that it leads to; 0 for none of ours, None when there is nothing."""
    client: bool
    """Whether it moves with the clients."""
    issued: datetime | None = None
    unready: str = ""
    """Why the process may still use another one, as a clause."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the phase of one CA or keypair is derived from."""

    address: str
    numbers: frozenset[int]
    """The generations that are there."""
    signing: int
    """The one in the signing pair; 0 when there is none, or it is none of them."""
    outputs: tuple[Output, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    lists: tuple[Output, ...] = ()
    """Files of revocation lists, with the generations that signed one in them: who verifies by them needs one of each."""
    copies: Mapping[str, int] = {}
    """Copies of the signing pair by address, with the generation in each; 0 for another key."""
    noted: frozenset[int] = frozenset()
    """Those between which a rotation is under way by our record, while trust files hold both: a single file that lost one
    says nothing about the others."""
    busy: tuple[str, ...] = ()
    """Addresses of CAs below this one that are in a rotation of their own, or of the one above."""

    @property
    def live(self) -> frozenset[int]:
        """The generations in use: of the signing pair, and whatever somebody trusts.

        Of a CA that nobody trusts directly, such as an intermediate, those that signed something.
        """
        held = self.noted | {number for output in self.outputs if output.holds is not None for number in output.holds}
        if not self.outputs:
            held = frozenset(leaf.signer for leaf in self.leaves if leaf.signer)
        return (held | {self.signing}) - {0}
