"""What a discovery is called in words: one wording for every format."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Final

from reconciler.health.document import DiscoveryDocument, FindingEntry, InventoryEntry, NodeEntry, UseEntry
from reconciler.health.model import Severity
from reconciler.render.durations import instant, span
from reconciler.render.states import Alarm

ALARMS: Final[dict[Severity | None, Alarm]] = {"error": "bad", "warning": "watch", "notice": "good", None: "good"}
VERDICTS: Final[dict[Severity | None, str]] = {
    "error": "Something is broken, or breaks by itself",
    "warning": "Works, with something to mend",
    "notice": "Works, with something worth knowing",
    None: "All is well",
}
_YEAR: Final = 365
#: What stands for the subject of what has none.
_KINDS: Final = {
    "key": "private key",
    "public-key": "public key",
    "crl": "revocation list",
    "missing": "missing",
    "unusable": "cannot be used",
}


def name_of(row: InventoryEntry) -> str:
    """The common name of a certificate, else its whole subject; in parentheses what it is that has neither."""
    if row.kind in ("ca", "certificate"):
        return row.common_name or row.subject or "(no subject)"
    if row.kind == "kubeconfig":
        return f"({row.credential})" if row.credential else "(by file)" if row.certificate_path else "(no credential)"
    return f"({_KINDS[row.kind]})"


def fuller_subject(row: InventoryEntry) -> str:
    """The whole subject where it holds more than a common name and organisations; else empty."""
    plain = ", ".join((f"CN={row.common_name}", *(f"O={each}" for each in row.organizations)))
    return row.subject if row.subject and row.common_name and row.subject != plain else ""


def users(row: InventoryEntry) -> list[str]:
    """Everybody who uses a file, by which settings: ``kube-apiserver --tls-cert-file``, ``a person``."""
    settings: defaultdict[str, list[str]] = defaultdict(list)
    for use in row.used_by:
        settings[_user(use)].append(use.setting if use.process else "")
    return [f"{user} {', '.join(dict.fromkeys(each))}".rstrip() for user, each in settings.items()]


def _user(use: UseEntry) -> str:
    """The process; what no process is told of, by its purpose."""
    return use.process or ("a person" if use.purpose == "person" else use.setting or use.purpose)


def expiry(row: InventoryEntry, *, now: datetime) -> str:
    """``2027-11-23 (364d)``, ``2026-11-20 (3d ago)``; empty for what has no end."""
    return f"{instant(row.not_after)[:10]} ({left(row.not_after, now=now)})" if row.not_after else ""


def left(moment: datetime, *, now: datetime) -> str:
    """How long until then: ``9y``, ``364d``, ``11h 5m``, ``3d ago``."""
    length = abs(moment - now)
    text = f"{length.days // _YEAR}y" if length.days >= 2 * _YEAR else f"{length.days}d" if length.days else span(length)
    return text if moment >= now else f"{text} ago"


def where(finding: FindingEntry) -> str:
    """``cp-1, cp-2: /etc/kubernetes/pki/ca.crt (kube-apiserver --client-ca-file)``; empty for what is everywhere."""
    place = ": ".join(part for part in (", ".join(finding.nodes), finding.path) if part)
    return f"{place} ({finding.setting})" if place and finding.setting else place or finding.setting


def breaks(finding: FindingEntry, *, now: datetime) -> str:
    """What breaks, and when."""
    if finding.when is None:
        return finding.breaks
    distance = "since" if finding.when <= now else "from"
    return f"{finding.breaks} ({distance} {instant(finding.when)}, {_distance(finding.when, now)})"


def heading(node: NodeEntry) -> str:
    """``cp-1: control plane (kubeadm)``."""
    kind = "control plane" if node.control_plane else "node" if node.processes else "files"
    layout = {"by-hand": "by hand", "files": ""}.get(node.layout, node.layout)
    return f"{node.name}: {kind}" + (f" ({layout})" if layout else "")


def processes(node: NodeEntry) -> list[str]:
    """``kube-apiserver 1.31.2``, ``etcd``, …."""
    return list(dict.fromkeys(f"{each.name} {each.version}".rstrip() for each in node.processes))


def issuer(row: InventoryEntry) -> str:
    """The issuer's common name, else its whole name; ``itself`` for what signed itself."""
    if row.issuer is not None and row.issuer == row.subject:
        return "itself"
    return row.issuer_common_name or row.issuer or ""


def sums(document: DiscoveryDocument) -> str:
    """``3 nodes, 41 certificates: 1 expired, 2 expiring. Next to end: cp-1: /etc/kubernetes/admin.conf in 12d.``."""
    numbers = document.summary
    text = f"{count(numbers.nodes, 'node')}, {count(numbers.certificates, 'certificate')}"
    soon = [f"{numbers.expired:,} expired"] * bool(numbers.expired) + [f"{numbers.expiring:,} expiring"] * bool(numbers.expiring)
    text += f": {', '.join(soon)}." if soon else "."
    if numbers.next_expiry is not None:
        where = f"{numbers.next_expiry_node}: {numbers.next_expiry_path}"
        text += f" Next to end: {where} in {left(numbers.next_expiry, now=document.at)}."
    if numbers.unused:
        text += f" Beside them {numbers.unused:,} that nothing was found to use."
    return text


def found(document: DiscoveryDocument) -> str:
    """``Found 1 error, 2 warnings and 3 notices.``."""
    numbers = document.summary
    parts = [
        count(number, word)
        for number, word in ((numbers.errors, "error"), (numbers.warnings, "warning"), (numbers.notices, "notice"))
        if number
    ]
    if not parts:
        return "Nothing to find fault with."
    return f"Found {parts[0]}." if len(parts) == 1 else f"Found {', '.join(parts[:-1])} and {parts[-1]}."


def count(number: int, word: str) -> str:
    """``1 node``, ``1,200 nodes``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _distance(moment: datetime, now: datetime) -> str:
    text = left(moment, now=now)
    return text if moment < now else f"in {text}"
