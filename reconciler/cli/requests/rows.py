"""Requests as rows: from the desired state where it holds together, else from what can be read of one."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from reconciler.cli.clock import wall_clock
from reconciler.desired.diagnostics import Diagnostic
from reconciler.desired.durations import format_duration
from reconciler.desired.files import File
from reconciler.desired.load import Loaded
from reconciler.desired.manifests import FlawedError, read_manifest
from reconciler.desired.request_files import MANIFESTS, digest_of
from reconciler.desired.requested import Requested
from reconciler.desired.spec_requests import RequestSpec
from reconciler.passes.look import look
from reconciler.passes.session import Session
from reconciler.plan.options import Options
from reconciler.plan.status_document import ResourceStatus
from reconciler.render.request_rows import RequestRow
from reconciler.x509.asked import read_asked
from reconciler.x509.errors import UnreadableError


def specs_of(loaded: Loaded) -> Mapping[str, RequestSpec]:
    """The requests as they are written, by name."""
    return {} if loaded.document.requests is UNSET else loaded.document.requests


def certificates(session: Session) -> Mapping[str, ResourceStatus]:
    """What was signed, by address; nothing is looked at while nothing is approved."""
    if not any(each.approval == "approved" for each in session.compiled.state.requests.values()):
        return {}
    status = look(session, now=wall_clock(), options=Options(confirmed=False)).status()
    return {row.address: row for row in status.resources if row.address in session.compiled.state.requests}


def row_of(requested: Requested, found: Mapping[str, ResourceStatus]) -> RequestRow:
    """A request that policy has nothing against."""
    facts = requested.facts
    return RequestRow(
        name=requested.name,
        approval=requested.approval,
        reason=requested.reason,
        ca=requested.ca,
        user=facts.subject.common_name,
        groups=facts.subject.organizations,
        names=facts.sans,
        usages=(*requested.usages, *requested.key_usages),
        key=facts.key,
        spki_sha256=facts.spki_sha256,
        lifetime=format_duration(requested.lifetime),
        renew_before=format_duration(requested.renew_before),
        file=requested.file,
        digest=requested.digest,
        signer=requested.signer,
        certificate=found.get(requested.address) if requested.approval == "approved" else None,
    )


def refused_row(name: str, spec: RequestSpec, file: File | None, problems: list[Diagnostic]) -> RequestRow | None:
    """A request that is refused, as far as it can be read; None where there is nothing to show but what is wrong."""
    if file is None:
        return None
    pem, signer = file.text.encode(), ""
    usages: list[str] = [] if spec.usages is UNSET else [*spec.usages]
    try:
        if spec.csr.endswith(MANIFESTS):
            manifest = read_manifest(file)
            pem, signer, usages = manifest.request, manifest.signer, list(manifest.usages)
        facts = read_asked(pem)
    except (UnreadableError, FlawedError):
        return None
    return RequestRow(
        name=name,
        approval="pending" if spec.approval is UNSET else spec.approval,
        reason="" if spec.reason is UNSET else spec.reason,
        ca="" if spec.ca is UNSET else spec.ca,
        user=facts.subject.common_name,
        groups=facts.subject.organizations,
        names=facts.sans,
        usages=tuple(usages or sorted({*facts.usages, *facts.key_usages})),
        key=facts.key,
        spki_sha256=facts.spki_sha256,
        lifetime="",
        renew_before="",
        file=spec.csr,
        digest=digest_of(file),
        signer=signer,
        violations=tuple(f"refuses it ({each.code}): {each.message}" for each in problems),
    )
