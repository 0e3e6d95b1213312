"""The registry of rules: every code a diagnostic can carry. Codes are never used for anything else again.

Each rule has a page ``docs/rules/CODE.md`` with the headings What it does, Why is this bad, Example, Use instead.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.desired.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Rules whose severity a document may change under ``policy.rules``.
ADJUSTABLE_PREFIX: Final = "CPK3"
#: But for these: a kubeconfig with such a mistake could not be written.
KUBECONFIG_PREFIX: Final = "CPK33"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What a code stands for."""

    code: str
    name: str
    """Kebab-case, for people who search; in SARIF too."""
    summary: str
    """One line without a full stop."""
    severity: Severity = Severity.ERROR
    """Before ``policy.rules``; of a cluster's health the gravest that it has."""

    @property
    def adjustable(self) -> bool:
        """Whether ``policy.rules`` may change its severity."""
        return self.code.startswith(ADJUSTABLE_PREFIX) and not self.code.startswith(KUBECONFIG_PREFIX)


_RULES: Final = (
    # CPK0xx: reading files, YAML.
    Rule(code="CPK001", name="file-not-found", summary="The desired state or a file it includes does not exist"),
    Rule(code="CPK002", name="unreadable-file", summary="A file cannot be read: permission, directory, FIFO, device"),
    Rule(code="CPK003", name="file-too-large", summary="A file is larger than 1 MiB"),
    Rule(code="CPK004", name="not-utf8", summary="A file is not UTF-8 text"),
    Rule(code="CPK005", name="yaml-syntax", summary="The YAML cannot be parsed"),
    Rule(code="CPK006", name="duplicate-key", summary="A mapping holds one key twice"),
    Rule(code="CPK007", name="anchor-or-alias", summary="Anchors, aliases and merge keys are not part of the format"),
    Rule(code="CPK008", name="explicit-tag", summary="Tags are not part of the format"),
    Rule(code="CPK009", name="ambiguous-scalar", summary="A plain scalar that YAML readers understand differently"),
    Rule(code="CPK010", name="not-one-mapping", summary="A file is empty, holds several documents, or is no mapping"),
    Rule(code="CPK011", name="nested-too-deep", summary="The document is nested more than 50 levels deep"),
    Rule(code="CPK012", name="unprintable-character", summary="A text holds an invisible character or is not in NFC"),
    Rule(code="CPK013", name="bad-include", summary="An include pattern is absolute, leaves the directory, or matches nothing"),
    Rule(code="CPK014", name="included-twice", summary="Two files define the same name"),
    Rule(code="CPK015", name="not-in-included-file", summary="A key that only the main file may hold"),
    Rule(code="CPK016", name="not-a-key", summary="A mapping key that is not text"),
    # CPK1xx: the schema.
    Rule(code="CPK101", name="unknown-key", summary="A key that the format does not know"),
    Rule(code="CPK102", name="missing-key", summary="A required key is missing"),
    Rule(code="CPK103", name="wrong-type", summary="A value of the wrong type"),
    Rule(code="CPK104", name="not-one-of", summary="A value that is not one of the allowed ones"),
    Rule(code="CPK105", name="wrong-form", summary="A text that does not have the required form"),
    Rule(code="CPK106", name="out-of-range", summary="A number, text or list that is too small or too large"),
    Rule(code="CPK107", name="one-action-a-hook", summary="A hook has no action, or more than one"),
    Rule(code="CPK108", name="invalid-name", summary="A name that is not lower-case letters, digits and hyphens"),
    # CPK2xx: references between parts of the document.
    Rule(code="CPK201", name="unknown-ca", summary="A CA is named that does not exist"),
    Rule(code="CPK202", name="unknown-component", summary="A component is named that does not exist"),
    Rule(code="CPK203", name="unknown-bundle", summary="A bundle is named that does not exist"),
    Rule(code="CPK204", name="unknown-store", summary="A store is named that does not exist"),
    Rule(code="CPK205", name="unknown-node", summary="A node is named that does not exist, or that does not belong there"),
    Rule(code="CPK206", name="issuer-cycle", summary="CAs that are each other's issuers"),
    Rule(code="CPK207", name="path-clash", summary="Two outputs are the same file, or one lies inside another"),
    Rule(code="CPK208", name="missing-field", summary="A field without a default is missing"),
    Rule(code="CPK209", name="duplicate-node", summary="Two nodes have one name"),
    Rule(code="CPK210", name="bad-placeholder", summary="A placeholder that stands for nothing, or stands in the wrong place"),
    Rule(code="CPK211", name="node-unresolved", summary="{node} is used where there is no node"),
    Rule(code="CPK212", name="same-file-on-nodes", summary="The files of several nodes would be one file"),
    Rule(code="CPK213", name="component-not-on-node", summary="A kubeconfig's component does not exist on its node"),
    Rule(code="CPK214", name="component-nowhere", summary="A component has no path and no kubeconfig that holds it"),
    Rule(code="CPK215", name="bad-address", summary="An address under moved, imports, adopted or removed that does not fit"),
    Rule(code="CPK216", name="empty-desired-state", summary="The desired state holds nothing at all"),
    Rule(code="CPK217", name="node-without-address", summary="The address of a node is needed and it has none"),
    Rule(code="CPK218", name="kubernetes-setting", summary="A setting under kubernetes that no cluster can have"),
    Rule(code="CPK219", name="nothing-to-drop", summary="null drops an entry that no preset has"),
    Rule(code="CPK220", name="no-matching-node", summary="A forEach matches no node", severity=Severity.WARNING),
    Rule(code="CPK221", name="impossible-outputs", summary="Outputs that cannot be written as asked"),
    # 222 and 223 are spent: rotation and what was not acted on, before it was.
    # 224 is spent: revocations, before they were carried out.
    Rule(code="CPK225", name="invalid-path", summary="A path that does not stay a plain file below its store's root"),
    Rule(code="CPK226", name="unknown-rule", summary="policy.rules names a code that is no rule of policy"),
    Rule(code="CPK227", name="invalid-san", summary="A subject alternative name that verifiers refuse or misread"),
    Rule(code="CPK228", name="invalid-subject", summary="A subject that is too long, empty or ambiguous"),
    Rule(code="CPK229", name="invalid-duration", summary="A duration that is zero or too long"),
    Rule(code="CPK230", name="import-elsewhere", summary="An import's id is not the path of its address"),
    Rule(code="CPK231", name="shared-address", summary="Two nodes have one IP address", severity=Severity.WARNING),
    Rule(code="CPK232", name="invalid-name-constraint", summary="A name constraint that verifiers cannot apply"),
    Rule(code="CPK233", name="invalid-hook", summary="A hook that cannot be carried out as written"),
    Rule(code="CPK234", name="invalid-probe", summary="A probe that cannot be made as written"),
    Rule(code="CPK235", name="in-two-groups", summary="A component or bundle is in more than one group"),
    Rule(code="CPK236", name="invalid-revocation", summary="A revocation that names no certificate, or one twice"),
    Rule(code="CPK237", name="invalid-crl", summary="A revocation list that cannot be published as written"),
    Rule(code="CPK238", name="unknown-connection", summary="A connection is named that does not exist"),
    Rule(code="CPK240", name="impossible-edge", summary="An edge that nobody could connect over as written"),
    # CPK3xx: X.509 policy; severities can be changed by policy.rules.
    Rule(code="CPK301", name="outlives-ca", summary="A component's lifetime is longer than its CA's"),
    Rule(code="CPK302", name="outlives-parent", summary="An intermediate's lifetime is longer than its parent's"),
    Rule(code="CPK303", name="always-due", summary="renewBefore is not shorter than the lifetime"),
    Rule(code="CPK304", name="weaker-ca", summary="A CA's key is weaker than a key it certifies", severity=Severity.WARNING),
    Rule(code="CPK305", name="ed25519", summary="Ed25519, which kubeadm and NSS refuse", severity=Severity.WARNING),
    Rule(code="CPK306", name="outside-name-constraints", summary="A name that a CA above may not certify"),
    Rule(code="CPK307", name="server-without-names", summary="Server auth without a subject alternative name"),
    Rule(code="CPK308", name="role-needs-usage", summary="A usage is missing that Kubernetes needs of this component"),
    Rule(code="CPK309", name="wildcard-client", summary="A wildcard in a certificate that is not for servers"),
    Rule(code="CPK310", name="path-too-long", summary="A CA's pathLength leaves no room for the CAs below it"),
    Rule(code="CPK311", name="shared-ca", summary="One CA serves several trust domains", severity=Severity.WARNING),
    Rule(code="CPK312", name="lifetime-over-limit", summary="A component's lifetime exceeds policy.maxLifetime"),
    Rule(code="CPK313", name="system-masters", summary="Membership of system:masters, beyond RBAC", severity=Severity.WARNING),
    Rule(code="CPK314", name="no-purpose", summary="Usages without an extended key usage"),
    # CPK33x: kubeconfigs; always errors.
    Rule(code="CPK330", name="unknown-entry", summary="A context of a kubeconfig names a cluster or user that it does not hold"),
    Rule(code="CPK331", name="entry-twice", summary="Two entries of a kubeconfig have one name"),
    Rule(code="CPK332", name="cannot-merge", summary="A kubeconfig cannot be merged into a file as written"),
    Rule(code="CPK333", name="user-without-files", summary="A further user of a copied kubeconfig has no files of its own"),
    # CPK4xx: stores.
    Rule(code="CPK401", name="store-root", summary="A store's root that is not a plain absolute directory"),
    Rule(code="CPK402", name="store-fields", summary="A store without what its type needs, or with what another has"),
    Rule(code="CPK403", name="vault-path", summary="A mount, prefix or path in Vault that is not written plainly"),
    Rule(
        code="CPK404",
        name="no-access-in-kv",
        summary="Mode or owner of what is in KV, which keeps none",
        severity=Severity.WARNING,
    ),
    Rule(code="CPK405", name="kubeconfig-refers-to-kv", summary="A kubeconfig refers to files that are secrets in KV"),
    Rule(code="CPK406", name="lock-in-the-way", summary="The lock is the secret of something else"),
    Rule(code="CPK407", name="no-way-to-nodes", summary="Copies on nodes that could not be fetched from KV as written"),
    # CPK5xx: issuers, and the servers that they and stores are on.
    Rule(code="CPK501", name="server-address", summary="An address that is not a server's, or that sends secrets in the clear"),
    Rule(code="CPK502", name="auth-fields", summary="A login without what its method needs, or with what another takes"),
    Rule(code="CPK503", name="server-setting", summary="A setting of a connection or lock that cannot work"),
    Rule(code="CPK504", name="vault-issuer", summary="A CA in Vault that is to be made and exists already"),
    Rule(code="CPK505", name="nobody-signs", summary="Components of a CA in Vault that no role may sign"),
    Rule(code="CPK506", name="key-elsewhere", summary="Copies of a CA's key that never leaves Vault"),
    Rule(code="CPK507", name="one-key-one-place", summary="The key of a CA in two places, or one key for two CAs"),
    Rule(code="CPK508", name="not-in-vault", summary="Something in a CA's certificate that Vault cannot be asked for"),
    Rule(code="CPK509", name="not-ours-to-do", summary="Something asked of an external CA that only whoever has its key can do"),
    Rule(code="CPK510", name="not-one-issuer", summary="An issuer that is said in no way, or in two"),
    # CPK6xx: the health of a cluster that was discovered.
    Rule(code="CPK601", name="file-missing", summary="A setting names a file that is not there"),
    Rule(code="CPK602", name="file-unusable", summary="A certificate, key or kubeconfig in use cannot be understood"),
    Rule(
        code="CPK603",
        name="configuration-unread",
        summary="A manifest, unit or configuration of a node was not understood",
        severity=Severity.WARNING,
    ),
    Rule(code="CPK604", name="certificate-expired", summary="A certificate has ended"),
    Rule(code="CPK605", name="certificate-expiring", summary="A certificate or CA ends soon"),
    Rule(code="CPK606", name="not-yet-valid", summary="A certificate begins in the future"),
    Rule(
        code="CPK607",
        name="ends-after-ca",
        summary="A certificate ends after the CA that signed it",
        severity=Severity.WARNING,
    ),
    Rule(code="CPK608", name="key-mismatch", summary="A key is not that of the certificate it is used with"),
    Rule(code="CPK609", name="untrusted-chain", summary="A certificate does not verify against the bundle that judges it"),
    Rule(code="CPK610", name="missing-name", summary="A server's certificate lacks a name by which it is dialled"),
    Rule(code="CPK611", name="wrong-identity", summary="A client is another user than its permissions are bound to"),
    Rule(code="CPK612", name="wrong-usage", summary="A certificate may not be used for what it is used for"),
    Rule(code="CPK613", name="shared-files-differ", summary="Control-plane nodes do not hold the same CA or token key"),
    Rule(code="CPK614", name="stale-trust", summary="A kubeconfig trusts other CAs than the cluster's"),
    Rule(
        code="CPK615",
        name="open-mode",
        summary="Others can read a private key, or write what is trusted",
        severity=Severity.WARNING,
    ),
    Rule(code="CPK616", name="weak-crypto", summary="A signature over SHA-1 or MD5, or a key that is too small"),
    Rule(
        code="CPK617",
        name="serial-number",
        summary="One serial number twice, or one that was not drawn at random",
        severity=Severity.WARNING,
    ),
    Rule(
        code="CPK618",
        name="key-identifiers",
        summary="A certificate without the identifier of its own or its issuer's key",
        severity=Severity.NOTICE,
    ),
    Rule(
        code="CPK619",
        name="rotation-trap",
        summary="A kubelet's client certificate will not be renewed",
        severity=Severity.WARNING,
    ),
    Rule(
        code="CPK620",
        name="no-signer",
        summary="Kubelets ask for certificates and nobody in the cluster signs them",
        severity=Severity.WARNING,
    ),
    Rule(code="CPK621", name="kubelet-self-signed", summary="A kubelet serves with a certificate that it signed itself"),
    Rule(
        code="CPK622",
        name="kubelets-unverified",
        summary="API servers do not verify the kubelets that they connect to",
        severity=Severity.NOTICE,
    ),
    Rule(
        code="CPK623",
        name="requestheader-names",
        summary="Any name may be a front proxy: --requestheader-allowed-names is empty",
        severity=Severity.WARNING,
    ),
    Rule(
        code="CPK624",
        name="client-ca-shared",
        summary="etcd or the front proxy trust the CA of all clients",
        severity=Severity.WARNING,
    ),
    Rule(code="CPK625", name="several-signers", summary="The file that signs in the cluster holds several certificates"),
    Rule(
        code="CPK626",
        name="beyond-rbac",
        summary="A certificate of system:masters, which no rule limits",
        severity=Severity.NOTICE,
    ),
    Rule(code="CPK627", name="token-keys", summary="Tokens are signed with a key that the API server does not accept"),
    Rule(code="CPK628", name="revocation-list", summary="A revocation list that etcd cannot use as it is"),
    Rule(
        code="CPK629",
        name="server-unverified",
        summary="A kubeconfig does not verify its server",
        severity=Severity.WARNING,
    ),
    Rule(
        code="CPK630",
        name="etcd-open",
        summary="etcd lets in who has no certificate",
        severity=Severity.WARNING,
    ),
    # CPK7xx: signing requests, and what policy lets them ask for.
    Rule(code="CPK701", name="request-file", summary="The file of a request is missing, too large, or somewhere else"),
    Rule(code="CPK702", name="request-malformed", summary="A file that is not one signing request"),
    Rule(code="CPK703", name="request-unproven", summary="A request that is not signed by the key in it"),
    Rule(code="CPK704", name="request-key", summary="A request for a key that is weak, or of a type that policy does not allow"),
    Rule(code="CPK705", name="request-subject", summary="A request for a user or group that policy does not allow"),
    Rule(code="CPK706", name="request-name", summary="A request for a subject alternative name that policy does not allow"),
    Rule(code="CPK707", name="request-usage", summary="A request for a usage that policy or its entry does not allow"),
    Rule(code="CPK708", name="request-extension", summary="A request to be a CA, or for an extension that nobody grants"),
    Rule(code="CPK709", name="request-reserved", summary="A request for a name that Kubernetes keeps for itself"),
    Rule(code="CPK710", name="request-look-alike", summary="A name in a request that can be mistaken for another"),
    Rule(code="CPK711", name="request-lifetime", summary="A request that would live longer than policy allows"),
    Rule(code="CPK712", name="request-manifest", summary="A Kubernetes object that is no CertificateSigningRequest of v1"),
    Rule(code="CPK713", name="request-signer", summary="A request that the signer it names would refuse"),
    Rule(code="CPK714", name="request-nobody-signs", summary="A request that no CA can sign"),
    Rule(code="CPK715", name="request-reason", summary="A request that is denied without a reason"),
    Rule(code="CPK716", name="request-same-key", summary="Two requests for one key"),
    Rule(code="CPK717", name="request-policy", summary="A policy for requests that means nothing as written"),
    Rule(code="CPK718", name="request-digest", summary="An approval of another request than the one that is there"),
)

RULES: Final[Mapping[str, Rule]] = MappingProxyType({rule.code: rule for rule in _RULES})
"""Every rule by code, in order."""
