"""A kubeconfig is seen by what it means, and each part of it is judged alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.observed.gather import gather
from reconciler.observed.model import Absent, KubeconfigFile, ObservedPair, ObservedState
from tests.builders import make_key
from tests.observed.cluster import ADMIN, AUTHORITY, CONF, SERVER, Cluster, csr, encrypted_key, problem_of

PEM = SERVER.certificate.pem


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Everything in its place."""
    return Cluster(root=tmp_path).write()


def kubeconfig_of(seen: ObservedState) -> KubeconfigFile:
    """The one kubeconfig, which can be used."""
    state = seen.kubeconfigs[CONF]
    assert isinstance(state, KubeconfigFile)
    return state


def test_a_kubeconfig_edited_by_hand_is_seen_by_its_meaning(cluster: Cluster) -> None:
    """Another server, another order, comments, a field that no generated file has: the credentials stay what they are."""
    text = cluster.path("admin.conf").read_text().replace("api.example.com", "elsewhere.example.com")
    text = text.replace("- cluster:\n", "# changed on a Friday\n- cluster:\n    insecure-skip-tls-verify: true\n")
    before = kubeconfig_of(gather(cluster.desired()))
    cluster.put("admin.conf", text.encode(), mode=0o600)
    after = kubeconfig_of(gather(cluster.desired()))
    assert (after.server, after.extras) == (
        "https://elsewhere.example.com:6443",
        ("clusters[0].cluster.insecure-skip-tls-verify",),
    )
    assert (after.certificate, after.key, after.ca_fingerprints) == (before.certificate, before.key, before.ca_fingerprints)


def test_file_references_of_a_kubeconfig_are_told_and_not_followed(cluster: Cluster) -> None:
    """What they lead to is looked at where it is desired, if it is."""
    cluster.put("admin.conf", cluster.kubeconfig(certificate="/pki/admin.crt", key="/pki/admin.key"), mode=0o600)
    state = kubeconfig_of(gather(cluster.desired()))
    assert (state.client_certificate_path, state.client_key_path) == ("/pki/admin.crt", "/pki/admin.key")
    assert (state.certificate, state.key) == (Absent(), Absent())


def test_broken_base64_makes_a_kubeconfig_unusable_and_its_component_too(cluster: Cluster) -> None:
    """The component lives in the file, so it is as unusable as the file."""
    text = cluster.path("admin.conf").read_text().replace("client-key-data: LS0", "client-key-data: !S0")
    cluster.put("admin.conf", text.encode(), mode=0o600)
    seen = gather(cluster.desired())
    state = seen.kubeconfigs[CONF]
    assert problem_of(state) == "unparsable"
    assert seen.pairs[ADMIN] == ObservedPair(certificate=state, key=state)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "certificate", "key_state"),
    [
        ({"key": make_key("another").pem()}, "certificates", "key"),
        ({"key": encrypted_key()}, "certificates", "encrypted"),
        ({"key": PEM}, "certificates", "wrong-type"),
        ({"certificate": PEM[:200]}, "truncated", "key"),
        ({"certificate": csr()}, "wrong-type", "key"),
    ],
    ids=["another-key", "encrypted-key", "certificate-as-key", "torn-certificate", "request"],
)
def test_each_half_of_a_kubeconfig_is_judged_alone(
    options: dict[str, bytes], certificate: str, key_state: str, cluster: Cluster
) -> None:
    """One half that is broken or strange leaves the other what it is."""
    cluster.put("admin.conf", cluster.kubeconfig(**options), mode=0o600)
    state = kubeconfig_of(gather(cluster.desired()))
    assert (problem_of(state.certificate), problem_of(state.key)) == (certificate, key_state)


def test_torn_ca_data_is_no_reason_to_doubt_the_credentials(cluster: Cluster) -> None:
    """The CA certificates are mended without a new key."""
    cluster.put("admin.conf", cluster.kubeconfig(ca=PEM[:200]), mode=0o600)
    seen = gather(cluster.desired())
    state = kubeconfig_of(seen)
    assert (state.ca_fingerprints, state.extras) == ((), ("certificate-authority-data",))
    assert seen.pairs[ADMIN].signed_by == AUTHORITY.key.facts.spki_sha256
