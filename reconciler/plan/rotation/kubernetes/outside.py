"""What a rotation asks for outside our files: objects in the cluster, pods, copies in other hands. Data."""

from __future__ import annotations

from typing import Final

import msgspec

from reconciler.plan.rotation.kubernetes.readers import (
    ALWAYS,
    APISERVER,
    CA_RELOAD,
    CONTROLLER_MANAGER,
    ETCD,
    KUBE_PROXY,
    KUBELET,
    SCHEDULER,
    Version,
)
from reconciler.plan.rotation.kubernetes.step import StepAction
from reconciler.plan.rotation.phase import Phase

_TRUST: Final = (Phase.STAGE, Phase.DISTRUST)
#: What a trust file holds in the phases that change it; stands for ``{held}``.
HELD: Final[dict[Phase, str]] = {
    Phase.STAGE: "both certificates of the CA",
    Phase.DISTRUST: "the new certificate of the CA alone",
}
EXTENSION_AUTHENTICATION: Final = "extension-apiserver-authentication"


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is to be done by hand or waited for."""

    ca: str
    """Name of the CA or keypair."""
    phases: tuple[Phase, ...]
    after: str
    """The program whose own steps come before it."""
    program: str
    action: StepAction = "do"
    text: str
    """One line for people."""
    since: Version = ALWAYS
    below: Version | None = None
    """The versions that it is needed in; None for all later ones."""

    def needed(self, version: Version) -> bool:
        """Whether a cluster of this version needs it."""
        return self.since <= version and (self.below is None or version < self.below)


OUTSIDE: Final[tuple[Outside, ...]] = (
    Outside(
        ca="etcd",
        phases=_TRUST,
        after=ETCD,
        program="other clients of etcd",
        text="put {held} into the CA files of whatever else talks to etcd, such as backups and monitoring",
    ),
    Outside(
        ca="etcd",
        phases=(Phase.SOAK,),
        after=ETCD,
        program="other clients of etcd",
        text="see that backups, monitoring and whatever else talks to etcd come with certificates of the new generation",
    ),
    # The API servers add what they trust to it and never take away (clusterauthenticationtrust controller, by design).
    Outside(
        ca="kubernetes",
        phases=(Phase.STAGE,),
        after=APISERVER,
        program=EXTENSION_AUTHENTICATION,
        text=f"see that ConfigMap kube-system/{EXTENSION_AUTHENTICATION} holds {{held}} in client-ca-file: its readers follow it",
    ),
    Outside(
        ca="front-proxy",
        phases=(Phase.STAGE,),
        after=APISERVER,
        program=EXTENSION_AUTHENTICATION,
        text=f"see that ConfigMap kube-system/{EXTENSION_AUTHENTICATION} holds {{held}} in requestheader-client-ca-file,"
        " and that every extension API server follows it",
    ),
    *(
        Outside(
            ca=ca,
            phases=(Phase.DISTRUST,),
            after=APISERVER,
            program=EXTENSION_AUTHENTICATION,
            text=f"once every kube-apiserver trusts {{held}}, delete ConfigMap kube-system/{EXTENSION_AUTHENTICATION}:"
            " it keeps every CA until then and is written anew",
        )
        for ca in ("kubernetes", "front-proxy")
    ),
    Outside(
        ca="kubernetes",
        phases=_TRUST,
        after=CONTROLLER_MANAGER,
        program="kube-root-ca.crt",
        text="wait until ConfigMap kube-root-ca.crt of every namespace, and every token Secret, holds {held}",
    ),
    Outside(
        ca="kubernetes",
        phases=(Phase.STAGE,),
        after=SCHEDULER,
        program="cluster-info",
        text="put {held} into ConfigMap kube-public/cluster-info, for the nodes that join",
    ),
    # One match of the hashes that a join pins is enough (kubeadm pubkeypin CheckAny), so the old ones serve until now.
    Outside(
        ca="kubernetes",
        phases=(Phase.DISTRUST,),
        after=SCHEDULER,
        program="cluster-info",
        text="put {held} into ConfigMap kube-public/cluster-info; a join that pins the CA needs the hash of the new key now",
    ),
    Outside(
        ca="kubernetes",
        phases=_TRUST,
        after=SCHEDULER,
        program="webhooks and APIServices",
        text="put {held} into every caBundle whose server has a certificate of this CA",
    ),
    # No kubelet looks at who issued its certificate; by itself it asks anew after 70 to 90 % of its life. The pair with
    # which kube-controller-manager signs is the new generation's from this phase on.
    Outside(
        ca="kubernetes",
        phases=(Phase.SERVERS,),
        after=KUBELET,
        program="kubelet client certificates",
        text="where kubelets request client certificates themselves, force new ones: none looks at who issued what it has",
    ),
    Outside(
        ca="kubernetes",
        phases=(Phase.SERVERS,),
        after=KUBELET,
        program="kubelet serving certificates",
        text="where kubelets request serving certificates themselves (serverTLSBootstrap), force new ones and approve them",
    ),
    Outside(
        ca="kubernetes",
        phases=_TRUST,
        after=KUBE_PROXY,
        program=KUBE_PROXY,
        action="restart",
        text="restart kube-proxy on every node, one after the other: it reads the CA of its service account only at start",
        below=CA_RELOAD,
    ),
    Outside(
        ca="kubernetes",
        phases=_TRUST,
        after=KUBE_PROXY,
        program=KUBE_PROXY,
        action="reloads",
        text="kube-proxy reloads the CA of its service account by itself within 5 minutes",
        since=CA_RELOAD,
    ),
    Outside(
        ca="kubernetes",
        phases=_TRUST,
        after=KUBE_PROXY,
        program="pods",
        action="restart",
        text="restart the pods that talk to the API with a client-go older than 0.36 or with another client, CoreDNS included",
    ),
    Outside(
        ca="kubernetes",
        phases=(Phase.SOAK,),
        after=KUBE_PROXY,
        program="audit log",
        text="see in the audit log (authentication.kubernetes.io/credential-id) that nobody comes with a certificate of the old"
        " generation",
    ),
    Outside(
        ca="sa",
        phases=(Phase.SOAK,),
        after=CONTROLLER_MANAGER,
        program="service-account tokens",
        text="wait for the longest token of the old key: a day for what kubelets refresh, a year where expiration is extended",
    ),
    Outside(
        ca="sa",
        phases=(Phase.SOAK,),
        after=CONTROLLER_MANAGER,
        program="service-account tokens",
        text="make every token Secret anew: those tokens never expire, and end with the old key",
    ),
)
