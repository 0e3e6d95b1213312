"""What fits together by itself and not with Vault: who signs, whose key it is, what KV keeps, where the lock is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import UNSET

from reconciler.desired.clashes import claims
from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context
from reconciler.desired.expand_copies import SECTIONS
from reconciler.desired.model import CA, DesiredState
from reconciler.desired.presets.fragments import KINDS, Fragments
from reconciler.desired.vault import Lock, PkiKey, TransitKey, kv_root
from reconciler.x509.names import NameConstraints

#: The fields of access, by the names of the document.
_ACCESS: Final = ("mode", "owner", "group")
#: What can be asked for when an engine makes a certificate of a CA: ``permitted_dns_domains`` of ``root/generate`` and
#: ``root/sign-intermediate`` is all that both servers know (OpenBao API, "PKI secrets engine"); others are ignored there.
_ASKED_FOR: Final = ("permitted", "dns")


def check_vault(context: Context, fragments: Fragments, cas: Mapping[str, CA], state: DesiredState) -> None:
    """Applies every rule on things in Vault.

    Args:
        context: the cluster; takes the mistakes.
        fragments: sound entries with their defaults.
        cas: every CA, whatever the view.
        state: of this view.
    """
    _nobody_signs(context, fragments, cas)
    _one_key_one_place(context, cas)
    _not_in_vault(context, cas)
    _no_access_in_kv(context, fragments)
    if state.lock is not None:
        _lock_in_the_way(context, state, state.lock)


def _nobody_signs(context: Context, fragments: Fragments, cas: Mapping[str, CA]) -> None:
    """CPK505: an engine signs by a role, or what the request says; one of them has to be allowed."""
    first: dict[str, str] = {}
    for name, spec in sorted(fragments.components.items()):
        first.setdefault(str(spec.ca), name)
    for ca in cas.values():
        if isinstance(ca.key_in, PkiKey) and not ca.key_in.role and not ca.key_in.verbatim and ca.name in first:
            message = f"{ca.address} names no role, so its engine will not sign component.{first[ca.name]}"
            hint = "add role: NAME, or signVerbatim: true"
            context.report.add("CPK505", message, at=("cas", ca.name, "issuer", "vault"), hint=hint, address=ca.address, key=True)


def _one_key_one_place(context: Context, cas: Mapping[str, CA]) -> None:
    """CPK507: who rotates the one would rotate the other, and neither would be told apart by its key."""
    owners: dict[tuple[str, ...], str] = {}
    for ca in cas.values():
        key: tuple[str, ...]
        at: Path
        match ca.key_in:
            case TransitKey(connection=connection, mount=mount, name=name):
                key, at = ("transit", connection, mount, name), ("transit", "name")
            case PkiKey(connection=connection, mount=mount, issuer=issuer, create=False):
                key, at = ("pki", connection, mount, issuer), ("issuer", "vault", "issuer" if issuer else "mount")
            case _:
                continue
        if (owner := owners.setdefault(key, ca.name)) != ca.name:
            message = f"ca.{owner} and {ca.address} would have one key"
            context.report.add("CPK507", message, at=("cas", ca.name, *at), hint="give each its own", address=ca.address)


def _not_in_vault(context: Context, cas: Mapping[str, CA]) -> None:
    """CPK508: a constraint that is left out in silence is a constraint that somebody relies on."""
    for ca in cas.values():
        if ca.name_constraints is None or not _made_in_vault(ca, cas):
            continue
        for side, kind in _constraints(ca.name_constraints):
            if (side, kind) != _ASKED_FOR:
                message = f"Vault makes the certificate of {ca.address}, and cannot be asked for {side} names of kind {kind}"
                at: Path = ("cas", ca.name, "nameConstraints", side, kind)
                hint = "only permitted dns names; transit keeps the key in Vault and leaves the certificate to us"
                context.report.add("CPK508", message, at=at, hint=hint, address=ca.address)


def _made_in_vault(ca: CA, cas: Mapping[str, CA]) -> bool:
    """Whether an engine builds the certificate, rather than us: its own, or that of the CA above."""
    ours_to_make = not ca.taken_as_it_is
    if ca.issuer is None:
        return isinstance(ca.key_in, PkiKey) and ours_to_make
    above = cas.get(ca.issuer)
    return above is not None and isinstance(above.key_in, PkiKey) and ours_to_make


def _constraints(names: NameConstraints) -> Iterator[tuple[str, str]]:
    for side, values in (("permitted", names.permitted), ("excluded", names.excluded)):
        for kind in dict.fromkeys(value.partition(":")[0] for value in values):
            yield side, kind


def _no_access_in_kv(context: Context, fragments: Fragments) -> None:
    """CPK404: who may read a secret is said by the policies of the server."""
    for section, kind in KINDS.items():
        written = getattr(context.document, section)
        for name, own in () if written is UNSET else sorted(written.items()):
            spec = getattr(fragments, section).get(name)
            if own is None or spec is None or not context.stores[str(spec.store)].in_kv:
                continue
            if section in SECTIONS and spec.copies is not UNSET:
                continue  # they are those of the copies
            for field in _ACCESS:
                if getattr(own, field, UNSET) is not UNSET:
                    message = f"{kind}.{name} is in KV, which keeps no {field}"
                    hint = "remove it; the server's policies say who may read it"
                    at: Path = (section, name, field)
                    context.report.add("CPK404", message, at=at, hint=hint, address=f"{kind}.{name}", key=True)


def _lock_in_the_way(context: Context, state: DesiredState, lock: Lock) -> None:
    """CPK406: taking the lock would overwrite a key."""
    path = kv_root(lock.connection, lock.mount, lock.path)
    for secret, address in claims(state):
        kind = address.partition(".")[0]
        beside = path.removeprefix(f"{secret}.g")
        if path == secret or (kind in {"ca", "keypair"} and beside != path and beside.isdigit()):
            what = address if path == secret else f"generation {beside} of {address}"
            message = f"the lock and {what} would be one secret"
            context.report.add("CPK406", message, at=("lock", "path"), hint="give the lock a path of its own", address=address)
            return
