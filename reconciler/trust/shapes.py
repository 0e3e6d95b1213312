"""What of a certificate decides whether it gets through: certificates of one shape share one trial.

Everything that OpenSSL and Go look at is in it but the names that a client asks for and the dates, which are judged for each
certificate by itself.
"""

from __future__ import annotations

from collections.abc import Hashable

from reconciler.trust.scene import Party, Trust
from reconciler.x509.constraints import violation
from reconciler.x509.names import NameConstraints


class Shapes:
    """Shapes by number, so that comparing them costs nothing."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._parties: dict[tuple[frozenset[NameConstraints], str, tuple[str, ...]], int] = {}

    def of_party(self, party: Party, constraints: frozenset[NameConstraints]) -> int:
        """The shape of what somebody presents.

        A leaf that none of our CAs signed shares its shape with no other: what leads to it is not known.
        """
        seen = (constraints, party.signed_by, tuple(each.fingerprint for each in party.chain))
        if seen not in self._parties:
            leaf, *above = party.chain
            self._parties[seen] = self._number(
                (
                    party.signed_by or leaf.fingerprint,
                    leaf.issuer,
                    leaf.aki,
                    leaf.usages,
                    leaf.key_usages,
                    leaf.key,
                    leaf.signature_hash,
                    leaf.is_ca,
                    leaf.self_signed,
                    tuple(each.fingerprint for each in above),
                    constraints,
                    tuple(
                        any(violation(each.permitted, each.excluded, san) for san in leaf.sans)
                        for each in sorted(constraints, key=repr)
                    ),
                )
            )
        return self._parties[seen]

    def of_trust(self, trust: Trust) -> int:
        """The shape of a trust file: which certificates are in it."""
        return self._number(trust.fingerprints)

    def _number(self, shape: Hashable) -> int:
        return self._numbers.setdefault(shape, len(self._numbers))
