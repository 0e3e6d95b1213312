"""Where the key of a CA is when it is not ours: in a PKI engine or a transit engine of Vault, or with somebody else."""

from __future__ import annotations

from functools import partial

from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context
from reconciler.desired.expand_external import external_key, is_one_issuer
from reconciler.desired.expand_kv import checked
from reconciler.desired.issuing import external_issuer, vault_issuer
from reconciler.desired.spec import CaSpec
from reconciler.desired.spec_vault import IssuerSpec, TransitSpec, VaultIssuerSpec
from reconciler.desired.vault import ExternalKey, PkiKey, TransitKey
from reconciler.desired.vault_paths import vault_path

_engine = partial(vault_path, what="mount")


def key_home(context: Context, name: str, spec: CaSpec) -> tuple[PkiKey | TransitKey | ExternalKey | None, bool]:
    """Where the key of a CA is, None for the file beside its certificate; and whether that is sound."""
    if isinstance(spec.issuer, IssuerSpec) and not is_one_issuer(context, name, spec.issuer):
        return None, False
    if (outside := external_issuer(spec)) is not None:
        return external_key(context, name, spec, outside)
    issuer, transit = vault_issuer(spec), spec.transit
    if issuer is None and transit is UNSET:
        return None, True
    found: PkiKey | TransitKey | None = None
    sound = True
    if issuer is not None:
        sound = _check_issuer(context, name, issuer)
        found = pki_key(issuer)
    if transit is not UNSET:
        sound &= checked(context.report, _engine, transit.mount, ("cas", name, "transit", "mount"))
        if issuer is not None:
            message = f'CA "{name}" has its key in a PKI engine and in a transit engine'
            hint = "remove one: issuer: {vault: …} has the engine make certificates, transit only signatures"
            context.report.add("CPK507", message, at=("cas", name, "transit"), hint=hint, address=f"ca.{name}", key=True)
            sound = False
        found = transit_key(transit)
    if spec.copies is not UNSET:
        _refuse_copies(context, name)
    return found, sound


def pki_key(spec: VaultIssuerSpec) -> PkiKey:
    """The key as the model has it."""
    return PkiKey(
        connection=spec.connection,
        mount=spec.mount,
        role="" if spec.role is UNSET else spec.role,
        verbatim=spec.sign_verbatim is True,
        issuer="" if spec.issuer is UNSET else spec.issuer,
        create=spec.create is True,
        accept=frozenset(() if spec.accept is UNSET else spec.accept),
    )


def transit_key(spec: TransitSpec) -> TransitKey:
    """The key as the model has it."""
    return TransitKey(connection=spec.connection, mount=spec.mount, name=spec.name)


def _check_issuer(context: Context, name: str, spec: VaultIssuerSpec) -> bool:
    here: Path = ("cas", name, "issuer", "vault")
    sound = checked(context.report, _engine, spec.mount, (*here, "mount"))
    if spec.create is True and spec.issuer is not UNSET:
        message = f'CA "{name}" is to be made, and names an issuer that exists: "{spec.issuer}"'
        hint = "remove `issuer` for a CA that is made here, or `create` for one that exists"
        context.report.add("CPK504", message, at=(*here, "issuer"), hint=hint, address=f"ca.{name}")
        return False
    return sound


def _refuse_copies(context: Context, name: str) -> None:
    """The key of such a CA is nowhere to be copied from."""
    written = context.document.cas
    own = None if written is UNSET else written.get(name)
    by_hand = own is not None and own.copies is not UNSET
    at: Path = ("cas", name, "copies") if by_hand else ("kubernetes", "distributeCAKeys")
    message = f"the key of ca.{name} never leaves Vault, so no node can have a copy of it"
    hint = "remove `copies`" if by_hand else "without distributeCAKeys nodes get its certificate, and no key"
    context.report.add("CPK506", message, at=at, hint=hint, address=f"ca.{name}", key=by_hand)
