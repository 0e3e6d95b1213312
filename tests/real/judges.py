"""Independent judges of a certificate: openssl and GnuTLS."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

#: Extended key usage to the name that `openssl verify -purpose` has for it.
PURPOSES: Final = {ExtendedKeyUsageOID.SERVER_AUTH: "sslserver", ExtendedKeyUsageOID.CLIENT_AUTH: "sslclient"}


def complaints(certificate: Path, roots: Path) -> list[str]:
    """Everything that a judge has against a leaf below a root; empty when all agree that it is good."""
    leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    found = []
    for usage in usages:
        found += _openssl(certificate, roots, "-purpose", PURPOSES[usage])
        found += _certtool(certificate, roots, "--verify-purpose", usage.dotted_string)
        if usage == ExtendedKeyUsageOID.SERVER_AUTH:
            for option, name in _names(leaf):
                found += _openssl(certificate, roots, "-purpose", "sslserver", option, name)
    return found


def _names(leaf: x509.Certificate) -> Iterator[tuple[str, str]]:
    """Every host name and address of a certificate, with the option that has openssl check it."""
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for name in names:
        if isinstance(name, x509.IPAddress):
            yield "-verify_ip", str(ipaddress.ip_address(str(name.value)))
        elif isinstance(name, x509.DNSName):
            yield "-verify_hostname", name.value.replace("*", "wildcard")


def _openssl(certificate: Path, roots: Path, *options: str) -> list[str]:
    strict = ("-x509_strict", "-auth_level", "2", "-no-CApath", "-no-CAstore")
    done = _run("openssl", "verify", *strict, "-CAfile", str(roots), *options, str(certificate))
    return [] if done.returncode == 0 else [f"openssl {' '.join(options)} {certificate}: {done.stderr.strip()}"]


def _certtool(certificate: Path, roots: Path, *options: str) -> list[str]:
    done = _run("certtool", "--verify", "--load-ca-certificate", str(roots), *options, "--infile", str(certificate))
    good = done.returncode == 0 and "Chain verification output: Verified" in done.stdout
    return [] if good else [f"certtool {' '.join(options)} {certificate}: {done.stdout.strip()} {done.stderr.strip()}"]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
