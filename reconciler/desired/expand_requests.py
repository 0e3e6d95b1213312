"""Signing requests: each entry with its file, checked and measured against policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from msgspec import UNSET

from reconciler.desired.durations import InvalidDurationError, format_duration, parse_duration, parse_renew_before
from reconciler.desired.expand_components import split_usages
from reconciler.desired.external import is_external
from reconciler.desired.files import File
from reconciler.desired.manifests import Flaw, Manifest
from reconciler.desired.model import CA, address_of
from reconciler.desired.report import did_you_mean
from reconciler.desired.request_checks import Asking, breaches
from reconciler.desired.request_files import MANIFESTS, digest_of
from reconciler.desired.request_policy import MAX_LIFETIME
from reconciler.desired.request_reader import Reader, manifest_of, place_in, request_of, start_of
from reconciler.desired.requested import Requested
from reconciler.desired.signers import DEFAULT_CA, is_built_in, lifetime, refusals
from reconciler.desired.spec_requests import RequestSpec
from reconciler.desired.vault import PkiKey
from reconciler.x509.constraints import violation
from reconciler.x509.facts import AskedFacts

_LOOK: Final = "`cluster-pki requests show {name}` has all of it; `cluster-pki requests approve {name}` approves it as it stands"
_RENEW_BEFORE: Final = timedelta(days=30)
#: The usages that can be certified here, also by their second names.
_KNOWN: Final = (
    *("server auth", "client auth", "code signing", "email protection", "s/mime", "timestamping", "ocsp signing"),
    *("signing", "digital signature", "content commitment", "key encipherment", "data encipherment", "key agreement"),
)


def read_all(reader: Reader, specs: Mapping[str, RequestSpec]) -> dict[str, Requested]:
    """Every request that is sound, by address; everything that is wrong is reported."""
    found: dict[str, Requested] = {}
    holders: dict[tuple[str, str], str] = {}
    for name, spec in sorted(specs.items()):
        requested = _read(reader, name, spec)
        if requested is None:
            continue
        if (holder := holders.setdefault((requested.ca, requested.facts.spki_sha256), name)) != name:
            message = f"requests {holder} and {name} are for the same key"
            reader.say("CPK716", name, message, "csr", hint="each person has a key of their own")
        found[requested.address] = requested
    return found


def _read(reader: Reader, name: str, spec: RequestSpec) -> Requested | None:
    file = reader.files.get(spec.csr)
    _check_reason(reader, name, spec)
    if file is None:
        return None  # told by the loader
    _check_digest(reader, name, spec, file)
    manifest = manifest_of(reader, name, file) if spec.csr.endswith(MANIFESTS) else None
    if manifest is None and spec.csr.endswith(MANIFESTS):
        return None
    request = request_of(reader, name, file, manifest)
    if request is None:
        return None
    signing, facts = request
    ca = _ca(reader, name, spec, manifest)
    usages = _usages(reader, name, spec, file, manifest)
    spans = _spans(reader, name, spec, manifest, reader.cas.get(ca or ""))
    if usages is None:
        return None
    extended, bits = usages
    asking = Asking(name=name, facts=facts, usages=frozenset((*extended, *bits)), policy=reader.policy)
    found = tuple(breaches(asking))
    for breach in found:
        at = "" if manifest is None else place_in(file, ("spec", "request"))
        reader.say(breach.code, name, f"{at or start_of(file)}: {breach.message}", "csr", hint=breach.hint)
    if manifest is not None:
        for flaw in refusals(manifest.signer, asking.usages, manifest.expiration, facts):
            reader.flaw("CPK713", name, file, flaw)
    if found or ca is None or spans is None:
        return None
    _check_constraints(reader, name, ca, facts)
    return Requested(
        address=address_of("request", name),
        name=name,
        ca=ca,
        file=spec.csr,
        pem=signing.pem,
        facts=facts,
        approval="pending" if spec.approval is UNSET else spec.approval,
        reason="" if spec.reason is UNSET else spec.reason,
        digest=digest_of(file),
        pinned=spec.digest is not UNSET,
        usages=extended,
        key_usages=bits,
        lifetime=spans[0],
        renew_before=spans[1],
        manifest="" if manifest is None else manifest.json,
        signer="" if manifest is None else manifest.signer,
        origin=("requests", name),
    )


def _check_reason(reader: Reader, name: str, spec: RequestSpec) -> None:
    if spec.approval == "denied" and spec.reason is UNSET:
        message = "it is denied, and nobody says why"
        reader.say("CPK715", name, message, "approval", hint='reason: "…", which is kept in the audit log')


def _check_digest(reader: Reader, name: str, spec: RequestSpec, file: File) -> None:
    """CPK718: an approval is for one file, or for whatever stands in it where nobody asks for more."""
    if spec.approval != "approved":
        return
    digest = digest_of(file)
    if spec.digest is UNSET and reader.policy.require_digest:
        message = "policy.requests.requireDigest: it is approved, and nothing says which request was looked at"
        reader.say("CPK718", name, message, "approval", hint=_LOOK.format(name=name))
    elif spec.digest is not UNSET and spec.digest != digest:
        message = f"{file.shown}:1:1: another request was approved: this one is {digest}"
        reader.say("CPK718", name, message, "digest", hint=_LOOK.format(name=name))


def _ca(reader: Reader, name: str, spec: RequestSpec, manifest: Manifest | None) -> str | None:
    """The CA that signs; None after a mistake."""
    wanted = spec.ca
    if wanted is UNSET and manifest is not None and is_built_in(manifest.signer):
        wanted = DEFAULT_CA
    if wanted is UNSET:
        message = "nobody says which CA signs it"
        if manifest is not None:
            message = f"nobody says which CA stands for the signer {manifest.signer}"
        reader.say("CPK714", name, message, hint=did_you_mean(DEFAULT_CA, reader.cas) or "ca: NAME")
        return None
    if wanted not in reader.cas:
        written = reader.context.document.cas
        if written is UNSET or wanted not in written:
            hint = did_you_mean(wanted, reader.cas) or "declare it under `cas`"
            reader.say("CPK201", name, f'there is no CA "{wanted}"', "ca", hint=hint)
        return None
    if is_external(reader.cas[wanted]):
        message = f"nobody here has the key of CA {wanted}"
        reader.say("CPK714", name, message, "ca", hint="give the request to whoever keeps that CA, or name another")
        return None
    held = reader.cas[wanted].key_in
    if isinstance(held, PkiKey) and not held.role and not held.verbatim:
        reader.say(
            "CPK714", name, f"no role of CA {wanted} signs requests", "ca", hint="issuer.vault.signVerbatim: true, or a role"
        )
        return None
    return wanted


def _usages(
    reader: Reader, name: str, spec: RequestSpec, file: File, manifest: Manifest | None
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Extended usages and bits; None after a mistake. A manifest has its own."""
    if manifest is None:
        return split_usages(["client auth"] if spec.usages is UNSET else list(spec.usages))
    known = set(_KNOWN)
    if unknown := sorted(set(manifest.usages) - known):
        flaw = Flaw(("spec", "usages"), f"{unknown[0]} cannot be certified", f"usages here are {', '.join(sorted(known))}")
        reader.flaw("CPK713", name, file, flaw)
        return None
    extended, bits = split_usages(list(manifest.usages))
    if spec.usages is not UNSET and split_usages(list(spec.usages)) != (extended, bits):
        message = f"the usages of the entry are not those of {place_in(file, ('spec', 'usages'))}"
        reader.say("CPK713", name, message, "usages", hint="leave them out: a Kubernetes object has its own")
        return None
    return extended, bits


def _spans(
    reader: Reader, name: str, spec: RequestSpec, manifest: Manifest | None, ca: CA | None
) -> tuple[timedelta, timedelta] | None:
    """Lifetime and renewBefore; None after a mistake. What nobody wrote is what policy and the CA leave of a year."""
    limit = reader.policy.max_lifetime
    field = "lifetime"
    try:
        most = min(limit, MAX_LIFETIME, ca.lifetime if ca is not None else limit)
        span = most if spec.lifetime is UNSET else parse_duration(spec.lifetime)
        if not span:
            reader.say("CPK229", name, "a lifetime of zero", "lifetime", hint="such as 90d")
            return None
        if manifest is not None:
            span = lifetime(manifest.expiration, span)
        field = "renewBefore"
        before = span / 3 if span < 3 * _RENEW_BEFORE else _RENEW_BEFORE
        before = before if spec.renew_before is UNSET else parse_renew_before(spec.renew_before, span)
    except InvalidDurationError as problem:
        reader.say("CPK229", name, problem.message, field, hint=problem.hint)
        return None
    written = spec.lifetime is not UNSET
    if written and span > limit:
        message = f"it would live {format_duration(span)}, policy allows {format_duration(limit)}"
        reader.say("CPK711", name, message, "lifetime", hint=f"lifetime: {format_duration(limit)}")
    if written and ca is not None and manifest is None and span > ca.lifetime:
        message = f"request {name} lives {format_duration(span)}, its CA {ca.name} {format_duration(ca.lifetime)}"
        reader.say("CPK301", name, message, "lifetime", hint="shorten it, or let the CA live longer")
    if before >= span:
        message = f"renewBefore {format_duration(before)} is not shorter than the lifetime {format_duration(span)}"
        reader.say("CPK303", name, message, "renewBefore", hint='such as "33%"')
    whole = timedelta(seconds=1)
    return span // whole * whole, before // whole * whole


def _check_constraints(reader: Reader, name: str, ca: str, facts: AskedFacts) -> None:
    """CPK306: a CA above may not certify a name."""
    for above in _upwards(reader.cas, ca):
        constraints = above.name_constraints
        outside = (
            []
            if constraints is None
            else [san for san in facts.sans if violation(constraints.permitted, constraints.excluded, san)]
        )
        if outside:
            message = f"request.{name} holds {outside[0]}, which the name constraints of CA {above.name} do not allow"
            reader.say("CPK306", name, message, "csr", hint=f"change the name, or nameConstraints of CA {above.name}")


def _upwards(cas: Mapping[str, CA], name: str) -> Iterator[CA]:
    while (ca := cas.get(name)) is not None:
        yield ca
        name = ca.issuer or ""
