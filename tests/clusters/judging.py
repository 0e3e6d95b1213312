"""What openssl says about the files of a cluster."""

from __future__ import annotations

import re
import stat
import subprocess
from base64 import b64decode
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tests.builders import NOW

_PURPOSES: Final = {"server": "sslserver", "client": "sslclient"}


def text(certificate: Path | bytes) -> str:
    """Everything that openssl prints of a certificate, but for its key, its signature and its serial number."""
    options = "no_pubkey,no_sigdump,no_serial"
    return _openssl("x509", "-noout", "-text", "-certopt", options, given=_bytes(certificate))


def field(certificate: Path | bytes, name: str) -> str:
    """One field, such as ``subject``: the words of ``openssl x509 -subject`` behind its name."""
    return _openssl("x509", "-noout", f"-{name}", given=_bytes(certificate)).partition("=")[2].strip()


def names(certificate: Path | bytes) -> str:
    """Its subject alternative names, as openssl lists them; empty for none."""
    printed = _openssl("x509", "-noout", "-ext", "subjectAltName", given=_bytes(certificate))
    return printed.partition("\n")[2].strip()


def verifies(certificate: Path, ca: Path, purpose: str = "", *, at: datetime = NOW + timedelta(hours=1), name: str = "") -> str:
    """What openssl has against a certificate, together with what stands behind it in its file; empty for nothing."""
    command = ["verify", "-no-CApath", "-no-CAstore", "-attime", str(int(at.timestamp())), "-CAfile", str(ca)]
    command += ["-untrusted", str(certificate)]
    command += ["-purpose", _PURPOSES[purpose]] if purpose else []
    command += ["-verify_ip" if name[:1].isdecimal() else "-verify_hostname", name] if name else []
    done = subprocess.run(["openssl", *command, str(certificate)], capture_output=True, text=True, timeout=30, check=False)
    return "" if done.returncode == 0 else f"{certificate}: {done.stderr}"


def same_key(certificate: Path, key: Path) -> bool:
    """Whether a key belongs to a certificate."""
    return _openssl("x509", "-noout", "-pubkey", given=certificate.read_bytes()) == _openssl(
        "pkey", "-pubout", given=key.read_bytes()
    )


def embedded(kubeconfig: Path, name: str) -> bytes:
    """The data of a kubeconfig, such as ``client-certificate``."""
    found = re.search(rf"{name}-data: (\S+)", kubeconfig.read_text(encoding="utf-8"))
    assert found is not None
    return b64decode(found[1])


def mode(path: Path) -> str:
    """The mode of a file: ``0600``."""
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def _bytes(certificate: Path | bytes) -> bytes:
    return certificate if isinstance(certificate, bytes) else certificate.read_bytes()


def _openssl(*arguments: str, given: bytes) -> str:
    done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()
