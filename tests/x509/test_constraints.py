"""Name constraints by the letter of RFC 5280 section 4.2.1.10."""

from __future__ import annotations

import pytest

from reconciler.x509.constraints import violation


@pytest.mark.parametrize(
    ("permitted", "excluded", "san", "violates"),
    [
        ((), (), "dns:example.com", False),
        (("dns:example.com",), (), "dns:example.com", False),
        (("dns:example.com",), (), "dns:a.b.example.com", False),
        (("dns:example.com",), (), "dns:A.Example.COM", False),
        (("dns:example.com",), (), "dns:badexample.com", True),
        (("dns:example.com",), (), "dns:example.org", True),
        (("dns:example.com",), (), "dns:com", True),
        (("dns:.example.com",), (), "dns:example.com", True),
        (("dns:.example.com",), (), "dns:a.example.com", False),
        (("dns:example.com",), (), "dns:*.example.com", False),
        (("dns:example.com",), (), "dns:*.com", True),
        (("dns:",), (), "dns:anything", False),
        (("dns:a.com", "dns:b.com"), (), "dns:x.b.com", False),
        (("dns:example.com",), (), "ip:192.0.2.1", False),
        ((), ("dns:example.com",), "dns:a.example.com", True),
        ((), ("dns:example.com",), "dns:example.org", False),
        ((), ("dns:a.example.com",), "dns:*.example.com", True),
        ((), ("dns:b.a.example.com",), "dns:*.example.com", False),
        ((), ("dns:",), "dns:anything", True),
        (("dns:example.com",), ("dns:secret.example.com",), "dns:x.secret.example.com", True),
        (("dns:example.com",), ("dns:secret.example.com",), "dns:x.example.com", False),
        (("ip:192.0.2.0/24",), (), "ip:192.0.2.1", False),
        (("ip:192.0.2.0/24",), (), "ip:192.0.3.1", True),
        (("ip:192.0.2.0/24",), (), "ip:2001:db8::1", True),
        (("ip:2001:db8::/32",), (), "ip:2001:db8::1", False),
        ((), ("ip:0.0.0.0/0",), "ip:192.0.2.1", True),
        ((), ("ip:0.0.0.0/0",), "ip:2001:db8::1", False),
        (("ip:192.0.2.0/24",), (), "dns:example.com", False),
        (("uri:td.example",), (), "uri:spiffe://td.example/x", False),
        (("uri:td.example",), (), "uri:spiffe://a.td.example/x", True),
        (("uri:.td.example",), (), "uri:spiffe://a.td.example/x", False),
        (("uri:.td.example",), (), "uri:spiffe://td.example/x", True),
        (("uri:td.example",), (), "uri:urn:uuid:1", True),
        (("uri:td.example",), (), "uri:https://192.0.2.1/", True),
        (("uri:td.example",), (), "uri:https://[bad/", True),
        ((), ("uri:td.example",), "uri:spiffe://td.example/x", True),
        (("uri:td.example",), (), "uri:https://u@TD.example:8443/", False),
        (("email:a@example.com",), (), "email:a@Example.com", False),
        (("email:a@example.com",), (), "email:A@example.com", True),
        (("email:example.com",), (), "email:a@example.com", False),
        (("email:example.com",), (), "email:a@b.example.com", True),
        (("email:.example.com",), (), "email:a@b.example.com", False),
        (("email:.example.com",), (), "email:a@example.com", True),
        ((), ("email:example.com",), "email:a@example.com", True),
        (("other:1.2.3",), (), "other:1.2.3", True),
    ],
)
def test_violation(permitted: tuple[str, ...], excluded: tuple[str, ...], san: str, violates: bool) -> None:
    """Each form of name by its own rule; a form without subtrees is free."""
    assert violation(permitted, excluded, san) is violates
