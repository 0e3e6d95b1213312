"""Facts of certificates and files in the words of the desired state; and which of them it has no words for. Decisions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from reconciler.adopting.model import Ground, Machine, Spec
from reconciler.cluster.model import Use
from reconciler.desired.durations import LONGEST, format_duration
from reconciler.observed.model import FileMeta
from reconciler.plan.checks_time import LIFETIME_TOLERANCE, instant
from reconciler.plan.renewal import earliest_renewal
from reconciler.x509.facts import CertificateFacts, KeyAlgorithm
from reconciler.x509.names import EXTENDED_USAGES, Subject
from reconciler.x509.san_syntax import san_problem

YEAR: Final = timedelta(days=365)
DAY: Final = timedelta(days=1)
RENEW_BEFORE: Final = timedelta(days=30)
SECRET: Final = 0o600
_SERVING: Final = frozenset({"serving", "sni", "peer"})
_SUBJECT: Final = {
    "organizations": "organizations",
    "organizational_units": "organizationalUnits",
    "countries": "countries",
    "provinces": "provinces",
    "localities": "localities",
}


def unspeakable(facts: CertificateFacts) -> Iterator[str]:
    """What a certificate has that the desired state cannot ask for, as clauses."""
    if facts.key not in [algorithm.value for algorithm in KeyAlgorithm]:
        yield f"its key is of type {facts.key}"
    if facts.subject.others:
        yield f"its subject holds {', '.join(facts.subject.others)}"
    for usage in facts.usages:
        if usage not in EXTENDED_USAGES:
            yield f"it has the extended key usage {usage}"
    for san in facts.sans:
        if problem := san_problem(san):
            yield f"its name {san} is {problem}"


def with_node(base: str, machine: Machine | None) -> str:
    """A path in whose last name that of its node, where it is all or the end of it, becomes a placeholder: ``member-{node}``."""
    if machine is None or not re.fullmatch(rf"(.*[/._-])?{re.escape(machine.label)}", base):
        return base
    return f"{base.removesuffix(machine.label)}{{node}}"


def subject_spec(subject: Subject, machine: Machine | None) -> Spec:
    """A subject; the name of a node that stands at the end of a common name becomes its placeholder."""
    common_name = subject.common_name
    if machine is not None and common_name == machine.label:
        common_name = "{node}"
    elif machine is not None and common_name.endswith(f":{machine.label}"):
        common_name = f"{common_name.removesuffix(machine.label)}{{node}}"
    spec: Spec = {"commonName": common_name}
    for field, key in _SUBJECT.items():
        values = list(getattr(subject, field))
        if values or field == "organizations":
            spec[key] = values
    return spec


def sans_spec(sans: tuple[str, ...], machine: Machine | None) -> Spec:
    """Names by kind, those of the node as placeholders."""
    spec: Spec = {}
    for kind in ("dns", "ip", "uri", "email"):
        values = [value for found, _, value in (san.partition(":") for san in sans) if found == kind]
        if values:
            spec[kind] = sorted({name_for(value, kind, machine) for value in values})
    return spec


def name_for(value: str, kind: str, machine: Machine | None) -> str:
    """A name as every node could have it."""
    if machine is None:
        return value
    if kind == "ip":
        return "{node.address}" if machine.addresses[:1] == (value,) else value
    if kind == "dns" and (value == machine.label or value.startswith(f"{machine.label}.")):
        return f"{{node}}{value.removeprefix(machine.label)}"
    return value


def usages_spec(facts: CertificateFacts, uses: Iterable[Use]) -> list[str]:
    """Extended key usages. One without any is good for everything: then what its processes need of it.

    etcd's servers are their own clients, too (server/embed/etcd.go grpcGatewayDial), and its peers always both.
    """
    if facts.usages:
        return list(facts.usages)
    serves = {use.process for use in uses if use.purpose in _SERVING}
    connects = any(use.purpose not in _SERVING for use in uses) or "etcd" in serves
    if not serves and not connects:
        serves, connects = set(facts.sans), True
    return ["client auth"] * connects + ["server auth"] * bool(serves)


def lifetime_of(facts: CertificateFacts, authority: CertificateFacts | None, now: datetime) -> timedelta | None:
    """How long it was made for, where that is not the default.

    Before 1.31 kubeadm gave its certificates the notBefore of their CA: of such a one only what is left says something.
    """
    if authority is not None and facts.not_before == authority.not_before:
        left = facts.not_after - now
        return whole_days(left) if left > YEAR + LIFETIME_TOLERANCE else None
    return unlike(facts.not_after - facts.not_before, YEAR)


def unlike(length: timedelta, default: timedelta) -> timedelta | None:
    """A length in whole days where it is not the default, give or take what issuers add for back-dating."""
    return None if default - DAY < length <= default + LIFETIME_TOLERANCE else whole_days(length)


def whole_days(length: timedelta) -> timedelta:
    """The next whole day, at most a hundred years; a life of less than two days in hours, of less than two hours in minutes."""
    length = min(length, LONGEST)  # longer ones are made to be forgotten: a hundred years, or up to 9999 (RFC 5280 4.1.2.5)
    unit = DAY if length >= 2 * DAY else timedelta(hours=1) if length >= timedelta(hours=2) else timedelta(minutes=1)
    return -(-(length - LIFETIME_TOLERANCE if unit == DAY else length) // unit) * unit


def default_renew_before(lifetime: timedelta | None, default_lifetime: timedelta, built_in: timedelta) -> timedelta:
    """What takes effect when none is written (`expand_defaults`): the built-in one, or a third of a short life."""
    length = lifetime or default_lifetime
    return built_in if length >= 3 * built_in else length * 33 // 100


def renew_before_of(not_after: datetime, default: timedelta, now: datetime) -> timedelta | None:
    """So much that nothing is due yet: half of what is left; None where the default will do, or nothing helps."""
    left = not_after - now
    if earliest_renewal(not_after, default) > now or left < timedelta(hours=3):
        return None
    unit = DAY if left >= 4 * DAY else timedelta(hours=1)
    return left / 2 // unit * unit


def ending(not_after: datetime, renew_before: timedelta | None, now: datetime) -> Iterator[str]:
    """What to say of an end that is near or past."""
    if now > not_after:
        yield f"expired on {instant(not_after)}: the plan renews it"
    elif renew_before is not None:
        yield (
            f"ends on {instant(not_after)}; renewBefore is {format_duration(renew_before)} so that nothing happens at once: "
            "raise it when you are ready"
        )


def access_spec(ground: Ground, secret: FileMeta, *others: FileMeta) -> Spec:
    """Mode and owner, where they are not what we would choose; no owner where the files of one thing have several."""
    spec: Spec = {}
    if secret.mode != SECRET:
        spec["mode"] = f"{secret.mode:04o}"
    account = (secret.uid, secret.gid)
    if account != ground.owner and all((meta.uid, meta.gid) == account for meta in others):
        spec |= {"owner": secret.uid, "group": secret.gid}
    return spec


def owners(ground: Ground, secret: FileMeta, *others: FileMeta) -> Iterator[str]:
    """What to say of files of one thing that belong to several accounts: a new key would belong to whoever writes it."""
    account = (secret.uid, secret.gid)
    if account != ground.owner and any((meta.uid, meta.gid) != account for meta in others):
        yield f"the key belongs to {secret.uid}:{secret.gid} and the other file does not: a new pair would belong to one account"


def relative(path: str) -> str:
    """A path of a node below the root of its store."""
    return path.lstrip("/")
