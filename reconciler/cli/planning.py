"""The options of everything that plans."""

from __future__ import annotations

import argparse

from reconciler.cli.argument_types import seconds
from reconciler.plan.options import Options


def add_planning(parser: argparse.ArgumentParser) -> None:
    """Adds the options that change what is planned."""
    group = parser.add_argument_group("planning")
    group.add_argument(
        "--target", action="append", default=[], metavar="ADDR", help="only this address and what it rests on; repeatable"
    )
    group.add_argument(
        "--replace", action="append", default=[], metavar="ADDR", help="a new key and certificate for this address; repeatable"
    )
    group.add_argument("--adopt", action="store_true", help="take over files that we did not issue and that do not fit")
    group.add_argument(
        "--allow-mass-change", action="store_true", help="lift the guards on how much one plan may change or destroy"
    )
    group.add_argument(
        "--lock-timeout",
        type=seconds,
        default=0.0,
        metavar="DURATION",
        help="how long to wait for the lock, such as 30s (default 0s)",
    )


def planning_options(arguments: argparse.Namespace, *, refresh_only: bool = False) -> Options:
    """The planning options of a command line."""
    return Options(
        targets=tuple(arguments.target),
        replace=tuple(arguments.replace),
        refresh_only=refresh_only,
        adopt=arguments.adopt,
        allow_mass_change=arguments.allow_mass_change,
    )
