"""Checks of what signs inside the cluster: certificates, tokens, revocation lists. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.cluster.model import File, Node
from reconciler.health.context import Context, Held, private_key
from reconciler.health.effects import effect
from reconciler.health.model import HealthFinding, Severity
from reconciler.health.shared import public_keys
from reconciler.health.versions import reads_pem_lists
from reconciler.health.words import instant, listed, setting_of, subject_of
from reconciler.observed.model import RevocationLists
from reconciler.x509.facts import CrlFacts

_TOKENS: Final = "service-account"
_SIGNERS: Final = ("kube-apiserver", "kube-controller-manager")
#: The bundle with the CAs whose certificates a list of etcd revokes, by the list's purpose.
_BUNDLE: Final = {"client-crl": "client-ca", "peer-crl": "peer-ca"}


def several_signers(context: Context) -> Iterator[HealthFinding]:
    """The controller manager signs with a file that holds more than one certificate (signer/ca_provider.go)."""
    for held in context.held:
        uses = [use for use in held.uses if use.role == "signing-certificate"]
        if uses and len(held.chain) > 1:
            yield HealthFinding(
                code="CPK625",
                severity="error",
                node=held.node,
                path=held.path,
                setting=setting_of(uses),
                message=f"{held.path} holds {len(held.chain)} certificates ({listed(map(subject_of, held.chain))}), "
                "expected is exactly one, the CA that signs",
                breaks=effect(uses),
                mend="leave the CA that signs in it, and keep the bundle for --root-ca-file and --client-ca-file in another file",
            )


def service_account_keys(context: Context) -> Iterator[HealthFinding]:
    """An API server does not accept the tokens that it, or its controller manager, signs."""
    for node in context.cluster.nodes:
        accepted = tuple(node.used("kube-apiserver", _TOKENS, "token-verification"))
        known = {key for file in accepted for key in public_keys(file)}
        if not known:
            continue
        seen: set[str] = set()
        for process in _SIGNERS:
            for file in node.used(process, _TOKENS, "token-key"):
                key = private_key(file)
                if key is not None and key.facts.spki_sha256 not in known and file.path not in seen:
                    seen.add(file.path)
                    yield _token_key(node, file, process, accepted, key.facts.spki_sha256)


def revocation_list(context: Context) -> Iterator[HealthFinding]:
    """A revocation list that etcd cannot read, that is out of date, or that is of no CA it belongs to."""
    for node, file in context.files():
        content = file.content
        if not isinstance(content, RevocationLists) or not any(use.role == "crl" for use in file.uses):
            continue
        if file.encoding == "pem":
            yield _pem_list(node, file)
            continue
        bundles = {_BUNDLE[use.purpose] for use in file.uses if use.purpose in _BUNDLE}
        trusted = [held for bundle in bundles for held in context.at(node, "etcd", bundle, "trust")]
        for facts, signer in zip(content.lists, content.signers, strict=True):
            yield from _one_list(context, node, file, facts, signer=signer, trusted=trusted)


def _pem_list(node: Node, file: File) -> HealthFinding:
    etcd = node.process("etcd")
    version = etcd.version if etcd is not None else ""
    mend = f"run `openssl crl -in {file.path} -outform DER` and put the result in its place"
    if not reads_pem_lists(version):
        message = f"{file.path} is PEM, and etcd reads DER alone"
        return _list(node, file, "error", message, breaks=effect(file.uses), mend=mend)
    message = f"{file.path} is PEM, which etcd {version} reads, and etcd from 3.6 on does not"
    return _list(node, file, "warning", message, breaks=f"after an upgrade of etcd, {effect(file.uses)}", mend=mend)


def _one_list(
    context: Context, node: Node, file: File, facts: CrlFacts, *, signer: str, trusted: list[Held]
) -> Iterator[HealthFinding]:
    if facts.next_update is not None and facts.next_update < context.now:
        yield _list(
            node,
            file,
            "warning",
            f"{file.path} was to be replaced by {instant(facts.next_update)}",
            breaks="etcd goes on using it, and does not know of what was revoked since; others refuse the list altogether",
            mend="sign a new list and put it there; `cluster-pki` does so before each nextUpdate",
        )
    authorities = [authority for held in trusted for authority in held.chain]
    signers = [authority for authority in authorities if authority.spki_sha256 == signer]
    if authorities and not signers:
        yield _list(
            node,
            file,
            "warning",
            f"{file.path} was signed by no CA that etcd trusts there, expected is {listed(map(subject_of, authorities))}",
            breaks="etcd compares serial numbers alone: it refuses who by chance has one of them, and nobody who was revoked",
            mend="put the list of the CA there that signs etcd's clients and peers",
        )
    for authority in signers:
        if authority.key_usages and "crl sign" not in authority.key_usages:
            yield _list(
                node,
                file,
                "warning",
                f"{subject_of(authority)} may not sign revocation lists: its keyUsage lacks cRLSign, as kubeadm makes CAs",
                breaks="etcd does not mind; OpenSSL and Go refuse to verify the list, and Go refuses to make the next one",
                mend="issue the CA's certificate again for the same key with cRLSign, or rotate the CA",
            )


def _token_key(node: Node, file: File, process: str, accepted: tuple[File, ...], key: str) -> HealthFinding:
    lists = listed(other.path for other in accepted)
    return HealthFinding(
        code="CPK627",
        severity="error",
        node=node.name,
        path=file.path,
        setting=setting_of(use for use in file.uses if use.process == process),
        message=f"{file.path} signs tokens with the key sha256:{key[:16]}…, which is not among those that the API server accepts "
        f"({lists})",
        breaks="every new token is refused with 401: pods and controllers lose the API as their tokens are renewed",
        mend=f"write the public half there: `openssl pkey -in {file.path} -pubout`; keep the old key in the list until its "
        "tokens have ended, and restart kube-apiserver",
    )


def _list(node: Node, file: File, severity: Severity, message: str, *, breaks: str, mend: str) -> HealthFinding:
    return HealthFinding(
        code="CPK628",
        severity=severity,
        node=node.name,
        path=file.path,
        setting=setting_of(file.uses),
        message=message,
        breaks=breaks,
        mend=mend,
    )
