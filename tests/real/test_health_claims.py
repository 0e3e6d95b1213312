"""What health checks say of etcd is true: a real member refuses what they call broken, and serves what they pass over."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.health.versions import reads_pem_lists
from tests.clusters.certificates import authority
from tests.clusters.keys import key, key_pem
from tests.clusters.kubeadm import kubeadm
from tests.clusters.mint import certificate_of, reissue, signer_of
from tests.discovered.changes import add_flag, drop
from tests.discovered.looking import look
from tests.real.etcd import READY_WITHIN, Identity, Member, command_of, environment, etcdctl, free_ports, stop
from tests.real.etcd_traffic import NoAnswerError, RefusedError, ask, encoded

PKI: Final = "cp-1/etc/kubernetes/pki"
ETCD: Final = f"{PKI}/etcd"
MANIFEST: Final = "cp-1/etc/kubernetes/manifests/etcd.yaml"
LIST: Final = f"{ETCD}/clients.crl"
DAY: Final = timedelta(days=1)
NOW: Final = datetime.now(UTC).replace(microsecond=0)
OTHER: Final = authority("etcd-ca", key("ca/another"), now=NOW)

#: Whether etcdctl, the JSON gateway and a client without a certificate are served.
Served = tuple[bool, bool, bool]
ALL_BUT_STRANGERS: Final[Served] = (True, True, False)
NOBODY: Final[Served] = (False, False, False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something done to a healthy cluster, what the health checks say then, and what etcd does."""

    name: str
    hand: Callable[[Path], object]
    codes: tuple[str, ...]
    served: Served
    dropped: tuple[str, ...] = ()
    """Flags that the member does without."""
    added: tuple[str, ...] = ()
    """Flags that it has more; ``{root}`` is where the files are."""


def _list(root: Path, encoding: Encoding) -> None:
    ca = signer_of(certificate_of(root / ETCD / "server.crt"))
    builder = x509.CertificateRevocationListBuilder().issuer_name(ca.certificate.subject)
    made = builder.last_update(NOW - DAY).next_update(NOW + 30 * DAY).sign(ca.key, hashes.SHA256())
    (root / LIST).write_bytes(made.public_bytes(encoding))
    add_flag(root / MANIFEST, "etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/clients.crl")


_SAID: Final = subprocess.run(["etcd", "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
#: ``3.4.23``, by the first line of what it says.
_VERSION: Final = _SAID.split()[2]

CLAIMS: Final = (
    Claim(name="healthy", hand=lambda root: root, codes=(), served=ALL_BUT_STRANGERS),
    Claim(
        name="604 the client has expired",
        hand=lambda root: reissue(root / PKI / "apiserver-etcd-client.crt", not_before=NOW - 9 * DAY, not_after=NOW - DAY),
        codes=("CPK604",),
        served=NOBODY,
    ),
    Claim(
        name="608 the client's key is another's",
        hand=lambda root: (root / PKI / "apiserver-etcd-client.key").write_bytes(key_pem(key("another"))),
        codes=("CPK608",),
        served=NOBODY,
    ),
    Claim(
        name="609 the client is of another CA of the same name",
        hand=lambda root: reissue(root / PKI / "apiserver-etcd-client.crt", issuer=OTHER),
        codes=("CPK609",),
        served=NOBODY,
    ),
    Claim(
        name="610 the server lacks the address that is dialled",
        hand=lambda root: reissue(root / ETCD / "server.crt", sans=["dns:cp-1", "ip:192.0.2.11"]),
        codes=("CPK610",),
        served=NOBODY,
    ),
    Claim(
        name="612 the server may not be a client",
        hand=lambda root: reissue(root / ETCD / "server.crt", usages=["server auth"]),
        codes=("CPK612",),
        served=(True, False, False),
    ),
    Claim(
        name="612 the client may only be a server",
        hand=lambda root: reissue(root / PKI / "apiserver-etcd-client.crt", usages=["server auth"]),
        codes=("CPK612",),
        served=NOBODY,
    ),
    Claim(
        name="628 the list is PEM",
        hand=lambda root: _list(root, Encoding.PEM),
        codes=("CPK628",),
        served=ALL_BUT_STRANGERS if reads_pem_lists(_VERSION) else NOBODY,
        added=(f"--client-crl-file={{root}}/{LIST}",),
    ),
    Claim(
        name="628 the list is of a CA that may not sign lists",
        hand=lambda root: _list(root, Encoding.DER),
        codes=("CPK628",),
        served=ALL_BUT_STRANGERS,
        added=(f"--client-crl-file={{root}}/{LIST}",),
    ),
    Claim(
        name="630 nobody asks for certificates",
        hand=lambda root: drop(root / MANIFEST, "--client-cert-auth=true", "--trusted-ca-file"),
        codes=("CPK630",),
        served=(True, True, True),
        dropped=("--client-cert-auth", "--trusted-ca-file"),
    ),
    Claim(
        name="a CA to verify clients by is enough",
        hand=lambda root: drop(root / MANIFEST, "    - --client-cert-auth=true"),
        codes=(),
        served=ALL_BUT_STRANGERS,
        dropped=("--client-cert-auth",),
    ),
)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_etcd_does_what_is_said(tmp_path: Path, claim: Claim) -> None:
    """The findings beyond the stock notices are those, and etcd serves exactly whom it should."""
    root = tmp_path / "nodes"
    kubeadm(root, workers=0, now=NOW)
    claim.hand(root)
    found = look(root, now=datetime.now(UTC))
    assert tuple(one.code for one in found if one.severity != "notice") == claim.codes
    member = _member(root)
    added = [flag.format(root=root) for flag in claim.added]
    with _running(member, tmp_path, dropped=claim.dropped, added=added) as log:
        _wait(log)
        assert _served(member, root) == claim.served


def _member(root: Path) -> Member:
    client_port, peer_port = free_ports("127.0.0.1", 2)
    server, peer = (
        Identity(certificate=root / ETCD / f"{name}.crt", key=root / ETCD / f"{name}.key", roots=root / ETCD / "ca.crt")
        for name in ("server", "peer")
    )
    return Member(name="cp-1", address="127.0.0.1", client_port=client_port, peer_port=peer_port, server=server, peer=peer)


@contextmanager
def _running(member: Member, directory: Path, *, dropped: Sequence[str], added: Sequence[str]) -> Iterator[Path]:
    command = command_of(member, [member], directory)
    kept = [flag for flag in command if flag.partition("=")[0] not in dropped]
    log = directory / "etcd.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*kept, *added], stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment())
    try:
        yield log
    finally:
        stop(process)


def _wait(log: Path) -> None:
    """Until it says that it serves clients; nobody can be asked whether it is healthy who may be refused."""
    deadline = time.monotonic() + READY_WITHIN
    while b"ready to serve client requests" not in log.read_bytes():
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-4000:]
        time.sleep(0.1)


def _served(member: Member, root: Path) -> Served:
    base = root / PKI / "apiserver-etcd-client"
    client = Identity(certificate=base.with_suffix(".crt"), key=base.with_suffix(".key"), roots=root / ETCD / "ca.crt")
    known = etcdctl(member.client_url, "get", "nothing", roots=client.roots, identity=client, seconds=3)
    stranger = etcdctl(member.client_url, "get", "nothing", roots=client.roots, seconds=3)
    return known.returncode == 0, _gateway(member, client), stranger.returncode == 0


def _gateway(member: Member, client: Identity) -> bool:
    try:
        ask(member, client, "/v3/kv/range", {"key": encoded("nothing")})
    except (RefusedError, NoAnswerError):
        return False
    return True
