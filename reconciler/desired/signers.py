"""What the built-in signers of Kubernetes certify (pkg/apis/certificates/helpers.go). Decisions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final, Literal, NamedTuple

from reconciler.desired.diagnostics import Path
from reconciler.desired.manifests import Flaw
from reconciler.desired.request_names import MASTERS
from reconciler.x509.facts import AskedFacts

#: The CA of a cluster as the preset calls it: what kube-controller-manager signs with unless it is told otherwise.
DEFAULT_CA: Final = "kubernetes"
#: certificates.k8s.io/v1: "The minimum valid value for expirationSeconds is 600".
SHORTEST: Final = 600

_BUILT_IN: Final = "kubernetes.io/"
_NODES: Final = "system:nodes"
_NODE: Final = "system:node:"
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]+(/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)+")
#: KCM back-dates by five minutes, and adds them where a certificate lives less than this (authority/policies.go).
_SHORT_LIVED: Final = timedelta(hours=8)


class Signer(NamedTuple):
    """What a signer demands."""

    needs: frozenset[str]
    """Usages."""
    allows: frozenset[str]
    """Usages, those that it needs included."""
    node: bool
    """Whether only a node's own name is certified."""
    names: Literal["any", "none", "hosts"]
    """Subject alternative names; hosts: one DNS name or IP address at least, and nothing else."""


SIGNERS: Final = {
    "kubernetes.io/kube-apiserver-client": Signer(
        needs=frozenset({"client auth"}),
        allows=frozenset({"client auth", "digital signature", "key encipherment"}),
        node=False,
        names="any",
    ),
    "kubernetes.io/kube-apiserver-client-kubelet": Signer(
        needs=frozenset({"client auth", "digital signature"}),
        allows=frozenset({"client auth", "digital signature", "key encipherment"}),
        node=True,
        names="none",
    ),
    "kubernetes.io/kubelet-serving": Signer(
        needs=frozenset({"server auth", "digital signature"}),
        allows=frozenset({"server auth", "digital signature", "key encipherment"}),
        node=True,
        names="hosts",
    ),
}


def is_built_in(signer: str) -> bool:
    """Whether a signer is one of those whose rules are known here."""
    return signer in SIGNERS


def refusals(signer: str, usages: frozenset[str], expiration: int | None, facts: AskedFacts) -> Iterator[Flaw]:
    """Why the signer would refuse a request, with the place in its object.

    Args:
        signer: by its name.
        usages: by one name each.
        expiration: seconds; None to leave it to the signer.
        facts: what the request asks for.
    """
    at: Path = ("spec", "signerName")
    if expiration is not None and expiration < SHORTEST:
        yield Flaw(("spec", "expirationSeconds"), f"{expiration} seconds are less than {SHORTEST}", "expirationSeconds: 7776000")
    if not _NAME.fullmatch(signer):
        yield Flaw(at, f'"{signer}" is not the name of a signer', "such as kubernetes.io/kube-apiserver-client")
    elif (demands := SIGNERS.get(signer)) is not None:
        yield from _demanded(signer, demands, usages, facts)
    elif signer.startswith(_BUILT_IN):
        yield Flaw(at, f"{signer} signs nothing that is asked for in a v1 object", f"one of {', '.join(SIGNERS)}")


def _demanded(signer: str, demands: Signer, usages: frozenset[str], facts: AskedFacts) -> Iterator[Flaw]:
    usages_at: Path = ("spec", "usages")
    if lacking := sorted(demands.needs - usages):
        yield Flaw(usages_at, f"{signer} needs {' and '.join(lacking)}", f"usages: [{', '.join(sorted(demands.needs))}]")
    if beyond := sorted(usages - demands.allows):
        yield Flaw(usages_at, f"{signer} does not certify {' and '.join(beyond)}", f"at most {', '.join(sorted(demands.allows))}")
    request: Path = ("spec", "request")
    subject = facts.subject
    if demands.node:
        if subject.organizations != (_NODES,):
            yield Flaw(request, f"{signer} certifies the one organization {_NODES}", f"/O={_NODES}/CN={_NODE}NAME")
        if not subject.common_name.startswith(_NODE) or subject.common_name == _NODE:
            yield Flaw(request, f"{signer} certifies names that begin with {_NODE}", f"/O={_NODES}/CN={_NODE}NAME")
    elif MASTERS in subject.organizations:
        hint = "no cluster signs that (admission plugin CertificateSubjectRestriction); use a component"
        yield Flaw(request, f"{signer} never certifies {MASTERS}", hint)
    if demands.names == "none" and facts.sans:
        yield Flaw(request, f"{signer} certifies no subject alternative name", "make the request without them")
    hosts = [san for san in facts.sans if san.startswith(("dns:", "ip:"))]
    if demands.names == "hosts" and (not hosts or len(hosts) != len(facts.sans)):
        yield Flaw(request, f"{signer} certifies DNS names and IP addresses, one at least", "addext subjectAltName=DNS:NAME")


def lifetime(expiration: int | None, longest: timedelta) -> timedelta:
    """How long a certificate spans that ends when the one of the built-in signer would.

    It adds the five minutes of back-dating to what lives less than eight hours, so that `expirationSeconds` are left of it.
    """
    span = longest if expiration is None else min(longest, timedelta(seconds=expiration))
    return span + min(timedelta(minutes=5), span / 9) if span < _SHORT_LIVED else span
