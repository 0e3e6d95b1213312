"""Who signed what, found by the signatures of everything that was read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from reconciler.discovery.walk import places, read_cluster
from reconciler.observed.model import RevocationLists
from reconciler.x509.crl import build
from tests.builders import NOW, YEAR, Pair, make_ca, make_key, make_leaf
from tests.discovery.trees import tree

CA = make_ca()
#: Another CA of the same name: only signatures tell them apart.
TWIN = make_ca(key=make_key("twin"))
STRANGER = make_ca("stranger")
LEAF = make_leaf(CA)
ORPHAN = make_leaf(STRANGER, "orphan")


def a_list(number: int, ca: Pair = CA) -> bytes:
    """A revocation list of a CA, in DER."""
    return build((), number=number, this_update=NOW, next_update=NOW + YEAR, issuer=ca.certificate, key=ca.key).der


def test_who_signed_what(tmp_path: Path) -> None:
    """Certificates and lists of one node are judged by the CAs of all; what nobody signed has no signer."""
    unit = "[Service]\nExecStart=etcd --client-crl-file=/a.crl --peer-crl-file=/b.crl --cert-file=/leaf.crt\n"
    tree(tmp_path / "a", {"etc/systemd/system/etcd.service": unit, "a.crl": a_list(1), "b.crl": a_list(2, STRANGER)})
    tree(tmp_path / "a", {"leaf.crt": LEAF.certificate.pem + ORPHAN.certificate.pem})
    tree(tmp_path / "b", {"etc/kubernetes/pki/ca.crt": TWIN.certificate.pem + CA.certificate.pem})
    cluster = read_cluster(places(str(tmp_path)))
    key = CA.key.facts.spki_sha256
    assert cluster.signers == {
        CA.certificate.facts.fingerprint: (key,),
        TWIN.certificate.facts.fingerprint: (TWIN.key.facts.spki_sha256,),
        LEAF.certificate.facts.fingerprint: (key,),
        ORPHAN.certificate.facts.fingerprint: (),
    }
    lists = {path: file for path, file in cluster.nodes[0].files.items() if isinstance(file.content, RevocationLists)}
    assert {path: (file.encoding, file.content.signers) for path, file in lists.items()} == {  # type: ignore[union-attr]
        "/a.crl": ("der", (key,)),
        "/b.crl": ("der", ("",)),
    }
    assert msgspec.json.decode(msgspec.json.encode(cluster), type=type(cluster)) == cluster
