"""The example, applied: every certificate of a kubeadm cluster, judged by programs that know nothing of us."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.crash.check_pairs import signed, violations
from tests.real.cluster import REPOSITORY, Cluster, make_cluster
from tests.real.judges import complaints
from tests.real.kubeconfigs import extract

CATALOGUE: Final = Path(__file__).with_name("example-catalogue.txt")
USAGES: Final = {ExtendedKeyUsageOID.SERVER_AUTH: "server", ExtendedKeyUsageOID.CLIENT_AUTH: "client"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The cluster, what `status` says of it, and each certificate as a file of its own."""

    cluster: Cluster
    resources: dict[str, dict[str, Any]]
    certificates: dict[str, Path]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The example's cluster, applied once."""
    home = tmp_path_factory.mktemp("example")
    cluster = make_cluster(home, (REPOSITORY / "cluster-pki.example.yaml").read_text(encoding="utf-8"))
    cluster.apply()
    resources = cluster.resources()
    extracted = tmp_path_factory.mktemp("extracted")
    certificates = {
        address: _certificate(resource["paths"], extracted / address)
        for address, resource in resources.items()
        if resource["type"] in {"ca", "component"}
    }
    return Example(cluster=cluster, resources=resources, certificates=certificates)


def _certificate(paths: dict[str, str], extracted: Path) -> Path:
    """The certificate of an address: its own file, or taken out of the kubeconfig that alone holds it."""
    if "kubeconfig" in paths and "certificate" not in paths:
        return extract(Path(paths["kubeconfig"]), extracted).certificate
    return Path(paths["certificate"])


def test_the_catalogue_is_kubeadms(example: Example) -> None:
    """Issuer, usages, subject and names of every certificate, as kubeadm's code gives them for this cluster."""
    found = "".join(sorted(f"{line}\n" for line in _catalogue(example)))
    assert found == CATALOGUE.read_text(encoding="utf-8")


def _catalogue(example: Example) -> Iterator[str]:
    """``address | issuer | usages | subject | names``; the issuer by its key, because names may repeat."""
    authorities = {
        address: x509.load_pem_x509_certificate(path.read_bytes())
        for address, path in example.certificates.items()
        if address.startswith("ca.")
    }
    for address, path in example.certificates.items():
        leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
        (issuer,) = [name for name, authority in authorities.items() if signed(leaf, authority)]
        yield " | ".join((address, issuer, _usages(leaf), _subject(leaf), _names(leaf)))


def _usages(leaf: x509.Certificate) -> str:
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "-"
    return " ".join(sorted(USAGES[usage] for usage in usages))


def _subject(leaf: x509.Certificate) -> str:
    words = {NameOID.ORGANIZATION_NAME: "O", NameOID.COMMON_NAME: "CN"}
    pairs = sorted(((words[part.oid], str(part.value)) for part in leaf.subject), reverse=True)
    return " ".join(f"{word}={value}" for word, value in pairs)


def _names(leaf: x509.Certificate) -> str:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "-"
    return " ".join(sorted(f"{'ip' if isinstance(name, x509.IPAddress) else 'dns'}:{name.value}" for name in names))


def test_openssl_and_gnutls_accept_every_certificate(example: Example) -> None:
    """Strictly, for each of its usages, and for each of its host names and addresses."""
    leaves = {address: path for address, path in example.certificates.items() if address.startswith("component.")}
    issuers = {address: example.resources[address]["issuer"] for address in leaves}
    found = {address: complaints(path, example.certificates[issuers[address]]) for address, path in leaves.items()}
    assert {address: said for address, said in found.items() if said} == {}


def test_pairs_match_and_keys_are_private(example: Example) -> None:
    """Each pair, kubeconfig and public key fits; no file with a key is readable by others."""
    assert list(violations(example.cluster.root, example.cluster.home)) == []


def test_modes_are_kubeadms(example: Example) -> None:
    """Keys, kubeconfigs and sa.pub 0600; certificates and bundles 0644."""
    visible = example.cluster.snapshot()
    modes = {name: mode for name, (_, mode, _) in visible.items()}
    public = {name for name in modes if name.endswith(".crt")}
    assert {name for name, mode in modes.items() if mode == 0o644} == public
    assert {name for name, mode in modes.items() if mode == 0o600} == modes.keys() - public


def test_a_second_plan_is_empty(example: Example) -> None:
    """Everything is as it should be right after an apply, and `status` agrees."""
    assert example.cluster.reasons(expect=0) == {}
    assert {resource["sync"] for resource in example.resources.values()} == {"Synced"}
    assert {resource["health"] for resource in example.resources.values()} == {"Healthy"}


def test_losing_the_state_directory_changes_nothing(example: Example) -> None:
    """Our records are a cache of intent: without them the plan is still empty."""
    state = example.cluster.home / "state"
    aside = example.cluster.home / "state.aside"
    state.rename(aside)
    try:
        assert example.cluster.reasons(expect=0) == {}
    finally:
        aside.rename(state)
