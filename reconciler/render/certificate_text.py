"""One certificate in words."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.status_document import FilePaths, ResourceStatus
from reconciler.render.durations import instant
from reconciler.render.escape import visible
from reconciler.render.states import state


def render_certificate(row: ResourceStatus) -> str:
    """Everything known of one address, a line each, lists over several."""
    lines = [visible(row.address)]
    width = max(len(label) for label, _ in _facts(row))
    for label, values in _facts(row):
        heads = (f"{label}:", *[""] * (len(values) - 1))
        lines += [f"  {head:<{width + 1}} {visible(value)}" for head, value in zip(heads, values, strict=True)]
    return "\n".join(lines) + "\n"


def _facts(row: ResourceStatus) -> Iterator[tuple[str, list[str]]]:
    yield "State", [state(row)]
    if row.number is not None or row.revoked is not None:
        yield "Number", ["(none)" if row.number is None else str(row.number)]
        yield "Revoked", [f"{row.revoked or 0} certificate{'' if row.revoked == 1 else 's'}"]
    elif row.fingerprint is not None:
        yield "Subject", [row.subject or "(empty)"]
        yield "Names", row.sans or ["(none)"]
        yield "Usages", row.usages or ["(none)"]
    if row.not_before and row.not_after:
        yield "Valid from", [instant(row.not_before)]
        yield "Valid until", [f"{instant(row.not_after)} ({_days(row.days_left or 0)})"]
    scalars = (
        ("Renew at", instant(row.renew_at) if row.renew_at else None),
        ("Key", row.key),
        ("Issuer", row.issuer),
        ("Generation", None if row.generation is None else str(row.generation)),
        ("Serial", row.serial),
        ("SHA-256", row.fingerprint),
        ("Key id", row.ski),
    )
    yield from ((label, [value]) for label, value in scalars if value)
    if files := _files(row.paths):
        yield "Files", files


def _files(paths: FilePaths) -> list[str]:
    named = {
        "certificate": paths.certificate,
        "key": paths.key,
        "public key": paths.public_key,
        "bundle": paths.bundle,
        "kubeconfig": paths.kubeconfig,
        "full chain": paths.fullchain,
        "combined": paths.combined,
        "DER": paths.der,
        "PKCS#12": paths.pkcs12,
        "PEM list": paths.crl_pem,
        "DER list": paths.crl_der,
    }
    width = max((len(name) for name, path in named.items() if path), default=0)
    return [f"{name:<{width}}  {path}" for name, path in named.items() if path]


def _days(left: int) -> str:
    if left < 0:
        return "expired"
    return f"{left} day{'' if left == 1 else 's'} left"
