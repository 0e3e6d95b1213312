"""A cluster made by hand is found, judged, adopted and moved to managed certificates below its own CA, while etcd serves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.real.course import Site, make_site, served
from tests.real.etcd import running, wait_until_healthy
from tests.real.etcd_traffic import Traffic, ask, encoded

ETCD = "controlplane/etc/etcd/etcd-server"
CLIENT = "controlplane/var/lib/kubernetes/pki/etcd-server"
NAME = "etcd.course.internal"


@pytest.mark.parametrize("v1_ca", [False, True], ids=["CA of version 3", "CA of version 1"])
def test_from_a_course_to_managed_certificates(tmp_path: Path, v1_ca: bool) -> None:
    """Each step changes what it should and nothing else, the CA never, and a client of etcd notices none of them."""
    site = make_site(tmp_path, v1_ca=v1_ca)
    member = site.member()
    with running([member], tmp_path) as logs:
        wait_until_healthy([member], site.client(), logs)
        with Traffic(members=[member], identity=site.client()) as traffic:
            ca = (site.ca.with_suffix(".crt").read_bytes(), site.ca.with_suffix(".key").read_bytes())
            judged(site)
            adopted(site)
            assert NAME not in names(served(member, site.client()))
            one_name_more(site)
            assert NAME in names(served(member, site.client()))
            another_client_key(site)
            everything_anew(site)
            assert served(member, site.client()) == site.leaves()[f"{ETCD}.crt"]
            assert (site.ca.with_suffix(".crt").read_bytes(), site.ca.with_suffix(".key").read_bytes()) == ca
    assert (traffic.refused, traffic.failed, traffic.wrong) == ([], [], [])
    assert traffic.requests > 20
    with running([member], tmp_path) as logs:  # and it starts from the new files, too, with what it knew
        wait_until_healthy([member], site.client(), logs)
        assert ask(member, site.client(), "/v3/kv/range", {"key": encoded("traffic")})["count"] == "1"


def judged(site: Site) -> None:
    """Nothing is wrong with it but that one CA signs for everybody; looking changes nothing."""
    before = site.prints()
    assert site.findings() == [("warning", "CPK624")]
    assert site.prints() == before


def adopted(site: Site) -> None:
    """The desired state that is written for it plans nothing, and applying it writes no file."""
    before = site.prints()
    site.run("discover", "--root", str(site.nodes), "--write", str(site.file), "--cluster", "course")
    assert site.plan(changes=False) == {}
    site.apply()
    assert site.plan(changes=False) == {}
    assert site.prints() == before


def one_name_more(site: Site) -> None:
    """One name in YAML is one certificate issued again, in the two files of its pair."""
    before = site.prints()
    site.change("components", "etcd-server", extraSans={"dns": [NAME]})
    assert site.plan(changes=True) == {"component.etcd-server[controlplane]": ("reissue", ("SanMismatch",))}
    site.apply()
    assert changed(before, site.prints()) == {f"{ETCD}.crt", f"{ETCD}.key"}
    verified(site)


def another_client_key(site: Site) -> None:
    """The API server's client of etcd gets a key of another type."""
    before = site.prints()
    assert isinstance(site.leaves()[f"{CLIENT}.crt"].public_key(), rsa.RSAPublicKey)
    site.change("components", "apiserver-etcd-client", key="ecdsa-p256")
    assert list(site.plan(changes=True)) == ["component.apiserver-etcd-client[controlplane]"]
    site.apply()
    assert isinstance(site.leaves()[f"{CLIENT}.crt"].public_key(), ec.EllipticCurvePublicKey)
    assert changed(before, site.prints()) == {f"{CLIENT}.crt", f"{CLIENT}.key"}
    verified(site)


def everything_anew(site: Site) -> None:
    """Every leaf is renewed below the same CA, but for the key of tokens; then nothing is left to do and nothing new is found."""
    before, tokens = site.leaves(), site.tokens.read_bytes()
    site.renew()
    components = {address for address, _ in site.plan(changes=True).items() if address.startswith("component.")}
    assert len(components) == 10
    site.apply()
    after = site.leaves()
    assert {path for path in before if before[path] == after[path]} == set()
    assert site.tokens.read_bytes() == tokens
    verified(site)
    assert site.plan(changes=False) == {}
    assert site.findings() == [("warning", "CPK624")]


def verified(site: Site) -> None:
    """Openssl accepts every leaf below the CA of the course, whichever way it came about."""
    for path, leaf in site.leaves().items():
        done = subprocess.run(
            ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", str(site.ca.with_suffix(".crt"))],
            input=leaf.public_bytes(Encoding.PEM),
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, f"{path}: {done.stderr.decode()}"


def names(certificate: x509.Certificate) -> list[str]:
    """The DNS names of a certificate."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.DNSName)


def changed(before: dict[str, tuple[str, int, int]], after: dict[str, tuple[str, int, int]]) -> set[str]:
    """Files that were written, removed or made."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
