"""The openssl program, at any hour: as people run it by hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests import clocks


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSSL:
    """Runs openssl in one directory; `now` is the time that it believes, None for that of this machine."""

    directory: Path
    now: datetime | None = None

    def run(self, *arguments: str) -> str:
        """Runs one command; fails with what openssl said."""
        clock = clocks.shifted(f"@{self.now:%Y-%m-%d %H:%M:%S}") | {"TZ": "UTC"} if self.now else {}
        done = subprocess.run(
            ["openssl", *arguments],
            cwd=self.directory,
            env={**_environment(), **clock},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"openssl {' '.join(arguments)}\n{done.stderr}"
        return done.stdout

    def root(self, name: str, subject: str, *, days: int = 1000) -> None:
        """A CA with the extensions of openssl's own configuration: genrsa and ``req -x509``."""
        self.run("genrsa", "-out", f"{name}.key", "2048")
        request = ("req", "-x509", "-new", "-key", f"{name}.key", "-subj", subject)
        self.run(*request, "-days", str(days), "-out", f"{name}.crt")

    def old_root(self, name: str, subject: str, *, days: int = 1000) -> None:
        """A CA of X.509 version 1, without a single extension: genrsa, req, and ``x509 -req -signkey``."""
        self.run("genrsa", "-out", f"{name}.key", "2048")
        self.run("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
        self.run("x509", "-req", "-in", f"{name}.csr", "-signkey", f"{name}.key", "-out", f"{name}.crt", "-days", str(days))

    def leaf(self, name: str, subject: str, *, ca: str = "ca", configuration: str = "", days: int = 1000) -> None:
        """genrsa, req, and ``x509 -req``; the configuration's ``v3_req`` has its extensions, without one it has none."""
        self.run("genrsa", "-out", f"{name}.key", "2048")
        request = ("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
        self.run(*request, *(("-config", configuration) if configuration else ()))
        extensions = ("-extensions", "v3_req", "-extfile", configuration) if configuration else ()
        signing = ("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial")
        self.run(*signing, "-out", f"{name}.crt", *extensions, "-days", str(days))

    def configuration(self, name: str, names: Sequence[str], *, usages: str = "", key_usages: str = "") -> str:
        """Writes an openssl.cnf with ``[alt_names]``; names are ``DNS:x`` and ``IP:y``. Returns its file name."""
        numbered = _numbered(names)
        lines = [
            "[req]",
            "req_extensions = v3_req",
            "distinguished_name = req_distinguished_name",
            "[req_distinguished_name]",
            "[v3_req]",
            "basicConstraints = critical, CA:FALSE",
            f"keyUsage = critical, {key_usages or 'nonRepudiation, digitalSignature, keyEncipherment'}",
            *([f"extendedKeyUsage = {usages}"] if usages else []),
            *(["subjectAltName = @alt_names", "[alt_names]"] if names else []),
            *(f"{key} = {value}" for key, value in numbered.items()),
        ]
        (self.directory / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return name


def _numbered(names: Sequence[str]) -> Mapping[str, str]:
    """``DNS.1``, ``DNS.2``, ``IP.1``: as alt_names are written."""
    numbered: dict[str, str] = {}
    for name in names:
        kind, _, value = name.partition(":")
        count = sum(key.startswith(f"{kind}.") for key in numbered)
        numbered[f"{kind}.{count + 1}"] = value
    return numbered


def _environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG")
    return {name: value for name, value in os.environ.items() if name in kept}
