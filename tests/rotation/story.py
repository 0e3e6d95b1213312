"""A cluster that is told a story: real files, the real commands, a clock that is set, and judges after every step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography.x509 import load_pem_x509_certificate

import reconciler.cli.apply as applying
from reconciler.desired.model import DesiredState
from reconciler.passes.session import new_session
from reconciler.source.directory import DirectorySource
from tests.inprocess import Home, Said
from tests.rotation import judges

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLOCKS = ("apply", "plan", "status", "verify", "show")


@dataclass(kw_only=True)
class Story:
    """A home and its clock. After every apply all that was promised about it is held to what is there."""

    home: Home
    document: dict[str, Any]
    now: datetime = START
    skew: tuple[int, ...] = (0,)
    """Minutes by which the verifiers' clocks are off."""
    node: str | None = None
    mixed: list[str] = field(default_factory=list)
    """What somebody refused on the way, in any mixture of the files before and after a pass."""

    def __post_init__(self) -> None:
        self.home.write(self.document)

    @property
    def path(self) -> Path:
        """The directory of it all."""
        return self.home.path

    def write(self, **sections: dict[str, Any]) -> None:
        """Merges entries into sections of the desired state, two levels deep; None takes one out."""
        for section, entries in sections.items():
            held = self.document.setdefault(section, {})
            for name, fields in entries.items():
                if fields is None:
                    del held[name]
                elif isinstance(fields, dict) and isinstance(held.get(name), dict):
                    held[name] = {key: value for key, value in {**held[name], **fields}.items() if value is not None}
                else:
                    held[name] = fields
        self.home.write(self.document)

    def ca(self, name: str = "main", **fields: Any) -> None:  # noqa: ANN401 - whatever a CA may have
        """Changes fields of a CA."""
        self.write(cas={name: fields})

    def passes(self, **amount: float) -> None:
        """Time passes."""
        self.now += timedelta(**amount)

    def desired(self, node: str | None = None) -> DesiredState:
        """The desired state as it is compiled."""
        source = DirectorySource(str(self.path / "cluster-pki.yaml"))
        return new_session(source, node=node, root=str(self.path), state_dir=str(self.path / "state"), environ={}).compiled.state

    def _time(self) -> datetime:
        return self.now

    @contextlib.contextmanager
    def clock(self) -> Iterator[None]:
        """Commands take the story's clock for the time."""
        with contextlib.ExitStack() as stack:
            for command in CLOCKS:
                stack.enter_context(mock.patch(f"reconciler.cli.{command}.wall_clock", side_effect=self._time))
            yield

    def call(self, command: str, *arguments: str) -> Said:
        """Runs a command; no key may be in what it says."""
        node = () if self.node is None or command not in {"apply", "plan", "status"} else ("--node", self.node)
        with self.clock():
            said = self.home.call(command, *arguments, *node)
        for line in judges.key_lines(self.path):
            assert line.decode() not in said.out + said.log, f"{command} printed a key"
        return said

    def apply(self, *arguments: str, code: int = 0) -> Said:
        """Applies, and holds everything to what was promised."""
        self.passes(minutes=1)
        carry_out = applying._carry_out

        def watched(*positional: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it takes
            before = self.seen()
            done = carry_out(*positional, **named)
            self.mixed += self.mixtures(before, self.seen())
            return done

        with mock.patch.object(applying, "_carry_out", watched):
            said = self.call("apply", "--auto-approve", *arguments)
        assert said.code == code, said.out + said.log
        assert not self.mixed, self.mixed
        self.judge()
        return said

    def seen(self) -> tuple[judges.Chains, judges.Chains]:
        """Who presents what, and who trusts whom."""
        desired = self.desired()
        return judges.presented(desired), judges.trusted(desired)

    def mixtures(self, before: tuple[judges.Chains, judges.Chains], after: tuple[judges.Chains, judges.Chains]) -> list[str]:
        """Complaints while some have loaded the files of a pass and others have not."""
        desired = self.desired()
        said: list[str] = []
        for leaves, trust in ((before[0], after[1]), (after[0], before[1])):
            at = self.now
            expired = {leaf for leaf, chain in leaves.items() if leaf in before[0] and self.is_over(chain)}
            known = {leaf: chain for leaf, chain in leaves.items() if leaf in desired.components and leaf not in expired}
            held = {address: anchors for address, anchors in trust.items() if not any(map(self.is_over, [anchors]))}
            said += judges.complaints(desired, known, held, at)
        return said

    def is_over(self, chain: tuple[bytes, ...]) -> bool:
        """Whether any of these certificates has expired on the story's clock."""
        return any(load_pem_x509_certificate(each).not_valid_after_utc < self.now for each in chain)

    def judge(self) -> None:
        """Everything verifies everywhere; signing files hold one certificate; plans are the same bytes twice."""
        desired = self.desired()
        leaves, trust = judges.presented(desired), judges.trusted(desired)
        for at in judges.skewed(self.now, self.skew):
            assert not list(judges.complaints(desired, leaves, trust, at))
        for ca in desired.cas.values():
            for place in (ca.place, *(replica.place for replica in ca.replicas)):
                file = Path(f"{place.absolute}.crt")
                if file.exists():
                    assert len(judges.certificates(file.read_bytes())) == 1, file
        assert self.call("plan", "--format", "json").out == self.call("plan", "--format", "json").out
        for file in (self.path / "state").rglob("*"):
            if file.is_file():
                assert b"PRIVATE KEY" not in file.read_bytes(), file

    def plan(self, *arguments: str) -> Said:
        """The plan as JSON."""
        return self.call("plan", "--format", "json", *arguments)

    def actions(self, *arguments: str) -> dict[str, str]:
        """What a plan would do, by address."""
        return {
            change["address"]: change["change"]["class"]
            for change in self.plan(*arguments).json["resource_changes"]
            if change["change"]["actions"] != ["no-op"] or change["change"]["class"] == "blocked"
        }

    def rotations(self) -> dict[str, Any]:
        """The rotations that the status shows, by address."""
        said = self.call("status", "--format", "json")
        assert said.code == 0, said.log
        return {entry["address"]: entry for entry in said.json["rotations"]}

    def phase(self, address: str = "ca.main") -> str:
        """The phase that the status shows; ``stable`` when it shows none."""
        return str(self.rotations().get(address, {"phase": "stable"})["phase"])

    def blockers(self, address: str = "ca.main") -> dict[str, str]:
        """What the rotation waits for, by address."""
        return {each["address"]: each["message"] for each in self.rotations()[address]["waits_for"]}

    def content(self, path: str) -> bytes:
        """A file below the home."""
        return (self.path / path).read_bytes()

    def digests(self) -> Mapping[str, bytes]:
        """All files of the stores with their content."""
        return {
            str(file.relative_to(self.path)): file.read_bytes()
            for file in sorted((self.path / "store").rglob("*"))
            if file.is_file() and not file.is_symlink()
        }
