"""A small cluster whose components have hooks, and deliveries to it: the hooks and probes are played, everything else is real."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.apply.delivery.content import contents
from reconciler.apply.delivery.deliver import Delivered, deliver
from reconciler.apply.delivery.ledger import Ledger, note_baseline
from reconciler.apply.hooks.describing import describe
from reconciler.apply.hooks.occasion import HookResult, Occasion
from reconciler.desired.live import AnyHook, ExecHook, Probe
from reconciler.desired.model import Bundle, Component, Group, Kubeconfig
from reconciler.observed.model import Served
from tests.plan.world import NOW, World, ca, component, settled

OK: Final = HookResult(status="ok")
BROKEN: Final = HookResult(status="failed", detail="it exited with status 1", output="no such thing")
DOWN: Final = HookResult(status="skipped", detail="nginx.service is not running (inactive)")
PROBE: Final = Probe(host="127.0.0.1", port=6443)


def hook(name: str) -> ExecHook:
    """A program of that name."""
    return ExecHook(argv=(name,))


def owner(name: str, **fields: Any) -> Component:  # noqa: ANN401 - any field of a component
    """A component that reloads itself."""
    return component(name, **{"after": (hook(f"reload-{name}"),)} | fields)


def serial(*names: str, group: str = "quorum", one_at_a_time: bool = True) -> Mapping[str, Group]:
    """A group of these components."""
    return {group: Group(name=group, members=tuple(f"component.{name}" for name in names), serial=one_at_a_time)}


@dataclass(slots=True, kw_only=True)
class Scene:
    """The world, what was delivered in it, and what hooks and endpoints do."""

    world: World
    ledger: Ledger = field(default_factory=Ledger)
    results: dict[str, HookResult] = field(default_factory=dict)
    """By the words of a hook; what is not there goes well."""
    served: dict[str, str] = field(default_factory=dict)
    """What each endpoint presents: ok, stale or unreachable; by address."""
    about: dict[str, str] = field(default_factory=dict)
    """Fingerprint that the last look at an endpoint was about; that of the certificate on disk when it is not here."""
    looks: int = 0
    """How often endpoints were asked."""
    ok_from_look: int = 10_000
    on_hook: Callable[[AnyHook, Occasion], object] = lambda _hook, _occasion: None
    now: datetime = NOW
    revision: str = "r1"
    saves: list[Ledger] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    occasions: list[Occasion] = field(default_factory=list)
    stop_after: int = 10_000
    """So many hooks are run; then somebody asks to stop."""

    def baseline(self) -> None:
        """What is there is there already."""
        self.ledger = note_baseline(self.ledger, contents(self.world.desired, self.world.observed))

    def renew(self, *names: str) -> None:
        """New certificates for these components."""
        before = contents(self.world.desired, self.world.observed)
        self.world.apply(replace=tuple(f"component.{name}" for name in names))
        after = contents(self.world.desired, self.world.observed)
        assert {f"component.{name}" for name in names} == {address for address in after if after[address] != before[address]}

    def seen(self, address: str, state: str) -> Served:
        """What an endpoint presents, of the certificate that is on disk now."""
        detail = "" if state == "ok" else f"{PROBE.endpoint} is {state}."
        expected = self.about.get(address) or self.world.leaf(address).fingerprint
        fields: dict[str, Any] = {"state": state, "endpoint": PROBE.endpoint, "at": self.now}
        return Served(**fields, expected=expected, presented=expected if state == "ok" else "", detail=detail)

    def deliver(self, *, reasons: Mapping[str, tuple[str, ...]] | None = None) -> list[str]:
        """One delivery; gives the hooks that were run, in words."""
        return [ran.hook.removeprefix("exec ") for ran in self.delivery(reasons=reasons).ran]

    def delivery(self, *, reasons: Mapping[str, tuple[str, ...]] | None = None, impatient: bool = False) -> Delivered:
        """One delivery."""
        ran = 0

        def run(asked: AnyHook, occasion: Occasion) -> HookResult:
            nonlocal ran
            ran += 1
            self.occasions.append(occasion)
            self.on_hook(asked, occasion)
            return self.results.get(describe(asked).removeprefix("exec "), OK)

        def probe(address: str) -> Served | None:
            self.looks += 1
            if address not in self.served:
                return None
            return self.seen(address, "ok" if self.looks >= self.ok_from_look else self.served[address])

        def save(ledger: Ledger) -> None:
            assert ledger != self.ledger
            self.saves.append(ledger)
            self.ledger = ledger

        delivered = deliver(
            self.world.desired,
            self.world.observed,
            self.ledger,
            served={address: self.seen(address, state) for address, state in self.served.items()},
            run_hook=run,
            probe=probe,
            save=save,
            now=lambda: self.now,
            wait=self.waits.append,
            stop=lambda: ran >= self.stop_after,
            revision=self.revision,
            reasons=reasons or {},
            impatient=impatient,
        )
        assert delivered.ledger == self.ledger
        return delivered

    def advance(self, length: timedelta) -> None:
        """Lets time pass."""
        self.now += length


def scene(*owners: Component | Bundle | Kubeconfig, **fields: Any) -> Scene:  # noqa: ANN401 - any field of a desired state
    """A cluster in which everything is on disk and delivered."""
    made = Scene(world=settled(ca(), *owners, **fields))
    made.baseline()
    return made
