"""``requests show NAME``: all that a reviewer has to know, also of a request that policy refuses."""

from __future__ import annotations

import argparse
import sys

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError
from reconciler.cli.requests.rows import certificates, refused_row, row_of, specs_of
from reconciler.cli.session import open_session, print_result
from reconciler.desired.diagnostics import InvalidDesiredStateError
from reconciler.desired.load import Loaded
from reconciler.desired.model import address_of
from reconciler.desired.report import did_you_mean
from reconciler.desired.spec_requests import RequestSpec
from reconciler.render.request_rows import RequestRow, render_json, render_request


def run(arguments: argparse.Namespace) -> int:
    """Prints a request; one that policy refuses is an error, as is a desired state that is wrong elsewhere."""
    name = arguments.name
    code = ExitCode.SUCCESS
    try:
        session = open_session(arguments)
    except InvalidDesiredStateError as error:
        row, code = _unsound(error, name), ExitCode.ERROR
    else:
        spec_of(session.loaded, name)
        row = row_of(session.compiled.state.requests[address_of("request", name)], certificates(session))
    print_result(render_json([row]) if arguments.format == "json" else render_request(row))
    if code and not row.violations:
        sys.stdout.flush()
        sys.stderr.write("Error: the desired state has mistakes elsewhere; `cluster-pki validate` shows them.\n")
    return code


def spec_of(loaded: Loaded, name: str) -> RequestSpec:
    """The entry of a request.

    Raises:
        UsageError: there is none.
    """
    specs = specs_of(loaded)
    if name not in specs:
        hint = did_you_mean(name, specs) or "there are none"
        msg = f'there is no request "{name}"; {hint}'
        raise UsageError(msg)
    return specs[name]


def _unsound(error: InvalidDesiredStateError, name: str) -> RequestRow:
    """The request in a desired state that does not hold together, maybe because of it.

    Raises:
        InvalidDesiredStateError: the request cannot be read, or the YAML cannot.
    """
    loaded = error.loaded
    if not isinstance(loaded, Loaded):
        raise error
    spec = spec_of(loaded, name)
    own = [each for each in error.diagnostics if each.address == address_of("request", name)]
    row = refused_row(name, spec, loaded.requests.get(spec.csr), own)
    if row is None:
        raise error
    return row
