"""What decides about the connections of one family of edges in one setting: who presents and trusts what. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from reconciler.trust import predicates
from reconciler.trust.graph import End, Family
from reconciler.trust.hosts import host_of, is_for
from reconciler.trust.scene import Party, Scene, Trouble, Trust
from reconciler.trust.shapes import Shapes
from reconciler.trust.trial import Trial
from reconciler.x509.facts import CertificateFacts


class Sides(NamedTuple):
    """In which scene each of the four things stands that decide about a connection."""

    client: Scene
    client_trust: Scene
    server: Scene
    server_trust: Scene

    @classmethod
    def of(cls, scene: Scene) -> Sides:
        """All in one."""
        return cls(scene, scene, scene, scene)


class Court:
    """One family in one setting: who presents and trusts what."""

    def __init__(
        self, family: Family, sides: Sides, at: datetime, addresses: Mapping[str, tuple[str, ...]], shapes: Shapes
    ) -> None:
        self.family = family
        self.sides = sides
        self.at = at
        self._addresses = addresses
        self._shapes = shapes
        self._constraints = frozenset().union(*(scene.constraints for scene in sides))

    def trial(self, client: End, server: End) -> Trial:
        """Who meets whom. A certificate that nobody asks for is not presented."""
        asks = bool(server.trusts)
        return Trial(
            client=self.sides.client.parties[client.presents] if client.presents and asks else None,
            client_trust=self.sides.client_trust.trusts[client.trusts] if client.trusts else None,
            server=self.sides.server.parties[server.presents] if server.presents else None,
            server_trust=self.sides.server_trust.trusts[server.trusts] if asks else None,
            host="",
        )

    def can_try(self, trial: Trial) -> bool:
        """Whether there is enough on disk to connect with, and OpenSSL would load it."""
        if any(each is not None and predicates.weakness(each) is not None for each in (trial.client, trial.server)):
            return False
        return all(
            each is None or each.trouble is None for each in (trial.client, trial.client_trust, trial.server, trial.server_trust)
        )

    def trial_key(self, trial: Trial) -> Hashable:
        """What decides about the outcome."""
        server = trial.server
        return (
            self._party(trial.client),
            self._trust(trial.client_trust),
            self._party(server),
            self._trust(trial.server_trust),
            server is None or not trial.host or is_for(server.chain[0].sans, trial.host),
        )

    def client_key(self, end: End) -> Hashable:
        """What is the same for clients of one class."""
        party = self.sides.client.parties[end.presents] if end.presents else None
        trust = self.sides.client_trust.trusts[end.trusts] if end.trusts else None
        codes = tuple(each.code for each in (*self._own_troubles(end, party), *self._client_lints(end, party)))
        return self._party(party), self._trust(trust), self.dials(end), codes

    def dials(self, end: End) -> tuple[str, ...]:
        """What a client dials whatever the server has: the server of its kubeconfig as it stands there."""
        trust = self.sides.client_trust.trusts[end.trusts] if end.hosts and end.trusts else None
        return (host_of(trust.url),) if trust is not None and trust.url else end.hosts

    def server_key(self, end: End, dialled: Sequence[str]) -> Hashable:
        """What is the same for servers of one class: it answers alike to every name that is dialled."""
        party = self.sides.server.parties[end.presents] if end.presents else None
        trust = self.sides.server_trust.trusts[end.trusts] if end.trusts else None
        sans = party.chain[0].sans if party is not None and party.chain else ()
        matches = tuple(is_for(sans, host) for host in (*dialled, *end.hosts))
        codes = tuple(each.code for each in (*self.server_troubles(end), *self.openings(end), *self._server_lints(end, party)))
        return self._party(party), self._trust(trust), matches, codes

    def client_troubles(self, client: End, server: End) -> Iterator[Trouble]:
        """What is wrong with a client, whoever it meets."""
        asked = bool(server.trusts)
        yield from self._own_troubles(client, self.sides.client.parties[client.presents] if client.presents and asked else None)

    def server_troubles(self, end: End) -> Iterator[Trouble]:
        """What is wrong with a server, whoever connects."""
        if end.presents:
            yield from self._presented(self.sides.server.parties[end.presents])
        if end.trusts:
            trust = self.sides.server_trust.trusts[end.trusts]
            if trust.trouble is not None:
                yield trust.trouble

    def openings(self, end: End) -> Iterator[Trouble]:
        """Who gets in that should not."""
        if end.trusts:
            trust = self.sides.server_trust.trusts[end.trusts]
            yield from predicates.too_open(self.family.apart, trust, self.sides.server_trust)

    def host_troubles(self, client: End, server: End) -> Iterator[Trouble]:
        """The server's certificate is not for what the client dials."""
        if not client.trusts or not server.presents:
            return
        party = self.sides.server.parties[server.presents]
        if not party.chain:
            return
        missing = [host for host in self.dials(client) or server.hosts if not is_for(party.chain[0].sans, host)]
        if missing:
            trust = self.sides.client_trust.trusts[client.trusts]
            message = (
                f"the certificate of {party.address} ({party.file}) is not for {' or '.join(missing)}, which {client.who} dials"
            )
            yield Trouble(code="HostMismatch", message=f"{message}, verifying with {trust.address} ({trust.file})")

    def lints(self, client: End, server: End) -> Iterator[Trouble]:
        """What gets through, and should be looked at."""
        asked = bool(server.trusts)
        yield from self._client_lints(client, self.sides.client.parties[client.presents] if client.presents and asked else None)
        yield from self._server_lints(server, self.sides.server.parties[server.presents] if server.presents else None)

    def valid_only(self, trial: Trial) -> Trial | None:
        """The trial with only those CA certificates that are valid now; None when all of them are."""
        then = msgspec.structs.replace(
            trial,
            client=self._valid_party(trial.client),
            server=self._valid_party(trial.server),
            client_trust=self._valid_trust(trial.client_trust),
            server_trust=self._valid_trust(trial.server_trust),
        )
        return None if then == trial else then

    def gone(self, trial: Trial, *, by_client: bool) -> list[CertificateFacts]:
        """The CA certificates that one side judges with, and that are not valid now."""
        trust, party = (trial.client_trust, trial.server) if by_client else (trial.server_trust, trial.client)
        those = (*(() if trust is None else trust.anchors), *(() if party is None else party.chain[1:]))
        return [facts for facts in those if not predicates.holds(facts, self.at)]

    def _own_troubles(self, end: End, party: Party | None) -> Iterator[Trouble]:
        if party is not None:
            yield from self._presented(party)
        trust = self.sides.client_trust.trusts[end.trusts] if end.trusts else None
        # A kubeconfig is both what is presented and what is trusted: it is missing once.
        if trust is not None and trust.trouble is not None and (party is None or trust.trouble != party.trouble):
            yield trust.trouble
        if party is not None and party.trouble is None:
            yield from predicates.beyond_tls(self.family.checks, end, party, self._addresses)

    def _presented(self, party: Party) -> Iterator[Trouble]:
        if party.trouble is not None:
            yield party.trouble
        if (weak := predicates.weakness(party)) is not None:
            yield weak
        if party.chain and (late := predicates.date_trouble(party, self.at)) is not None:
            yield late

    def _client_lints(self, end: End, party: Party | None) -> Iterator[Trouble]:
        if party is not None and party.chain and (soon := predicates.date_lint(party, self.at)) is not None:
            yield soon
        trust = self.sides.client_trust.trusts[end.trusts] if end.trusts else None
        if trust is not None and trust.trouble is None:
            yield from predicates.kubeconfig_lints(trust, self.sides.client_trust)

    def _server_lints(self, end: End, party: Party | None) -> Iterator[Trouble]:
        if party is not None and party.chain and (soon := predicates.date_lint(party, self.at)) is not None:
            yield soon
        yield from predicates.server_lints(self.family.checks, end, party)

    def _party(self, party: Party | None) -> Hashable:
        if party is None or not party.chain:
            return None if party is None else party.trouble and party.trouble.code
        return self._shapes.of_party(party, self._constraints), party.trouble and party.trouble.code

    def _trust(self, trust: Trust | None) -> Hashable:
        if trust is None:
            return None
        return self._shapes.of_trust(trust), trust.trouble and trust.trouble.code

    def _valid_party(self, party: Party | None) -> Party | None:
        if party is None:
            return None
        kept = (*party.chain[:1], *(each for each in party.chain[1:] if predicates.holds(each, self.at)))
        return party if kept == party.chain else msgspec.structs.replace(party, chain=kept)

    def _valid_trust(self, trust: Trust | None) -> Trust | None:
        gone = () if trust is None else tuple(each for each in trust.anchors if not predicates.holds(each, self.at))
        if trust is None or not gone:
            return trust
        return msgspec.structs.replace(
            trust,
            anchors=tuple(each for each in trust.anchors if each not in gone),
            fingerprints=trust.fingerprints - {each.fingerprint for each in gone},
        )
