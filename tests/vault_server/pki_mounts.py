"""A mount with a CA, as contract tests need one."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography import x509

from tests.vault_server.api import Reply, Vault
from tests.vault_server.csr import Csr


class PkiMount:
    """A mount of a PKI engine."""

    def __init__(self, vault: Vault, **config: object) -> None:
        """Mounts it, for ten years at most."""
        self.vault = vault
        self.path = vault.mounted("pki", **{"max_lease_ttl": "87600h", **config})

    def post(self, path: str, body: Mapping[str, object] | None = None, token: str | None = None) -> Reply:
        """Writes to a path under it."""
        return self.vault.call("POST", f"{self.path}/{path}", body or {}, token=token)

    def get(self, path: str, token: str | None = None) -> Reply:
        """Reads a path under it."""
        return self.vault.call("GET", f"{self.path}/{path}", token=token)

    def list(self, path: str) -> Reply:
        """Lists a path under it."""
        return self.vault.call("LIST", f"{self.path}/{path}")

    def delete(self, path: str) -> Reply:
        """Deletes a path under it."""
        return self.vault.call("DELETE", f"{self.path}/{path}")

    def root(self, name: str, **fields: object) -> Reply:
        """Makes a root that is called so, for a year."""
        body = {"common_name": name, "issuer_name": name, "key_type": "ec", "ttl": "8760h", "exclude_cn_from_sans": True}
        return self.post("issuers/generate/root/internal", {**body, **fields})

    def role(self, name: str, **fields: object) -> Reply:
        """Makes a role for any name and key."""
        usual = {"allow_any_name": True, "enforce_hostnames": False, "key_type": "any", "allowed_uri_sans": "*"}
        return self.post(f"roles/{name}", {**usual, **fields})

    def signed(self, role: str, csr: Csr, **fields: object) -> Reply:
        """Signs a request by a role."""
        return self.post(f"sign/{role}", {"csr": csr.pem(), **fields})


def parsed(reply: Reply) -> x509.Certificate:
    """The certificate of an answer."""
    assert reply.status == 200, reply.raw
    return x509.load_pem_x509_certificate(str(reply.data["certificate"]).encode())


def lifetime(certificate: x509.Certificate) -> int:
    """Seconds from beginning to end, to ten: a server asks for the time twice, and may lose a second in between."""
    return 10 * round((certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() / 10)
