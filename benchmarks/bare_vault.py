"""The least work that has N certificates signed by a PKI engine and kept in a KV engine, or reads them: requests, nothing else.

Run as ``python -m benchmarks.bare_vault issue|read ADDRESS PKI KV COUNT CONNECTIONS``, with the token in the environment. Key,
signing request, two requests each; or one to read. It looks at nothing that comes back, but that it is no error.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from benchmarks.measure import VAULT_TOKEN


class Caller:
    """A kept connection for each thread."""

    def __init__(self, address: str, token: str) -> None:
        """Connects at the first call."""
        self._place = urlsplit(address)
        self._headers = {"X-Vault-Token": token, "Content-Type": "application/json"}
        self._held = threading.local()

    def __call__(self, method: str, path: str, body: object = None) -> dict[str, dict[str, str]]:
        """One request that has to succeed."""
        if not hasattr(self._held, "connection"):
            self._held.connection = http.client.HTTPConnection(self._place.netloc, timeout=60)
        connection: http.client.HTTPConnection = self._held.connection
        connection.request(method, f"/v1/{path}", json.dumps(body) if body is not None else None, self._headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
            msg = f"{method} {path}: {answer.status}"
            raise RuntimeError(msg)
        found: dict[str, dict[str, str]] = json.loads(text) if text else {}
        return found


def issue(call: Caller, pki: str, kv: str, number: int) -> None:
    """A key, its certificate, and both in a secret that was not there."""
    host = f"host-{number}.bench.internal"
    key = ec.generate_private_key(ec.SECP256R1())
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )
    signed = call("POST", f"{pki}/issuer/default/sign-verbatim", {"csr": csr, "ttl": "720h"})["data"]["certificate"]
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    call(
        "POST", f"{kv}/data/bare/host-{number}", {"options": {"cas": 0}, "data": {"certificate": signed, "private_key": private}}
    )


def main(what: str, address: str, pki: str, kv: str, count: int, connections: int) -> None:  # noqa: PLR0917 - a command line
    """Does it `count` times, over so many connections."""
    call = Caller(address, os.environ[VAULT_TOKEN])

    def one(number: int) -> None:
        if what == "issue":
            issue(call, pki, kv, number)
        else:
            call("GET", f"{kv}/data/bare/host-{number}")

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(one, range(count)))


if __name__ == "__main__":
    _, what, address, pki, kv, count, connections = sys.argv
    main(what, address, pki, kv, int(count), int(connections))
