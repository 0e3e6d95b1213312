"""Tokens of others: signed as JWT, and a Kubernetes API that says whether they are good."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.vault_server.tls import Pair


class Signer:
    """A key that signs tokens by ES256."""

    def __init__(self) -> None:
        """Makes it."""
        self._key: Final = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> str:
        """PEM."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, claims: Mapping[str, object]) -> str:
        """A token with these claims."""
        text = f"{_encoded(json.dumps({'alg': 'ES256', 'typ': 'JWT'}).encode())}.{_encoded(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def service_account(self, namespace: str, name: str, until: float) -> str:
        """A token as Kubernetes projects it."""
        inner = {"namespace": namespace, "serviceaccount": {"name": name, "uid": "uid-of-it"}}
        subject = f"system:serviceaccount:{namespace}:{name}"
        return self.sign({"sub": subject, "exp": int(until), "iat": int(until) - 600, "kubernetes.io": inner})


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextmanager
def token_reviews(pair: Pair, folder: Path, good: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """A Kubernetes API on loopback that knows TokenReview alone; yields its address.

    Args:
        pair: its certificate and key.
        folder: where they are written for OpenSSL.
        good: namespace and name of service accounts by token.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """See authentication.k8s.io/v1 TokenReview."""
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = good.get(asked["spec"]["token"])
            status: dict[str, object] = {"authenticated": False, "error": "not known"}
            if found is not None:
                user = {"username": f"system:serviceaccount:{found[0]}:{found[1]}", "uid": "uid-of-it", "groups": []}
                status = {"authenticated": True, "user": user}
            body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_args: object) -> None:  # noqa: A002  (the name is that of the base class)
            """Says nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(folder, "kubernetes"))
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
