"""Which hosts a certificate is for: our own judgement is that of OpenSSL."""

from __future__ import annotations

import ssl

import pytest

from reconciler.proof.credentials import Credentials
from reconciler.proof.tls import handshake
from reconciler.trust.hosts import is_for
from tests.builders import make_ca, make_leaf

CA = make_ca("hosts")
SERVER = make_leaf(
    CA, "server", sans=("dns:api.example.com", "dns:*.apps.example.com", "dns:localhost", "ip:192.0.2.1", "ip:2001:db8::1")
)
HOSTS = {
    "api.example.com": True,
    "API.example.com": True,
    "example.com": False,
    "a.apps.example.com": True,
    "a.b.apps.example.com": False,
    "apps.example.com": False,
    "localhost": True,
    "server": False,
    "192.0.2.1": True,
    "192.0.2.2": False,
    "2001:db8::1": True,
    "2001:0db8:0:0::1": True,
    "2001:db8::2": False,
}


@pytest.mark.parametrize("host", HOSTS)
def test_hosts(host: str) -> None:
    """By SAN alone: an address by an IP SAN, a wildcard for one label, a common name for nothing."""
    refusal = handshake(
        client=None,
        client_anchors=CA.certificate.pem,
        server=Credentials(chain=(SERVER.certificate.der,), key=SERVER.key),
        server_anchors=None,
        host=host,
        version=ssl.TLSVersion.TLSv1_3,
    )
    assert (is_for(SERVER.certificate.facts.sans, host), refusal is None) == (HOSTS[host], HOSTS[host])
