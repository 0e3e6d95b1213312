"""Every check of a cluster's health, in order. Decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from reconciler.cluster.model import Cluster
from reconciler.health import (
    checks_crypto,
    checks_files,
    checks_holes,
    checks_identity,
    checks_kubelet,
    checks_modes,
    checks_names,
    checks_pair,
    checks_shared,
    checks_signing,
    checks_time,
    checks_trust,
    checks_usage,
)
from reconciler.health.context import Context, Limits, gather
from reconciler.health.model import SEVERITIES, HealthFinding

__all__ = ["CHECKS", "Limits", "examine"]

Check = Callable[[Context], Iterator[HealthFinding]]

#: What is looked at. Each has a page under docs/rules/.
CHECKS: Final[tuple[Check, ...]] = (
    checks_files.missing,  # 601: a setting names a file that is not there
    checks_files.unreadable,  # 602: a file in use cannot be understood
    checks_files.configuration,  # 603: a configuration was not understood
    checks_time.expired,  # 604: a certificate has ended
    checks_time.expires_soon,  # 605: one ends soon
    checks_time.not_yet_valid,  # 606: one begins in the future
    checks_time.ends_after_ca,  # 607: one ends after its CA
    checks_pair.pair_mismatch,  # 608: a key is not its certificate's
    checks_trust.untrusted_chain,  # 609: a certificate does not lead to the bundle that judges it
    checks_trust.untrusted_signer,  # 609: what the cluster signs will not, either
    checks_names.missing_name,  # 610: a server lacks a name that is dialled
    checks_identity.wrong_identity,  # 611: a client is not who its permissions are bound to
    checks_usage.wrong_usage,  # 612: a certificate is not for what it is used for
    checks_shared.shared_files_differ,  # 613: control-plane nodes do not hold the same
    checks_trust.stale_trust,  # 614: a kubeconfig trusts other CAs than the cluster's
    checks_modes.open_mode,  # 615: others may read a key, or write what is trusted
    checks_crypto.weak_crypto,  # 616: SHA-1, small keys
    checks_crypto.serial_numbers,  # 617: serials twice, or counted
    checks_crypto.key_identifiers,  # 618: SKI or AKI missing
    checks_kubelet.rotation_trap,  # 619: a kubelet's certificate will not be renewed
    checks_kubelet.no_signer,  # 620: kubelets ask for certificates and nobody signs
    checks_kubelet.self_signed_serving,  # 621: a kubelet signed its serving certificate itself
    checks_kubelet.kubelets_unverified,  # 622: API servers do not verify kubelets
    checks_holes.requestheader_hole,  # 623: any name may be a front proxy
    checks_holes.shared_authorities,  # 624: etcd or the front proxy trust the CA of all clients
    checks_signing.several_signers,  # 625: the signing file holds more than one certificate
    checks_identity.beyond_rbac,  # 626: members of system:masters
    checks_signing.service_account_keys,  # 627: tokens are signed with a key that is not accepted
    checks_signing.revocation_list,  # 628: a revocation list that etcd cannot use as it is
    checks_holes.unverified_server,  # 629: a kubeconfig verifies nothing
    checks_holes.open_etcd,  # 630: etcd lets in who has no certificate
)
_LIMITS: Final = Limits()


def examine(cluster: Cluster, now: datetime, limits: Limits = _LIMITS) -> tuple[HealthFinding, ...]:
    """Everything that is wrong or worth knowing, sorted by severity, node, path and code.

    Args:
        cluster: as its files describe it.
        now: aware.
        limits: how soon is soon.
    """
    context = gather(cluster, now, limits)
    found = (finding for check in CHECKS for finding in check(context))
    return tuple(sorted(found, key=_rank))


def _rank(finding: HealthFinding) -> tuple[int, str, str, str, str]:
    return SEVERITIES.index(finding.severity), finding.node, finding.path, finding.code, finding.message
