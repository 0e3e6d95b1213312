"""One delivery on real files, with real hooks and probes, as a process of its own: ``python driver.py STATE ROOT PORT HOOK``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from reconciler.apply.delivery.deliver import Delivered, deliver
from reconciler.apply.delivery.ledger_file import load_ledger, save_ledger
from reconciler.apply.hooks.registry import run
from reconciler.apply.state import StateDirectory
from reconciler.desired.live import AnyHook, ExecHook, Probe
from reconciler.desired.model import DesiredState
from reconciler.observed.gather import gather
from reconciler.observed.live.inquiries import inquiries
from reconciler.observed.live.probe import probe, probe_all
from reconciler.observed.model import Served
from tests.builders import NOW
from tests.observed.cluster import API, Cluster


def desired_at(root: Path, *hooks: AnyHook, port: int = 0) -> DesiredState:
    """The cluster of the observation tests, whose server has hooks and, with a port, a probe."""
    desired = Cluster(root=root).desired()
    target = Probe(host="127.0.0.1", port=port, timeout=timedelta(seconds=10)) if port else None
    server = replace(desired.components[API], after=hooks, probe=target)
    return replace(desired, components={**desired.components, API: server})


def asking(desired: DesiredState, now: Callable[[], datetime]) -> Callable[[str], Served | None]:
    """Asks the endpoint of an address."""
    asked = inquiries(desired, gather(desired))

    def ask(address: str) -> Served | None:
        if address not in asked:
            return None
        one = asked[address]
        return probe(one.probe, expected=one.expected, client=one.client, now=now(), monotonic=time.monotonic)

    return ask


def deliver_here(desired: DesiredState, state: Path, *, at: datetime = NOW) -> Delivered:
    """One delivery with everything real but the time."""
    directory = StateDirectory(str(state))
    observed = gather(desired)
    ask = asking(desired, lambda: at)
    return deliver(
        desired,
        observed,
        load_ledger(directory),
        served=probe_all(inquiries(desired, observed), now=lambda: at, monotonic=time.monotonic),
        run_hook=partial(run, environ=os.environ, monotonic=time.monotonic),
        probe=ask,
        save=partial(save_ledger, directory),
        now=lambda: at,
        wait=time.sleep,
        stop=lambda: False,
        revision="r1",
        reasons={API: ("RenewalDue",)},
    )


if __name__ == "__main__":
    state_, root_, script = sys.argv[1:]
    deliver_here(desired_at(Path(root_), ExecHook(argv=(script,))), Path(state_))
