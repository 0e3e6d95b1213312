"""Subject alternative names: what verifiers agree about, and nothing else."""

from __future__ import annotations

import pytest

from reconciler.x509.san_syntax import san_problem
from reconciler.x509.sans import canonical, general_name

GOOD = ["dns:localhost", "dns:api.example.com", "dns:xn--caf-dma.example", "dns:*.example.com", "dns:a-b.1c", "dns:" + "a" * 63]
GOOD += ["ip:192.0.2.1", "ip:2001:db8::1", "ip:::1", "uri:spiffe://td.example/ns/a", "uri:urn:uuid:1", "email:a.b+c@example.com"]


@pytest.mark.parametrize("san", GOOD)
def test_canonical_names(san: str) -> None:
    """A canonical string is accepted, and survives the certificate's own form."""
    assert san_problem(san) == ""
    assert canonical(general_name(san)) == san


BAD = {
    "dns:": "not a DNS name",
    "dns:10.0.0.1": "use ip:",
    "dns:a b": "not a DNS name",
    "dns:a..b": "not a DNS name",
    "dns:.a": "not a DNS name",
    "dns:a.": "not a DNS name",
    "dns:-a.b": "not a DNS name",
    "dns:a-.b": "not a DNS name",
    "dns:a\0b": "not a DNS name",
    "dns:a\n": "not a DNS name",
    "dns:_srv.x": "not a DNS name",
    "dns:API.example.com": "lower-case",
    "dns:é.org": "not a DNS name",
    "dns:" + "a" * 64: "not a DNS name",
    "dns:" + "a." * 127 + "a": "not a DNS name",
    "dns:*": "at least two labels",
    "dns:*.org": "at least two labels",
    "dns:a*.example.com": "not a DNS name",
    "dns:a.*.example.com": "not a DNS name",
    "dns:*.*.example.com": "not a DNS name",
    "ip:10.0.0.0/24": "not an IP address",
    "ip:010.0.0.1": "not an IP address",
    "ip:127.1": "not an IP address",
    "ip:90": "not an IP address",
    "ip:fe80::1%eth0": "zone",
    "ip:::ffff:10.0.0.1": "inside IPv6",
    "ip:2001:DB8::1": "write ip:2001:db8::1",
    "ip:2001:db8:0::1": "write ip:2001:db8::1",
    "uri:/relative": "absolute URI",
    "uri:https://é/": "absolute URI",
    "uri:a b": "absolute URI",
    "email:nobody": "mailbox",
    "email:a@Example.com": "lower-case host",
    "email:a@b@c": "mailbox",
    "email:é@example.com": "mailbox",
    "other:1.2.3": "not a dns:",
    "example.com": "not a dns:",
    "": "not a dns:",
}


@pytest.mark.parametrize(("san", "problem"), BAD.items())
def test_everything_else(san: str, problem: str) -> None:
    """What a library would build and verifiers would refuse is named before anything is signed."""
    assert problem in san_problem(san)


def test_unknown_forms_are_not_built() -> None:
    """A string of another form is a programming error."""
    with pytest.raises(ValueError, match="not a subject alternative name"):
        general_name("other:1.2.3")
