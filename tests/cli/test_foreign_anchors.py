"""Bundles and kubeconfigs that trust CAs made elsewhere, beside our own."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from reconciler.x509.pem import split
from reconciler.x509.read import read_certificates
from tests.builders import make_ca
from tests.inprocess import Home

NOW: Final = datetime.now(tz=UTC)
PARTNER: Final = make_ca("partner", now=NOW)
OVER: Final = make_ca("over", now=NOW - timedelta(days=30), lifetime=timedelta(days=20))


def document() -> dict[str, Any]:
    """A CA, a client with a kubeconfig, and a bundle with a partner's CAs."""
    return {
        "apiVersion": "cluster-pki/v1",
        "cluster": "demo",
        "cas": {"main": {"path": "ca/main"}},
        "components": {"jane": {"ca": "main", "usages": ["client auth"]}},
        "bundles": {"all": {"cas": ["main"], "files": ["/partner.pem"], "path": "trust.crt"}},
        "kubeconfigs": {"jane": {"component": "jane", "bundle": "all", "server": "https://a.test", "path": "jane.conf"}},
    }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A desired state, and the partner's file: a CA, and one that has expired."""
    home = Home(path=tmp_path)
    home.write(document())
    (tmp_path / "partner.pem").write_bytes(b"Our partner\n" + OVER.certificate.pem + PARTNER.certificate.pem)
    return home


def names(data: bytes) -> list[str]:
    """The common names in a file of certificates, in its order."""
    return sorted(link.facts.subject.common_name for link in read_certificates(data))


def trusted(home: Home) -> tuple[list[str], list[str]]:
    """Whom the bundle and the kubeconfig trust."""
    parsed = yaml.safe_load((home.path / "jane.conf").read_text(encoding="utf-8"))
    data = base64.b64decode(parsed["clusters"][0]["cluster"]["certificate-authority-data"])
    return names((home.path / "trust.crt").read_bytes()), names(data)


def test_they_are_trusted_beside_our_own_without_those_that_expired(home: Home) -> None:
    """Sorted by fingerprint, clean of text, and the plan after it is empty."""
    assert home.apply().code == 0
    assert trusted(home) == (["main", "partner"], ["main", "partner"])
    data = (home.path / "trust.crt").read_bytes()
    fingerprints = [link.facts.fingerprint for link in read_certificates(data)]
    assert (fingerprints, b"Our partner" in data, len(split(data))) == (sorted(fingerprints), False, 2)
    assert home.plan().changes() == {}


def test_they_follow_the_file(home: Home) -> None:
    """Another CA in the partner's file is another one in the bundle and in the kubeconfig; nothing is reissued."""
    assert home.apply().code == 0
    other = make_ca("other", now=NOW)
    (home.path / "partner.pem").write_bytes(other.certificate.pem)
    assert home.plan().changes() == {"bundle.all": ("repair", ("BundleStale",)), "kubeconfig.jane": ("repair", ("OutputStale",))}
    assert home.apply().code == 0
    assert trusted(home) == (["main", "other"], ["main", "other"])


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_that_cannot_be_used_takes_nobodys_trust_away(home: Home, content: bytes | None) -> None:
    """What is there stays, and the plan says which file it is."""
    assert home.apply().code == 0
    before = (home.path / "trust.crt").read_bytes()
    if content is None:
        (home.path / "partner.pem").unlink()
    else:
        (home.path / "partner.pem").write_bytes(content)
    plan = home.plan()
    assert {address: word for address, (word, _) in plan.changes().items()} == dict.fromkeys(
        ("bundle.all", "kubeconfig.jane"), "blocked"
    )
    assert f"{home.path}/partner.pem" in str(plan.json["diagnostics"])
    assert home.apply().code == 1
    assert (home.path / "trust.crt").read_bytes() == before


def test_a_rotation_leaves_them_where_they_are(home: Home) -> None:
    """Both generations of ours and the partner's, until ours is through."""
    assert home.apply().code == 0
    rotating = document()
    rotating["cas"]["main"] |= {"generation": 2, "rotation": {"soak": "1h"}}
    home.write(rotating)
    assert home.apply().code == 0
    assert trusted(home) == (["main", "main g2", "partner"], ["main", "main g2", "partner"])
