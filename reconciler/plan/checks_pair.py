"""Checks of a component's certificate and key: is it there, is it a pair, is it ours, does it say what it should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.observed.model import UNREACHABLE, Absent, Certificates, Unusable
from reconciler.plan.context import Context
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.x509.facts import CertificateFacts

#: Problems that a new certificate would not mend: somebody has to look first.
UNTOUCHABLE: Final = frozenset({"not-a-file", "permission-denied", "io-error", UNREACHABLE})

WEAK_HASHES: Final = frozenset({"md5", "sha1"})


def missing(context: Context) -> Iterator[Finding]:
    """The certificate, the key, or both are not there."""
    no_certificate = isinstance(context.pair.certificate, Absent)
    no_key = isinstance(context.pair.key, Absent)
    if no_certificate and no_key:
        yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no certificate and no key")
    elif no_certificate:
        yield Finding(
            reason=Reason.MISSING, action=_around_the_key(context), message="there is no certificate", path="certificate"
        )
    elif no_key:
        yield Finding(reason=Reason.MISSING, action=Action.REKEY, message="there is no key", path="key")


def unreadable(context: Context) -> Iterator[Finding]:
    """A file is there that cannot be used."""
    certificate, key = context.pair.certificate, context.pair.key
    if isinstance(certificate, Unusable) and certificate == key:  # one file holds both
        yield unreadable_finding(certificate, action=Action.REKEY, path="")
        return
    if isinstance(certificate, Unusable):
        yield unreadable_finding(certificate, action=_around_the_key(context), path="certificate")
    if isinstance(key, Unusable):
        yield unreadable_finding(key, action=Action.REKEY, path="key")


def unreadable_finding(found: Unusable, *, action: Action, path: str) -> Finding:
    """An Unreadable finding; one that asks for nothing when writing would not help or is not ours to do."""
    return Finding(
        reason=Reason.UNREADABLE,
        action=Action.NONE if found.problem in UNTOUCHABLE else action,
        message=f"{path or 'file'}: {found.detail.rstrip('.')} ({found.problem})",
        path=path,
        current=found.problem,
    )


def key_mismatch(context: Context) -> Iterator[Finding]:
    """The key is not the certificate's."""
    leaf, key = context.leaf, context.key
    if leaf is not None and key is not None and leaf.spki_sha256 != key.spki_sha256:
        yield Finding(
            reason=Reason.KEY_MISMATCH,
            action=_around_the_key(context),
            message="the key does not belong to the certificate",
            path="key",
            current=f"sha256:{key.spki_sha256}",
            planned=f"sha256:{leaf.spki_sha256}",
        )


def wrong_issuer(context: Context) -> Iterator[Finding]:
    """Another key than the CA's signed the certificate. By key, never by name: an old CA and a new one share theirs."""
    if _has_other_issuer(context) and context.leaf is not None and context.pair.signed_by not in context.generations:
        yield Finding(
            reason=Reason.WRONG_ISSUER,
            action=Action.REISSUE,
            message=f"it was not signed by the key of {context.authority.desired.address}",
            path="issuer",
            current=str(context.leaf.issuer),
            planned=context.authority.desired.address,
        )


def issuer_rotated(context: Context) -> Iterator[Finding]:
    """Another generation of its CA signed it than the one that issues now."""
    number = context.generations.get(context.pair.signed_by)
    if number is not None and _has_other_issuer(context) and context.leaf is not None:
        yield Finding(
            reason=Reason.ISSUER_ROTATED,
            action=Action.REISSUE,
            message=f"generation {number} of {context.issuing.desired.address} signed it, {_generation(context)} issues now",
            path="issuer_generation",
            current=str(number),
            planned=_generation(context),
        )


def _generation(context: Context) -> str:
    return str(context.issuing.desired.generation)


def chain_broken(context: Context) -> Iterator[Finding]:
    """The intermediates behind the certificate are not the current ones of its CAs, without the root."""
    served, found = context.authority.served, context.pair.certificate
    if served is None or not isinstance(found, Certificates) or (not served and len(found.chain) == 1):
        return
    if _has_other_issuer(context):
        return
    # In files of others, a root at the end harms nobody: k3s writes it, and RFC 8446 section 4.4.2 lets it be sent.
    behind = found.chain[1:-1] if not context.made_here and _ends_with_root(found.chain) else found.chain[1:]
    if tuple(link.fingerprint for link in behind) != tuple(link.fingerprint for link in served):
        # A kubeconfig is rewritten around the chain it holds: only a new certificate brings the right one there.
        yield Finding(
            reason=Reason.CHAIN_BROKEN,
            action=Action.REISSUE if context.desired.place is None else Action.REPAIR,
            message="the intermediates behind it are not those of its CAs",
            path="chain",
            current=_names(str(link.subject) for link in found.chain[1:]),
            planned=_names(str(link.subject) for link in served),
        )


def _ends_with_root(chain: tuple[CertificateFacts, ...]) -> bool:
    return len(chain) > 1 and chain[-1].self_signed and chain[-2].issuer.same_as(chain[-1].subject)


def subject_mismatch(context: Context) -> Iterator[Finding]:
    """The subject holds other attributes; their order does not matter."""
    leaf, wanted = context.leaf, context.desired.subject
    if leaf is not None and leaf.subject != wanted and not leaf.subject.same_as(wanted):
        yield Finding(
            reason=Reason.SUBJECT_MISMATCH,
            action=Action.REISSUE,
            message="the subject is another",
            path="subject",
            current=str(leaf.subject),
            planned=str(wanted),
        )


def san_mismatch(context: Context) -> Iterator[Finding]:
    """The set of names is another."""
    leaf = context.leaf
    if leaf is None:
        return
    found, wanted = set(leaf.sans), set(context.desired.sans)
    if found != wanted:
        added, removed = sorted(wanted - found), sorted(found - wanted)
        parts = [f"added {_names(added)}"] * bool(added) + [f"removed {_names(removed)}"] * bool(removed)
        yield Finding(
            reason=Reason.SAN_MISMATCH,
            action=Action.REISSUE,
            message="; ".join(parts),
            path="sans",
            current=_names(sorted(found)),
            planned=_names(sorted(wanted)),
        )


def usage_mismatch(context: Context) -> Iterator[Finding]:
    """Extended key usages are another set, a wanted keyUsage bit is missing, or it could act as a CA.

    Other bits are tolerated: kubeadm sets key encipherment on ECDSA keys, Vault roles add key agreement. Without the extension
    a key may do everything (RFC 5280 section 4.2.1.3), and a certificate without extended key usages is good for all (4.2.1.12),
    as those of ``openssl x509 -req`` without an extension file: of somebody else's that is no difference. Ours always have some.
    """
    leaf, desired = context.leaf, context.desired
    if leaf is None:
        return
    unlimited = not leaf.usages and not context.made_here
    if not unlimited and leaf.usages != desired.usages and set(leaf.usages) != set(desired.usages):
        yield _usage("the usages are others", "usages", _names(leaf.usages), _names(desired.usages))
    wanted = {"digital signature", *desired.key_usages}
    if leaf.key_usages and not wanted <= set(leaf.key_usages):
        lacking = _names(sorted(wanted - set(leaf.key_usages)))
        yield _usage(f"keyUsage lacks {lacking}", "key_usages", _names(leaf.key_usages), _names(sorted(wanted)))
    elif "cert sign" in leaf.key_usages:
        yield _usage("keyUsage holds cert sign, which is a CA's", "key_usages", _names(leaf.key_usages), _names(sorted(wanted)))
    elif leaf.is_ca:
        yield _usage("it is marked as a CA", "is_ca", "true", "false")


def _usage(message: str, path: str, current: str, planned: str) -> Finding:
    return Finding(
        reason=Reason.USAGE_MISMATCH, action=Action.REISSUE, message=message, path=path, current=current, planned=planned
    )


def key_policy_mismatch(context: Context) -> Iterator[Finding]:
    """The key is of another algorithm or size than asked for."""
    known = context.leaf if context.leaf is not None else context.key
    if known is not None and known.key != context.desired.key:
        yield Finding(
            reason=Reason.KEY_POLICY_MISMATCH,
            action=Action.REKEY,
            message="the key is of another kind",
            path="key",
            current=known.key,
            planned=context.desired.key.value,
        )


def weak_signature(context: Context) -> Iterator[Finding]:
    """Signed over a hash that can be forged."""
    leaf = context.leaf
    if leaf is not None and leaf.signature_hash in WEAK_HASHES:
        yield Finding(
            reason=Reason.WEAK_SIGNATURE,
            action=Action.REISSUE,
            message=f"it is signed with {leaf.signature_hash}",
            path="signature",
            current=leaf.signature_hash,
        )


def revoked(context: Context) -> Iterator[Finding]:
    """It is revoked: by git, or because it stands on a list of its CA, as when files came back from a backup."""
    leaf = context.leaf
    if leaf is None or not issued_here(context):
        return
    known = context.authority.revoked.get(leaf.serial)
    if known is not None:
        why = "" if known.reason == "unspecified" else f" ({known.reason})"
        yield Finding(
            reason=Reason.REVOKED,
            action=Action.REPLACE,
            message=f"its serial is revoked{why}",
            path="serial",
            current=leaf.serial,
        )


def reissue_requested(context: Context) -> Iterator[Finding]:
    """`reissue` in the desired state is not what it was at the last issuance, or ``--replace`` names the address.

    Without a record there is nothing to compare with: a lost state directory must not cost a reissue.
    """
    desired, record = context.desired, context.record
    if isinstance(context.pair.certificate, Absent):
        return
    if context.replace:
        yield Finding(reason=Reason.REISSUE_REQUESTED, action=Action.REKEY, message="--replace asks for it", path="replace")
    elif record is not None and record.reissue != desired.reissue:
        yield Finding(
            reason=Reason.REISSUE_REQUESTED,
            action=Action.REISSUE,
            message="`reissue` was changed in the desired state",
            path="reissue",
            current=record.reissue,
            planned=desired.reissue,
        )


def _around_the_key(context: Context) -> Action:
    """What a lost certificate asks for: a reissue, around the key when that may stay, with a new one otherwise.

    A key may stay when it is known to be ours; that it lies at our path does not make it so.
    """
    key, record, desired = context.key, context.record, context.desired
    if key is None:
        return Action.REKEY
    lone = context.leaf is None
    ours = record.spki_sha256 == key.spki_sha256 if record is not None else lone and context.pair.owned
    return Action.REISSUE if ours or (lone and desired.rotate_key) else Action.REKEY


def _has_other_issuer(context: Context) -> bool:
    authority = context.authority
    if authority.certificate is None and not authority.creating:
        return False  # nobody can tell
    return authority.certificate is None or context.pair.signed_by != authority.spki


def issued_here(context: Context) -> bool:
    """Whether the certificate verifies with the key of its CA, or of another generation of it."""
    signer = context.pair.signed_by
    return bool(signer) and (signer == context.authority.spki or signer in context.generations)


def _names(values: Iterable[str]) -> str:
    return ", ".join(values)
