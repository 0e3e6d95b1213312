"""OpenSSL as the judge of a rotation: every certificate against every trust file of those who verify it."""

from __future__ import annotations

import base64
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from reconciler.desired.model import Bundle, DesiredState, Kubeconfig

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s(.*?)-----END", re.DOTALL)

#: What is on disk: the chains of leaves, and the certificates of trust files, by address.
Chains = Mapping[str, tuple[bytes, ...]]


def openssl(*arguments: str, data: bytes | None = None) -> str:
    """What openssl prints, errors included."""
    done = subprocess.run(("openssl", *arguments), input=data, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode()


def field(certificate: bytes, *arguments: str) -> str:
    """One field of a certificate, as openssl prints it: ``field(pem, "-ext", "subjectKeyIdentifier")``."""
    return openssl("x509", "-noout", *arguments, data=certificate)


def key_identifier(certificate: bytes, which: str) -> str:
    """The ``subject`` or ``authority`` key identifier in upper-case hexadecimal; empty when there is none."""
    text = field(certificate, "-ext", f"{which}KeyIdentifier").replace(":", "").replace("keyid", "")
    found = re.search(r"\b([0-9A-F]{8,})\b", text)
    return found[1] if found else ""


def certificates(data: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM file, each by itself."""
    return tuple(_PEM.findall(data))


def presented(desired: DesiredState) -> dict[str, tuple[bytes, ...]]:
    """What every component presents now, by address."""
    found: dict[str, tuple[bytes, ...]] = {}
    for address, component in desired.components.items():
        if component.place is not None:
            file = Path(f"{component.place.absolute}.crt")
            if file.exists():
                found[address] = certificates(file.read_bytes())
    for kubeconfig in desired.kubeconfigs.values():
        file = Path(kubeconfig.place.absolute)
        if file.exists() and kubeconfig.embed:
            user = yaml.safe_load(file.read_bytes())["users"][0]["user"]
            found[kubeconfig.component] = certificates(base64.b64decode(user["client-certificate-data"]))
    return found


def trusted(desired: DesiredState) -> dict[str, tuple[bytes, ...]]:
    """What every bundle and kubeconfig trusts now, by address."""
    found = {
        address: certificates(file.read_bytes())
        for address, bundle in desired.bundles.items()
        if (file := Path(bundle.place.absolute)).exists()
    }
    for address, kubeconfig in desired.kubeconfigs.items():
        file = Path(kubeconfig.place.absolute)
        if file.exists() and kubeconfig.cas:
            cluster = yaml.safe_load(file.read_bytes())["clusters"][0]["cluster"]
            if "certificate-authority-data" in cluster:
                found[address] = certificates(base64.b64decode(cluster["certificate-authority-data"]))
    return found


def line_of(ca: str, desired: DesiredState) -> tuple[str, ...]:
    """A CA and those above it, the root last."""
    above = desired.cas[ca].issuer
    return (ca, *(line_of(above, desired) if above is not None else ()))


def complaints(desired: DesiredState, leaves: Chains, trust: Chains, at: datetime) -> Iterator[str]:
    """Every certificate that somebody would refuse who should accept it.

    Args:
        desired: who trusts which CAs.
        leaves: what is presented, by component.
        trust: what is trusted, by bundle or kubeconfig.
        at: the time on the verifiers' clock.
    """
    holders: dict[str, Bundle | Kubeconfig] = {**desired.bundles, **desired.kubeconfigs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for address, anchors in trust.items():
            (folder / "trust.pem").write_bytes(b"".join(anchors))
            members = {
                leaf: chain
                for leaf, chain in leaves.items()
                if set(line_of(desired.components[leaf].ca, desired)) & set(holders[address].cas)
            }
            for said in _refused(members, folder, at):
                yield f"{address}: {said}"


def _refused(members: Chains, folder: Path, at: datetime) -> Iterator[str]:
    plain = [leaf for leaf, chain in members.items() if len(chain) == 1]
    for leaf in members:
        (folder / f"{_file(leaf)}.pem").write_bytes(b"".join(members[leaf][:1]))
    common = ("verify", "-attime", str(int(at.timestamp())), "-partial_chain", "-CAfile", str(folder / "trust.pem"))
    if plain:
        said = openssl(*common, *(str(folder / f"{_file(leaf)}.pem") for leaf in plain))
        yield from (f"{leaf}: {said}" for leaf in plain if f"{folder / _file(leaf)}.pem: OK" not in said)
    for leaf in members.keys() - set(plain):
        (folder / "above.pem").write_bytes(b"".join(members[leaf][1:]))
        said = openssl(*common, "-untrusted", str(folder / "above.pem"), str(folder / f"{_file(leaf)}.pem"))
        if ": OK" not in said:
            yield f"{leaf}: {said}"


def _file(address: str) -> str:
    return address.replace("/", "_").replace("[", "_").replace("]", "_")


def key_lines(folder: Path) -> Iterator[bytes]:
    """A line out of the middle of every private key below a folder: what no output may ever hold."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            for body in _KEY.findall(file.read_bytes()):
                lines = [line for line in body.split() if len(line) > 40]
                yield lines[len(lines) // 2]


def skewed(at: datetime, minutes: Iterable[int] = (0,)) -> Iterator[datetime]:
    """The same instant on clocks that are apart."""
    return (at + timedelta(minutes=each) for each in minutes)
