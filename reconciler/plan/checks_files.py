"""Checks of what stands around a pair: modes, owners and derived files. None of them costs a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.desired.model import OUTPUT_SUFFIX, Access
from reconciler.desired.vault import NO_MODE
from reconciler.observed.model import Absent, Certificates, DerivedOutput, FileMeta, Key, ObservedState, Unusable
from reconciler.plan.checks_pair import UNTOUCHABLE
from reconciler.plan.context import Context
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.x509.facts import CertificateFacts

#: Bits that a file of certificates may have. Fewer are tolerated, because the CIS Kubernetes benchmark asks for
#: "600 or more restrictive" and people who adopt a hardened cluster must not see it loosened.
PUBLIC_MODE: Final = 0o644
OWNER_READS: Final = 0o400

SECRET_OUTPUTS: Final = frozenset({"combined", "pkcs12"})


def mode_drift(context: Context) -> Iterator[Finding]:
    """A key has another mode than asked for, or others may write a certificate."""
    desired = context.desired
    if desired.place is None:  # its kubeconfig is checked instead
        return
    secret = desired.access.mode
    if isinstance(context.pair.key, Key):
        yield from secret_mode(context.pair.key.meta, secret, "mode")
    if isinstance(context.pair.certificate, Certificates) and "pem" in desired.outputs:
        yield from public_mode(context.pair.certificate.meta, "certificate_mode")
    for name in _derived(context):
        found = context.pair.outputs.get(name)
        if isinstance(found, DerivedOutput):
            check = secret_mode(found.meta, secret, f"outputs.{name}.mode") if name in SECRET_OUTPUTS else None
            yield from check if check is not None else public_mode(found.meta, f"outputs.{name}.mode")


def owner_drift(context: Context) -> Iterator[Finding]:
    """A file belongs to somebody else than asked for."""
    access = context.desired.access
    if context.desired.place is None or (access.owner is None and access.group is None):
        return
    files = (context.pair.key, context.pair.certificate, *(context.pair.outputs.get(name) for name in _derived(context)))
    yield from owners(
        access, [file.meta for file in files if isinstance(file, Key | Certificates | DerivedOutput)], context.observed
    )


def output_stale(context: Context) -> Iterator[Finding]:
    """A derived file is missing, unusable, or holds something else than the pair."""
    leaf, pair = context.leaf, context.pair
    if context.desired.place is None or leaf is None:
        return
    for name in _derived(context):
        found = pair.outputs.get(name, Absent())
        if isinstance(found, DerivedOutput):
            if not _holds(context, leaf, name, found):
                yield _stale(name, "does not hold the current certificate and key", "stale")
        elif isinstance(found, Unusable):
            yield _stale(name, f"cannot be used: {found.detail.rstrip('.')}", found.problem)
        else:
            yield _stale(name, "is missing", "missing")
    for name in _dropped(context):
        yield _stale(name, "is asked for no more", "left over", planned="none")


def secret_mode(meta: FileMeta, wanted: int, path: str) -> Iterator[Finding]:
    """The mode of a file with a key must be exactly the one asked for."""
    if meta.mode not in {wanted, NO_MODE}:
        yield _mode(meta.mode, wanted, path)


def public_mode(meta: FileMeta, path: str) -> Iterator[Finding]:
    """A file of certificates may be stricter than 0644, never looser."""
    if meta.mode != NO_MODE and (meta.mode & ~PUBLIC_MODE or not meta.mode & OWNER_READS):
        yield _mode(meta.mode, PUBLIC_MODE, path)


def owners(access: Access, metas: list[FileMeta], observed: ObservedState) -> Iterator[Finding]:
    """Owner and group of some files, each told once; an account that does not exist cannot be mended."""
    for path, account, known in (("owner", access.owner, observed.owners), ("group", access.group, observed.groups)):
        if account is None:
            continue
        number = account_id(account, known)
        if number is None:
            yield Finding(
                reason=Reason.OWNER_DRIFT,
                action=Action.NONE,
                message=f'{"user" if path == "owner" else "group"} "{account}" does not exist on this machine',
                path=path,
                planned=str(account),
            )
            continue
        kept = [meta for meta in metas if meta.mode != NO_MODE]
        wrong = [found for found in (meta.uid if path == "owner" else meta.gid for meta in kept) if found != number]
        if wrong:
            yield Finding(
                reason=Reason.OWNER_DRIFT,
                action=Action.REPAIR,
                message=f"{path} is {wrong[0]}, not {account}",
                path=path,
                current=str(wrong[0]),
                planned=str(account),
            )


def account_id(account: str | int, known: object) -> int | None:
    """The number of a user or group; None when this machine has no such name."""
    if isinstance(account, int):
        return account
    if account.isdigit():
        return int(account)
    number = known.get(account) if isinstance(known, dict) else None
    return number if isinstance(number, int) else None


def octal(mode: int) -> str:
    """``0600``: as it is written in the desired state; empty where a store keeps none."""
    return "" if mode == NO_MODE else f"{mode:04o}"


def _mode(found: int, wanted: int, path: str) -> Finding:
    return Finding(
        reason=Reason.MODE_DRIFT,
        action=Action.REPAIR,
        message=f"mode is {octal(found)}, not {octal(wanted)}",
        path=path,
        current=octal(found),
        planned=octal(wanted),
    )


def _stale(name: str, message: str, current: str, planned: str = "current") -> Finding:
    return Finding(
        reason=Reason.OUTPUT_STALE,
        action=Action.NONE if current in UNTOUCHABLE else Action.REPAIR,
        message=f"{name} {message}",
        path=f"outputs.{name}",
        current=current,
        planned=planned,
    )


def _derived(context: Context) -> tuple[str, ...]:
    """The outputs that are derived from the pair; a combined file without pem beside it *is* the pair."""
    outputs = context.desired.outputs
    if outputs == ("pem",):
        return ()
    pair = "pem" if "pem" in outputs else "combined"
    return tuple(name for name in outputs if name != pair)


def _dropped(context: Context) -> Iterator[str]:
    """The outputs that were written last and are none any more: a copy of a key that nobody would renew or miss."""
    place, record, outputs = context.desired.place, context.record, context.desired.outputs
    if place is None or record is None or (record.root, record.path) != (place.root, place.path):
        return
    wanted = {place.file(suffix) for suffix in context.desired.suffixes}
    written = set(record.paths) - wanted
    yield from (
        name
        for name, suffix in (("pem", ".key"), *OUTPUT_SUFFIX.items())
        if name not in outputs and place.file(suffix) in written
    )


def _holds(context: Context, leaf: CertificateFacts, name: str, found: DerivedOutput) -> bool:
    pair, served = context.pair, context.authority.served
    if name == "der":
        return found.fingerprints == (leaf.fingerprint,)
    request = context.desired.request
    if request is not None and name == "answer":
        from reconciler.desired.answers import digest_of  # noqa: PLC0415 - few requests are Kubernetes objects

        if found.digest != digest_of(request):
            return False
    if served is None and isinstance(pair.certificate, Certificates):
        served = pair.certificate.chain[1:]
    chain = (leaf.fingerprint, *(link.fingerprint for link in served or ()))
    return found.fingerprints == chain and (name not in SECRET_OUTPUTS or found.spki_sha256 == leaf.spki_sha256)
