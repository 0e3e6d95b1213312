"""Saved plans: what is kept, and when a saved plan may no longer be applied. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from reconciler.plan.document import FORMAT_VERSION, PlanDocument, Source


class StalePlanError(Exception):
    """A saved plan that cannot be applied, with the reason and the way out."""

    def __init__(self, *, summary: str, detail: str) -> None:
        super().__init__(summary)
        self.summary: Final = summary
        self.detail: Final = f'{detail}\nRun "cluster-pki plan" again.'


def encode(document: PlanDocument) -> bytes:
    """A plan document as it is saved: JSON, no key, no PEM, no token."""
    return msgspec.json.encode(document) + b"\n"


def decode(data: bytes) -> PlanDocument:
    """Reads a saved plan.

    Raises:
        StalePlanError: it is none, or of a format that this version does not read.
    """
    try:
        head = msgspec.json.decode(data, type=dict[str, object])
        version = str(head.get("format_version", ""))
        if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
            raise StalePlanError(
                summary="Saved plan has an unknown format",
                detail=f'It says format_version "{version}"; this version reads {FORMAT_VERSION}.',
            )
        return msgspec.json.decode(data, type=PlanDocument)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StalePlanError(summary="Not a saved plan", detail=f"The file cannot be read as a plan: {error}.") from error


def refuse_stale(saved: PlanDocument, fresh: PlanDocument, *, source: Source, now: datetime) -> None:
    """Compares a saved plan with one made just now from the same options.

    Raises:
        StalePlanError: anything that the saved plan rests on has moved.
    """
    if saved.cluster != fresh.cluster:
        raise StalePlanError(
            summary="Saved plan is for another cluster", detail=f'It was made for "{saved.cluster}", this is "{fresh.cluster}".'
        )
    if saved.source.sha256 != source.sha256:
        raise StalePlanError(
            summary="Saved plan is stale",
            detail=f"The desired state in {source.path} changed after the plan was made "
            f"({saved.source.sha256[:12]} -> {source.sha256[:12]}).",
        )
    if now >= saved.valid_until:
        raise StalePlanError(
            summary="Saved plan is stale",
            detail=f"It was valid until {saved.valid_until:%Y-%m-%d %H:%M} UTC; time alone changes a PKI plan.",
        )
    moved = [
        f"  {address}: {digest[:12]} -> {fresh.observed.get(address, 'nothing is planned')[:18]}"
        for address, digest in saved.observed.items()
        if fresh.observed.get(address) != digest
    ]
    if moved:
        raise StalePlanError(
            summary="Saved plan is stale",
            detail="The given plan can no longer be applied because what was found changed after the plan was made:\n"
            + "\n".join(moved),
        )
