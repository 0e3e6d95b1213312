"""Each damage shows exactly its reason in the plan, and apply mends exactly that: end to end, by processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.real import damage
from tests.real.cluster import Cluster, make_cluster
from tests.real.damage import CRT, KEY

DESIRED: Final = """\
apiVersion: cluster-pki/v1
cluster: drift
stores:
  files: {type: file, root: /srv}
cas:
  main: {path: ca/main}
  other: {path: ca/other}
components:
  server:
    ca: main
    usages: [server auth, client auth]
    subject: {commonName: server.drift.internal}
    sans: {dns: [server.drift.internal, alt.drift.internal], ip: [192.0.2.1]}
    key: ecdsa-p256
    lifetime: 180d
    path: pki/server
  bystander:
    ca: main
    usages: [server auth]
    subject: {commonName: bystander.drift.internal}
    sans: {dns: [bystander.drift.internal]}
    path: pki/bystander
  admin:
    ca: main
    usages: [client auth]
    path: pki/admin
bundles:
  trust: {cas: [main], path: pki/trust.crt}
kubeconfigs:
  admin: {component: admin, bundle: trust, server: "https://api.drift.internal:6443", path: admin.conf}
"""
SERVER: Final = "component.server"
PAIR: Final = frozenset({CRT, KEY})
NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A damage, what the plan says of it, and which files are different after apply from what they were before."""

    damage: Callable[[Cluster], None]
    reasons: dict[str, tuple[str, ...]]
    changed: frozenset[str] = PAIR


def because(reason: str, address: str = SERVER) -> dict[str, tuple[str, ...]]:
    """One address with one reason."""
    return {address: (reason,)}


def edited(old: str, new: str) -> Callable[[Cluster], None]:
    """The desired state says something else."""
    return lambda cluster: damage.edit(cluster, old, new)


CASES: Final[dict[str, Case]] = {
    "deleted certificate": Case(damage=lambda c: damage.delete(c, CRT), reasons=because("Missing")),
    "deleted key": Case(damage=lambda c: damage.delete(c, KEY), reasons=because("Missing")),
    "key of another pair": Case(damage=damage.key_of_another_pair, reasons=because("KeyMismatch")),
    "certificate of another CA": Case(damage=damage.certificate_of_another_ca, reasons=because("WrongIssuer")),
    "SAN added": Case(damage=edited("ip: [192.0.2.1]", "ip: [192.0.2.1, 192.0.2.2]"), reasons=because("SanMismatch")),
    "SAN removed": Case(damage=edited(", alt.drift.internal]", "]"), reasons=because("SanMismatch")),
    "subject changed": Case(
        damage=edited("{commonName: server.drift.internal}", "{commonName: server.drift.internal, organizations: [ops]}"),
        reasons=because("SubjectMismatch"),
    ),
    "usage removed": Case(damage=edited("[server auth, client auth]", "[server auth]"), reasons=because("UsageMismatch")),
    "key algorithm changed": Case(damage=edited("ecdsa-p256", "ecdsa-p384"), reasons=because("KeyPolicyMismatch")),
    "lifetime shortened": Case(damage=edited("180d", "90d"), reasons=because("LifetimeMismatch")),
    "reissue requested": Case(
        damage=edited("    path: pki/server\n", "    path: pki/server\n    reissue: please\n"),
        reasons=because("ReissueRequested"),
    ),
    "key readable by others": Case(damage=lambda c: (c.root / KEY).chmod(0o644), reasons=because("ModeDrift"), changed=NOTHING),
    "corrupt certificate": Case(damage=lambda c: damage.corrupt(c, CRT), reasons=because("Unreadable")),
    "corrupt key": Case(damage=lambda c: damage.corrupt(c, KEY), reasons=because("Unreadable")),
    "truncated certificate": Case(damage=lambda c: damage.truncate(c, CRT), reasons=because("Unreadable")),
    "truncated key": Case(damage=lambda c: damage.truncate(c, KEY), reasons=because("Unreadable")),
    "kubeconfig edited by hand": Case(
        damage=damage.edit_kubeconfig,
        reasons=because("OutputStale", "kubeconfig.admin"),
        changed=frozenset({"srv/admin.conf"}),
    ),
    "CA bundle edited by hand": Case(
        damage=damage.edit_bundle, reasons=because("BundleStale", "bundle.trust"), changed=frozenset({"srv/pki/trust.crt"})
    ),
}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A small PKI, applied."""
    made = make_cluster(tmp_path, DESIRED)
    made.apply()
    assert made.reasons(expect=0) == {}
    return made


def different(before: dict[str, tuple[int, int, bytes]], after: dict[str, tuple[int, int, bytes]]) -> frozenset[str]:
    """Names whose inode, mode or bytes are not what they were, and names that came or went."""
    return frozenset(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_damage_is_named_and_mended(cluster: Cluster, case: Case) -> None:
    """The plan holds this reason alone; after apply it is empty, and no other file was touched."""
    before = cluster.snapshot()
    case.damage(cluster)
    assert cluster.reasons() == case.reasons
    cluster.apply()
    assert cluster.reasons(expect=0) == {}
    assert different(before, cluster.snapshot()) == case.changed


@pytest.mark.parametrize(("days", "reason"), [(160, "RenewalDue"), (181, "Expired")])
def test_time_passes(cluster: Cluster, days: int, reason: str) -> None:
    """By the machine's clock: within renewBefore a certificate is due, after notAfter it has expired; both are mended."""
    later = replace(cluster, clock=f"+{days}d")
    before = cluster.snapshot()
    assert later.reasons() == because(reason)
    later.apply()
    assert later.reasons(expect=0) == {}
    assert different(before, cluster.snapshot()) == PAIR


@pytest.mark.parametrize(("days", "reason"), [(160, "RenewalDue"), (181, "Expired")])
def test_a_look_ahead(cluster: Cluster, days: int, reason: str) -> None:
    """By ``--at``: the plan of a later day, while today's plan stays empty."""
    at = (datetime.now(tz=UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert cluster.reasons("--at", at) == because(reason)
    assert cluster.reasons(expect=0) == {}


def test_a_ca_key_that_is_gone_is_never_made_anew(cluster: Cluster) -> None:
    """The plan says that it is blocked and how to go on; nothing below that CA is made, all else goes on."""
    damage.delete(cluster, "srv/ca/main.key")
    damage.delete(cluster, CRT)
    before = cluster.snapshot()
    plan = cluster.plan(expect=1)
    assert "ca-key-missing" in {entry["code"] for entry in plan["diagnostics"]}
    cluster.apply(expect=1)
    assert different(before, cluster.snapshot()) == NOTHING
