"""Files that are not as one would have made them: taken over as they are where words can say it, and left alone where not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.adopting.desk import desk
from tests.clusters.kubeadm import kubeadm
from tests.clusters.mint import reissue

DAY: Final = timedelta(days=1)
PKI: Final = "cp-1/etc/kubernetes/pki"
NOW: Final = datetime.now(UTC).replace(microsecond=0)

Changes = dict[str, tuple[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was done to the files, and what comes of it."""

    do: Callable[[Path], object]
    says: str
    """In the document."""
    note: str = ""
    changes: Changes | None = None


def remade(path: str, **changes: object) -> Callable[[Path], object]:
    """A certificate is another one."""
    return lambda root: reissue(root / path, **changes)  # type: ignore[arg-type]


CASES: Final[dict[str, Case]] = {
    "other names": Case(
        do=remade(f"{PKI}/apiserver.crt", more_sans=["dns:api.example.com"]), says="certSANs: {dns: [api.example.com]}"
    ),
    "fewer names": Case(
        do=remade(f"{PKI}/etcd/peer.crt", sans=["dns:cp-1", "ip:192.0.2.11"]),
        says='etcd-peer: {sans: {dns: ["{node}"], ip: ["{node.address}"]}}',
    ),
    "another group": Case(
        do=remade(f"{PKI}/apiserver-kubelet-client.crt", organizations=["system:masters"]),
        says='{subject: {commonName: kube-apiserver-kubelet-client, organizations: ["system:masters"]}}',
    ),
    "a short life": Case(
        do=remade(f"{PKI}/front-proxy-client.crt", not_before=NOW - DAY, not_after=NOW + 89 * DAY),
        says="front-proxy-client: {lifetime: 90d}",
    ),
    "a long life": Case(
        do=remade(f"{PKI}/front-proxy-client.crt", not_after=NOW + 5 * 365 * DAY), says="front-proxy-client: {lifetime: 5y}"
    ),
    "a life of more than a hundred years": Case(
        do=remade(f"{PKI}/front-proxy-ca.crt", not_before=NOW - 400 * DAY, not_after=NOW + 36500 * DAY),
        says="front-proxy: {key: rsa-2048, lifetime: 100y}",
    ),
    "it outlives its CA": Case(
        do=remade(f"{PKI}/front-proxy-client.crt", not_after=NOW + 12 * 365 * DAY), says="front-proxy-client: {lifetime: 12y}"
    ),
    "near its end": Case(
        do=remade(f"{PKI}/apiserver.crt", not_after=NOW + 10 * DAY),
        says="apiserver: {renewBefore: 4d}",
    ),
    "past its end": Case(
        do=remade(f"{PKI}/apiserver.crt", not_before=NOW - 400 * DAY, not_after=NOW - 35 * DAY),
        says="# expired on ",
        note="component.apiserver[cp-1]: it expired on ",
        changes={"component.apiserver[cp-1]": ("reissue", ("Expired",))},
    ),
    "a kubeconfig past its end": Case(
        do=remade("cp-1/etc/kubernetes/scheduler.conf", not_before=NOW - 400 * DAY, not_after=NOW - 35 * DAY),
        says="# expired on ",
        note="component.scheduler[cp-1]: it expired on ",
        changes={
            "component.scheduler[cp-1]": ("reissue", ("Expired",)),
            "kubeconfig.scheduler[cp-1]": ("repair", ("OutputStale",)),
        },
    ),
    "no extended key usage": Case(do=remade(f"{PKI}/apiserver-etcd-client.crt", usages=()), says="# has no extended key usage"),
    "both usages": Case(
        do=remade(f"{PKI}/apiserver.crt", usages=["server auth", "client auth"]),
        says="apiserver: {usages: [client auth, server auth]}",
    ),
    "SHA-1": Case(
        do=remade(f"{PKI}/apiserver.crt", sha1=True),
        says="apiserver: null",
        note="apiserver.crt: a plan would change it: it is signed with sha1",
    ),
    "another key": Case(
        do=lambda root: (root / PKI / "apiserver.key").write_bytes((root / PKI / "etcd/server.key").read_bytes()),
        says="apiserver: null",
        note="its key is not beside it",
    ),
    "an encrypted key": Case(
        do=lambda root: encrypt(root / PKI / "apiserver.key"),
        says="apiserver: null",
        note="apiserver.crt: its key cannot be used: the private key is encrypted; remove the passphrase",
    ),
    "DER": Case(
        do=lambda root: as_der(root / PKI / "apiserver.crt"),
        says="apiserver: null",
        note="/etc/kubernetes/pki/apiserver.crt: it is DER, where PEM is read",
    ),
    "a CA past its end": Case(
        do=remade(f"{PKI}/front-proxy-ca.crt", not_before=NOW - 400 * DAY, not_after=NOW - DAY),
        says="# expired on ",
        note="ca.front-proxy: it expired on ",
        changes={"ca.front-proxy": ("blocked", ("Expired",))},
    ),
    "pki is a link": Case(
        do=lambda root: link_away(root / "cp-1", "etc/kubernetes/pki", "var/lib/pki"),
        says="apiserver: {path: var/lib/pki/apiserver}",
    ),
    "a link to a file": Case(
        do=lambda root: link_away(root / "cp-1", "etc/kubernetes/pki/apiserver.crt", "opt/apiserver.crt"),
        says="apiserver: null",
        note="apiserver.crt: it is a link to /opt/apiserver.crt, which leads elsewhere in a copy of the node's files",
    ),
    "a mode": Case(do=lambda root: (root / PKI / "apiserver.key").chmod(0o640), says='apiserver: {mode: "0640"}'),
    "an owner": Case(
        do=lambda root: own(root / PKI / "etcd", "server.crt", "server.key"), says="etcd-server: {owner: 999, group: 998}"
    ),
    "an owner of the key alone": Case(
        do=lambda root: own(root / PKI / "etcd", "server.key"), says="# the key belongs to 999:998 and the other file does not"
    ),
    "another endpoint": Case(
        do=lambda root: swap(root / "cp-1/etc/kubernetes/scheduler.conf", "https://192.0.2.11:6443", "https://localhost:6443"),
        says='scheduler: {server: "https://localhost:6443"}',
    ),
    "a second context": Case(
        do=lambda root: swap(
            root / "cp-1/etc/kubernetes/admin.conf", "contexts:\n", "contexts:\n- context: {cluster: a, user: b}\n  name: mine\n"
        ),
        says="admin: null",
        note="/etc/kubernetes/admin.conf: it has other contexts than a current one",
    ),
    "no key of the CA for front proxies": Case(
        do=lambda root: (root / PKI / "front-proxy-ca.key").unlink(), says="front-proxy: {issuer: {external: {}}, key: rsa-2048}"
    ),
    "the key of another CA": Case(
        do=lambda root: (root / PKI / "front-proxy-ca.key").write_bytes((root / PKI / "ca.key").read_bytes()),
        says="front-proxy: null",
        note="front-proxy-ca.crt: a plan would change it: the key does not belong to the certificate",
    ),
    "two CAs in the file of one": Case(
        do=lambda root: (root / PKI / "ca.crt").write_bytes(
            (root / PKI / "ca.crt").read_bytes() + (root / PKI / "etcd/ca.crt").read_bytes()
        ),
        says="# its file holds 2 certificates, where what signs should stand alone\n  kubernetes: {key: rsa-2048}",
    ),
    "no token key": Case(do=lambda root: (root / PKI / "sa.key").unlink(), says="sa: null"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_odd_is_said(tmp_path: Path, case: Case) -> None:
    """The document says it, the notes what was left alone, and the plan has nothing to do but what time demands."""
    site = desk(tmp_path, kubeadm, workers=0)
    case.do(site.snapshot)
    adoption = site.adopt()
    assert case.says in adoption.text
    assert [note for note in adoption.notes if case.note in note], adoption.notes
    assert (site.home.call("validate").code, site.home.plan().changes()) == (0, case.changes or {})


def own(directory: Path, *names: str) -> None:
    """Some files belong to an account of their own."""
    for name in names:
        os.chown(directory / name, 999, 998)


def encrypt(path: Path) -> None:
    """A key gets a passphrase."""
    key = load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))


def as_der(path: Path) -> None:
    """A certificate without PEM around it."""
    path.write_bytes(x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER))


def link_away(root: Path, directory: str, target: str) -> None:
    """Something of a node is somewhere else, with an absolute link to it: in a snapshot it leads nowhere."""
    (root / target).parent.mkdir(parents=True, exist_ok=True)
    (root / directory).rename(root / target)
    (root / directory).symlink_to(f"/{target}")


def swap(path: Path, old: str, new: str) -> None:
    """One text in a file becomes another."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
