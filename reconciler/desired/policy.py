"""X.509 policy: what can be issued and would still be wrong. The severity of each rule is the document's to change.

Every rule looks at one instance of each component: instances differ in their names alone, which are in `policy_names`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

import msgspec
from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.durations import InvalidDurationError, format_duration, parse_duration
from reconciler.desired.expand_context import Context
from reconciler.desired.expand_defaults import levels_below
from reconciler.desired.model import CA, Component
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.presets.kubeadm import REQUIRED_USAGES
from reconciler.desired.presets.versions import MASTERS
from reconciler.desired.report import did_you_mean
from reconciler.desired.rules import RULES
from reconciler.desired.spec import Document
from reconciler.x509.facts import KeyAlgorithm

#: Security strength in bits (NIST SP 800-57 part 1, table 2).
STRENGTH: Final[dict[KeyAlgorithm, int]] = {
    KeyAlgorithm.RSA_2048: 112,
    KeyAlgorithm.RSA_3072: 128,
    KeyAlgorithm.RSA_4096: 140,
    KeyAlgorithm.ECDSA_P256: 128,
    KeyAlgorithm.ED25519: 128,
    KeyAlgorithm.ECDSA_P384: 192,
}


class Policed(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules look at."""

    context: Context
    fragments: Fragments
    cas: Mapping[str, CA]
    instances: tuple[Component, ...]
    """One of each component, the first."""
    max_lifetime: timedelta | None
    kubernetes: bool
    """Whether a preset's roles apply."""

    def breach(self, code: str, message: str, section: str, name: str, *fields: str, hint: str = "") -> None:
        """Reports a breach in an entry, at the field if it was written; one under ``defaults`` is told once."""
        at = self.context.where(section, name, *fields) if fields else (section, name)
        kind = "ca" if section == "cas" else "component"
        self.context.report.add_once(code, message, at=at, hint=hint, address=f"{kind}.{name}")


def check_policy(
    context: Context, fragments: Fragments, document: Document, cas: Mapping[str, CA], components: Mapping[str, Component]
) -> Policed:
    """Applies every rule of policy but those on names, and returns what it looked at."""
    first: dict[str, Component] = {}
    for component in components.values():
        first.setdefault(component.name, component)
    policed = Policed(
        context=context,
        fragments=fragments,
        cas=cas,
        instances=tuple(first.values()),
        max_lifetime=_max_lifetime(context, document),
        kubernetes=document.kubernetes is not UNSET,
    )
    for rule in _RULES:
        rule(policed)
    return policed


def check_rules(document: Document, context: Context) -> None:
    """Reports codes under ``policy.rules`` that are no rules of policy."""
    if document.policy is UNSET or document.policy.rules is UNSET:
        return
    adjustable = [code for code, rule in RULES.items() if rule.adjustable]
    for code in document.policy.rules:
        at: Path = ("policy", "rules", code)
        if code not in RULES:
            context.report.add("CPK226", f"there is no rule {code}", at=at, hint=did_you_mean(code, adjustable), key=True)
        elif code not in adjustable:
            message = (
                f"{code} ({RULES[code].name}) is always an error" if RULES[code].severity == "error" else f"{code} always warns"
            )
            context.report.add("CPK226", message, at=at, hint="severities can be set for CPK3xx", key=True)


def outlives_ca(policed: Policed) -> None:
    """CPK301: the certificate would be cut to the CA's end, and be due at once."""
    for component in policed.instances:
        ca = policed.cas.get(component.ca)
        if ca is not None and component.lifetime > ca.lifetime:
            message = f"component {component.name} lives {_span(component.lifetime)}, its CA {ca.name} {_span(ca.lifetime)}"
            policed.breach(
                "CPK301", message, "components", component.name, "lifetime", hint="shorten it, or let the CA live longer"
            )


def outlives_parent(policed: Policed) -> None:
    """CPK302: the same between CAs."""
    for ca in policed.cas.values():
        parent = policed.cas.get(ca.issuer or "")
        if parent is not None and ca.lifetime > parent.lifetime:
            message = f"CA {ca.name} lives {_span(ca.lifetime)}, its issuer {parent.name} {_span(parent.lifetime)}"
            policed.breach("CPK302", message, "cas", ca.name, "lifetime", hint="shorten it, or let the issuer live longer")


def always_due(policed: Policed) -> None:
    """CPK303: a certificate that is due when it is issued is issued for ever."""
    everything: tuple[CA | Component, ...] = (*policed.cas.values(), *policed.instances)
    for thing in everything:
        if thing.renew_before >= thing.lifetime:
            section = "cas" if isinstance(thing, CA) else "components"
            message = f"renewBefore {_span(thing.renew_before)} is not shorter than the lifetime {_span(thing.lifetime)}"
            policed.breach("CPK303", message, section, thing.name, "renewBefore", hint='such as "33%"')


def weaker_ca(policed: Policed) -> None:
    """CPK304: a chain is as strong as its weakest key."""
    below: tuple[CA | Component, ...] = (*policed.cas.values(), *policed.instances)
    for thing in below:
        ca = policed.cas.get((thing.issuer or "") if isinstance(thing, CA) else thing.ca)
        if ca is not None and STRENGTH[ca.key] < STRENGTH[thing.key] and "ed25519" not in (ca.key, thing.key):
            section = "cas" if isinstance(thing, CA) else "components"
            message = f"{thing.name} has a key of type {thing.key}, and its CA {ca.name} one of the weaker type {ca.key}"
            policed.breach("CPK304", message, section, thing.name, "key", hint="give the CA at least as strong a key")


def ed25519(policed: Policed) -> None:
    """CPK305: kubeadm, NSS and Java before 15 read no Ed25519 keys."""
    everything: tuple[CA | Component, ...] = (*policed.cas.values(), *policed.instances)
    for thing in everything:
        if thing.key is KeyAlgorithm.ED25519:
            section = "cas" if isinstance(thing, CA) else "components"
            message = f"{thing.name} has an ed25519 key, which kubeadm and NSS refuse"
            policed.breach("CPK305", message, section, thing.name, "key", hint="ecdsa-p256 is read everywhere")


def role_needs_usage(policed: Policed) -> None:
    """CPK308: Kubernetes and etcd refuse their own components without these."""
    if not policed.kubernetes:
        return
    for component in policed.instances:
        missing = REQUIRED_USAGES.get(component.name, frozenset()) - set(component.usages)
        if missing:
            listed = " and ".join(sorted(missing))
            message = f"{component.name} does not work without {listed}"
            policed.breach("CPK308", message, "components", component.name, "usages", hint=f"add {listed}")


def path_too_long(policed: Policed) -> None:
    """CPK310: verifiers count the CAs below (RFC 5280 section 4.2.1.9)."""
    levels = levels_below(policed.fragments.cas)
    for ca in policed.cas.values():
        if ca.path_length is not None and ca.path_length < levels[ca.name]:
            message = f"CA {ca.name} allows {ca.path_length} CAs in a chain below it, and there are {levels[ca.name]}"
            policed.breach("CPK310", message, "cas", ca.name, "pathLength", hint=f"pathLength: {levels[ca.name]}")


def shared_ca(policed: Policed) -> None:
    """CPK311: whoever holds a certificate of the one domain is let in by the other.

    An etcd that trusts the cluster's CA accepts every kubelet as its client; a front-proxy CA that is the cluster's lets
    any client claim to be the aggregator.
    """
    if not policed.kubernetes:
        return
    domains = {"etcd-server": "etcd", "etcd-peer": "etcd", "front-proxy-client": "the front proxy"}
    api = next((component.ca for component in policed.instances if component.name == "apiserver"), None)
    told: set[str] = set()
    for component in policed.instances:
        domain = domains.get(component.name)
        if domain and component.ca == api and domain not in told:
            told.add(domain)
            message = f"CA {api} is trusted by the API server and by {domain}, so certificates of the one open the other"
            policed.breach("CPK311", message, "components", component.name, "ca", hint="give each a CA of its own")


def lifetime_over_limit(policed: Policed) -> None:
    """CPK312: ``policy.maxLifetime``."""
    limit = policed.max_lifetime
    for component in policed.instances:
        if limit is not None and component.lifetime > limit:
            message = f"component {component.name} lives {_span(component.lifetime)}, policy.maxLifetime is {_span(limit)}"
            policed.breach("CPK312", message, "components", component.name, "lifetime", hint=f"lifetime: {_span(limit)}")


def system_masters(policed: Policed) -> None:
    """CPK313: the authorizer lets this group pass before any other is asked.

    A preset's own members (super-admin) are what Kubernetes itself makes: only what the user wrote is told.
    """
    for component in policed.instances:
        if MASTERS in component.subject.organizations and policed.context.names_groups(component.name):
            message = f"{component.name} is in {MASTERS}: no RBAC rule binds it, and nothing but a new CA takes it back"
            hint = "use a group of your own and bind it to a role"
            policed.breach("CPK313", message, "components", component.name, "subject", "organizations", hint=hint)


def no_purpose(policed: Policed) -> None:
    """CPK314: without an extended key usage a leaf is good for anything, or for nothing, as the verifier likes."""
    for component in policed.instances:
        if not component.usages:
            message = f"the usages of {component.name} name no purpose, only what its key may do"
            policed.breach("CPK314", message, "components", component.name, "usages", hint="add server auth or client auth")


#: Every rule on lifetimes, keys, usages and the hierarchy.
_RULES: Final[tuple[Callable[[Policed], None], ...]] = (
    outlives_ca,
    outlives_parent,
    always_due,
    weaker_ca,
    ed25519,
    role_needs_usage,
    path_too_long,
    shared_ca,
    lifetime_over_limit,
    system_masters,
    no_purpose,
)


def _max_lifetime(context: Context, document: Document) -> timedelta | None:
    if document.policy is UNSET or document.policy.max_lifetime is UNSET:
        return None
    try:
        return parse_duration(document.policy.max_lifetime)
    except InvalidDurationError as problem:
        context.report.add("CPK229", problem.message, at=("policy", "maxLifetime"), hint=problem.hint)
        return None


def _span(length: timedelta) -> str:
    return format_duration(length)
