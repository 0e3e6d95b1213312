"""Independent judges of a certification path: openssl, GnuTLS and the verifier of ``cryptography``.

Each returns what it has against a chain; empty when it accepts it. A judge that is not installed is an error, not a skip.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509 import verification as pyca
from cryptography.x509.oid import ExtendedKeyUsageOID

from reconciler.x509.outputs import fullchain
from reconciler.x509.read import Certificate
from reconciler.x509.sans import general_name

#: What openssl calls a purpose, and its OID for certtool.
PURPOSES: Final = {
    "server auth": ("sslserver", ExtendedKeyUsageOID.SERVER_AUTH.dotted_string),
    "client auth": ("sslclient", ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string),
    "email protection": ("smimesign", ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string),
}
_NAME_OPTIONS: Final = {"dns": "-verify_hostname", "ip": "-verify_ip", "email": "-verify_email"}


def run(*command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Runs a judge. A missing program fails the test with its name."""
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    except FileNotFoundError:
        msg = f"{command[0]} is needed by these tests: apt-get install openssl gnutls-bin"
        raise AssertionError(msg) from None
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )


def openssl(
    chain: Sequence[Certificate], roots: Sequence[Certificate], *, usage: str, at: datetime, names: Sequence[str], tmp: Path
) -> list[str]:
    """Strict verification for a purpose, then once more for each name that openssl can check."""
    leaf, untrusted, trusted = tmp / "leaf.pem", tmp / "untrusted.pem", tmp / "roots.pem"
    leaf.write_bytes(chain[0].pem)
    untrusted.write_bytes(fullchain(chain[1:]))
    trusted.write_bytes(fullchain(roots))
    base = ["openssl", "verify", "-x509_strict", "-auth_level", "2", "-no-CApath", "-no-CAstore", "-CAfile", str(trusted)]
    base += ["-attime", str(int(at.timestamp())), "-purpose", PURPOSES[usage][0]]
    base += ["-untrusted", str(untrusted)] if len(chain) > 1 else []
    found = []
    for option in ([], *_name_options(names)):
        done = run(*base, *option, str(leaf))
        if done.returncode != 0:
            found.append(f"openssl {' '.join(option)}: {done.stderr.strip()}")
    return found


def certtool(chain: Sequence[Certificate], roots: Sequence[Certificate], *, usage: str, tmp: Path) -> list[str]:
    """GnuTLS, which judges by the machine's clock alone (before 3.8 it has no ``--attime``)."""
    trusted = tmp / "roots.pem"
    trusted.write_bytes(fullchain(roots))
    command = ["certtool", "--verify", "--load-ca-certificate", str(trusted), "--verify-purpose", PURPOSES[usage][1]]
    done = run(*command, stdin=fullchain(chain))
    accepted = done.returncode == 0 and "Chain verification output: Verified" in done.stdout
    return [] if accepted else [f"certtool: {done.stdout.strip()} {done.stderr.strip()}"]


def cryptography(
    chain: Sequence[Certificate], roots: Sequence[Certificate], *, usage: str, at: datetime, names: Sequence[str]
) -> list[str]:
    """The verifier of ``cryptography``: the web's rules, but for clients without a subject alternative name."""
    builder = pyca.PolicyBuilder().store(pyca.Store([root.parsed for root in roots])).time(at)
    leaf, above = chain[0].parsed, [certificate.parsed for certificate in chain[1:]]
    try:
        if usage != "server auth":
            authority = pyca.ExtensionPolicy.webpki_defaults_ca()
            leaf_rules = pyca.ExtensionPolicy.permit_all().require_present(x509.ExtendedKeyUsage, pyca.Criticality.AGNOSTIC, None)
            builder.extension_policies(ca_policy=authority, ee_policy=leaf_rules).build_client_verifier().verify(leaf, above)
        for name in map(general_name, names):
            if usage == "server auth" and isinstance(name, x509.DNSName | x509.IPAddress):
                builder.build_server_verifier(name).verify(leaf, above)
    except pyca.VerificationError as error:
        return [f"cryptography: {error}"]
    return []


def _name_options(names: Sequence[str]) -> list[list[str]]:
    pairs = [name.partition(":")[::2] for name in names]
    return [[_NAME_OPTIONS[kind], value] for kind, value in pairs if kind in _NAME_OPTIONS]
