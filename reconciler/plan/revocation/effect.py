"""Who will notice a revocation, and what makes it effective where nobody reads revocation lists. Decisions.

kube-apiserver, kubelet, controller manager and scheduler read none (kubernetes/kubernetes#18982). etcd compares the serial of
every certificate that a client or peer presents with one DER list, at each new connection; its clients check no server
(etcd client/pkg/transport/listener.go). What else ends an identity's power depends on who it is: an authorizer can deny one
certificate by its credential id, but is never asked about system:masters (pkg/kubeapiserver/authorizer/reload.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from reconciler.desired.external import is_external
from reconciler.desired.model import Component, Crl
from reconciler.plan.context import Authority, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.order import natural
from reconciler.plan.revocation.data import Known, ListPlan
from reconciler.plan.revocation.known import by_server, leaf_at
from reconciler.x509.names import Subject

EFFECT: Final = "revocation-effect"
UNPUBLISHED: Final = "revocation-unpublished"
HELD: Final = "revocation-held"
CRL_SIGN: Final = "crl-sign-missing"

MASTERS: Final = "system:masters"
NODES: Final = "system:nodes"
_NODE: Final = "system:node:"
#: The CA of kube-apiserver's clients, by kubeadm's name; any CA whose clients live in kubeconfigs is one too.
_KUBERNETES: Final = "kubernetes"
#: So many revocations of a CA are explained one by one.
_EXPLAINED: Final = 20


class Subjected(msgspec.Struct, frozen=True, kw_only=True):
    """A revoked certificate and what is known of whom it names."""

    known: Known
    subject: Subject | None
    usages: tuple[str, ...]

    @property
    def name(self) -> str:
        """For people."""
        return f"Serial {self.known.serial}" + (f" of {self.known.address}" if self.known.address else "")


def tell_effects(
    situation: Situation, authorities: Mapping[str, Authority], plans: Mapping[str, ListPlan]
) -> Iterator[DiagnosticEntry]:
    """A warning for each certificate that this plan revokes, for each that it cannot, and for CAs that may not sign lists.

    Args:
        situation: what the plan is made from.
        authorities: CAs by name, with what is revoked of them.
        plans: what the lists of each CA should be, by its name; CAs without lists have none.
    """
    for name, plan in sorted(plans.items(), key=lambda item: natural(item[0])):
        authority = authorities[name]
        crls = [crl for crl in situation.desired.crls.values() if crl.name == name]
        news = [each for each in plan.entries if not each.listed]
        yield from _each(situation, authority, news, crls)
        for each in plan.held:
            yield _held(authority, each)
        yield from _crl_sign(authority)
    if situation.selected is None:
        for authority in authorities.values():
            if not authority.desired.publishes:
                written = [each for each in authority.revoked.values() if each.written]
                yield from _each(situation, authority, _alive(situation, written), [])


def _alive(situation: Situation, entries: list[Known]) -> list[Known]:
    return [each for each in entries if each.not_after is None or each.not_after >= situation.now]


def _each(situation: Situation, authority: Authority, entries: list[Known], crls: list[Crl]) -> Iterator[DiagnosticEntry]:
    code = EFFECT if crls else UNPUBLISHED
    for each in entries[:_EXPLAINED]:
        subjected = _subjected(situation, each)
        yield DiagnosticEntry(
            severity="warning",
            code=code,
            summary=_summary(situation, authority, subjected, crls),
            detail=" ".join(_sentences(situation, authority, subjected, crls)),
            address=each.address or authority.desired.address,
        )
    if len(entries) > _EXPLAINED:
        yield DiagnosticEntry(
            severity="warning",
            code=code,
            summary=f"{len(entries) - _EXPLAINED} more certificates of {authority.desired.address} are revoked",
            detail="The same holds for them, each after its subject.",
            address=authority.desired.address,
        )


def _summary(situation: Situation, authority: Authority, subjected: Subjected, crls: list[Crl]) -> str:
    if not crls and by_server(authority):
        return f"{subjected.name} is revoked at the server, and no list is published here"
    if not crls:
        if is_external(authority.desired):
            return f"{subjected.name} is revoked here, which {authority.desired.address} does not know"
        return f"{subjected.name} is revoked, and no list says so"
    if _is_client(subjected) and _serves_kubernetes(situation, authority):
        return f"{subjected.name} is revoked, and kube-apiserver will not notice"
    return f"{subjected.name} is revoked"


def _sentences(situation: Situation, authority: Authority, subjected: Subjected, crls: list[Crl]) -> Iterator[str]:
    name = authority.desired.name
    if is_external(authority.desired):
        yield f"Nobody here can revoke it: ask whoever keeps {authority.desired.address} to, and to publish it on their list."
    else:
        yield from _listing(name, crls)
    if subjected.usages and not _is_client(subjected):
        yield "Clients of Kubernetes and etcd check no list for the server they reach: whoever holds the key can pose as it"
        yield f"{_until(subjected)}, or until {authority.desired.address} is rotated."
    elif _serves_kubernetes(situation, authority):
        yield "kube-apiserver reads no revocation list."
        yield from _identity(authority, subjected)
        yield f"Otherwise the certificate is accepted {_until(subjected)}."


def _listing(name: str, crls: list[Crl]) -> Iterator[str]:
    if not crls:
        yield f"Give ca.{name} a list, `cas.{name}.crl: {{path: …}}`, for whoever reads one."
        return
    der = [crl.paths["der"] for crl in crls if "der" in crl.formats]
    if der:
        yield f"etcd notices at the next connection when --client-crl-file (for peers --peer-crl-file) is {_one_of(der)};"
        yield "connections that stand are not cut."
    else:
        yield "etcd reads DER, and no DER file is published: it will not notice."
    if pem := [crl.paths["pem"] for crl in crls if "pem" in crl.formats]:
        yield f"Whoever loads {_one_of(pem)} notices when it is loaded again."


def _identity(authority: Authority, subjected: Subjected) -> Iterator[str]:
    """What ends the power of an identity at kube-apiserver."""
    subject, ca = subjected.subject, authority.desired.address
    if subject is None:
        yield f"What makes it effective depends on its subject, which is not known here any more: RBAC, or a rotation of {ca}."
    elif MASTERS in subject.organizations:
        yield f"No authorizer is asked about {MASTERS}, so neither RBAC nor a webhook stops it."
        yield f"Only a rotation of {ca} does, which ends the trust in it; until then an admission policy can refuse its writes,"
        yield "not its reads."
    elif NODES in subject.organizations and subject.common_name.startswith(_NODE):
        node = subject.common_name.removeprefix(_NODE)
        yield f"It speaks for a node: delete the Node {node}, or rotate {ca}; NodeRestriction limits what it can do meanwhile."
    else:
        yield f"RBAC makes it effective: delete the bindings of {_bound(subject)}, and give the owner another CN."
    if subject is None or MASTERS not in subject.organizations:
        yield from _credential(subjected)


def _credential(subjected: Subjected) -> Iterator[str]:
    if subjected.known.fingerprint:
        yield "An authorization webhook can deny this certificate alone: user.extra authentication.kubernetes.io/credential-id is"
        yield f"X509SHA256={subjected.known.fingerprint}."


def _held(authority: Authority, known: Known) -> DiagnosticEntry:
    return DiagnosticEntry(
        severity="warning",
        code=HELD,
        summary=f"Serial {known.serial} is not on the list of {authority.desired.address} yet: {known.needs} still works with it",
        detail=f"Reissue first, then revoke: this plan makes no other certificate for {known.needs}.",
        address=known.needs,
        held_back=[f"crl.{authority.desired.name}"],
    )


def _crl_sign(authority: Authority) -> Iterator[DiagnosticEntry]:
    """A CA whose lists OpenSSL does not accept, such as kubeadm's etcd-ca."""
    certificate = authority.certificate
    if certificate is not None and certificate.key_usages and "crl sign" not in certificate.key_usages:
        # RFC 5280 section 4.2.1.3: the bit must be set when the key verifies signatures on lists.
        yield DiagnosticEntry(
            severity="warning",
            code=CRL_SIGN,
            summary=f"The certificate of {authority.desired.address} lacks the key usage crl sign",
            detail="etcd does not look at it; OpenSSL, and what is built on it, refuses the list. A rotation gives it one.",
            address=authority.desired.address,
        )


def _subjected(situation: Situation, known: Known) -> Subjected:
    """From the certificate, while it is there; else from the component, whose successor has the same subject."""
    leaf = leaf_at(situation, known.address) if known.address else None
    if leaf is not None and leaf.serial == known.serial:
        return Subjected(known=known, subject=leaf.subject, usages=leaf.usages)
    requested = situation.desired.requests.get(known.address)
    if requested is not None:  # one that is denied now
        return Subjected(known=known, subject=requested.facts.subject, usages=requested.usages)
    component = _component(situation, known.address)
    if component is None:
        return Subjected(known=known, subject=None, usages=())
    return Subjected(known=known, subject=component.subject, usages=component.usages)


def _component(situation: Situation, address: str) -> Component | None:
    """The component of an address; of one without its node, the only instance."""
    if address in situation.desired.components:
        return situation.desired.components[address]
    instances = [each for each in situation.desired.components.values() if f"component.{each.name}" == address]
    return instances[0] if len(instances) == 1 else None


def _is_client(subjected: Subjected) -> bool:
    return not subjected.usages or "client auth" in subjected.usages


def _serves_kubernetes(situation: Situation, authority: Authority) -> bool:
    """Whether kube-apiserver takes clients of this CA."""
    desired = situation.desired
    if authority.desired.name == _KUBERNETES:
        return True
    lived_in = (desired.components.get(one) for each in desired.kubeconfigs.values() for one in each.components)
    return any(component is not None and component.ca == authority.desired.name for component in lived_in)


def _bound(subject: Subject) -> str:
    user = [f"user {subject.common_name}"] if subject.common_name else []
    return " and ".join(user + [f"group {group}" for group in subject.organizations])


def _until(subjected: Subjected) -> str:
    end = subjected.known.not_after
    return f"until it expires on {end:%Y-%m-%d}" if end is not None else "until it expires"


def _one_of(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]}, or a copy of it ({len(paths) - 1} more)"
