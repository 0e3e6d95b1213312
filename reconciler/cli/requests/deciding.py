"""``requests approve NAME`` and ``requests deny NAME``: a word or two in the YAML, for a commit and its review."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError
from reconciler.cli.requests.editing import checked, editable, text_of, uneditable, write
from reconciler.cli.requests.rows import row_of
from reconciler.cli.requests.showing import spec_of
from reconciler.cli.session import print_result
from reconciler.desired.load import load
from reconciler.desired.model import address_of
from reconciler.desired.request_edits import UneditableError, with_fields
from reconciler.desired.request_files import digest_of
from reconciler.desired.requested import Approval
from reconciler.desired.spec_requests import RequestSpec
from reconciler.render.request_rows import render_request

_AFTER: Final = {"approved": "the next apply signs it", "denied": "the next apply records why, and revokes what was signed"}


def run(arguments: argparse.Namespace) -> int:
    """Edits the entry and says what was decided about."""
    approval: Approval = "approved" if arguments.what == "approve" else "denied"
    if approval == "denied" and not arguments.reason:
        msg = "requests deny needs --reason: whoever asked should know why"
        raise UsageError(msg)
    if arguments.reason and not arguments.reason.isprintable():
        msg = "--reason is one line of text, without control characters"
        raise UsageError(msg)
    source, name = editable(arguments), arguments.name
    before = load(source)
    spec = spec_of(before, name)
    request = before.requests.get(spec.csr)
    digest = digest_of(request) if request is not None and approval == "approved" else UNSET
    wanted = replace(spec, approval=approval, digest=digest, reason=arguments.reason or UNSET)
    file, _ = before.merged.origin(("requests", name))
    text, mark = text_of(source, file)
    try:
        edited = text if wanted == spec else with_fields(text, name, _fields(wanted))
    except UneditableError as error:
        raise uneditable(source, file.name, error) from None
    data = mark + edited.encode()
    state = checked(arguments, source, before, {file.name: data}, {name: wanted})
    requested = state.requests.get(address_of("request", name))
    if requested is not None:
        print_result(render_request(row_of(requested, {})))
        sys.stdout.flush()  # before what is said about it
    if edited == text:
        sys.stderr.write(f"request.{name} is {approval} already.\n")
        return ExitCode.SUCCESS
    write(source, file.name, data, mark + text.encode())
    after = _AFTER[approval]
    sys.stderr.write(f"{source.shown(file.name)}: request.{name} is {approval}. Once this is merged, {after}.\n")
    return ExitCode.SUCCESS


def _fields(spec: RequestSpec) -> dict[str, str | None]:
    return {
        "approval": None if spec.approval is UNSET else spec.approval,
        "reason": None if spec.reason is UNSET else spec.reason,
        "digest": None if spec.digest is UNSET else spec.digest,
    }
