"""``requests list``."""

from __future__ import annotations

import argparse

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.requests.rows import certificates, row_of
from reconciler.cli.session import open_session, print_result
from reconciler.render.request_rows import render_json, render_table


def run(arguments: argparse.Namespace) -> int:
    """Prints one row a request."""
    session = open_session(arguments)
    found = certificates(session)
    rows = [row_of(requested, found) for requested in session.compiled.state.requests.values()]
    print_result(render_json(rows) if arguments.format == "json" else render_table(rows))
    return ExitCode.SUCCESS
