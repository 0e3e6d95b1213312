"""A request that we made is known again, whatever it asks for: otherwise it would be made anew at every look."""

from __future__ import annotations

from typing import Any, Final

import pytest

from reconciler.apply.requests import component_request
from reconciler.plan.external.progress import differences
from reconciler.x509.asked import read_asked
from reconciler.x509.csr import signing_request
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import Subject
from tests.builders import make_key
from tests.plan.world import NOW, ca, certificate, component, key_facts

AUTHORITY: Final = certificate(ca(), key_facts(), None, NOW)
WANTED: Final[list[dict[str, Any]]] = [
    {},
    {"sans": ("ip:2001:db8::1", "ip:192.0.2.1", "dns:*.example.com", "uri:spiffe://demo/api", "email:a@example.com")},
    {"sans": (), "usages": ("client auth",)},
    {"subject": Subject(common_name="system:node:w-1", organizations=("system:nodes", "b", "a"))},
    {"subject": Subject(common_name="é", organizational_units=("x",), countries=("DE",), localities=("y",), provinces=("z",))},
    {"subject": Subject()},
    {"usages": ("client auth", "code signing", "email protection", "server auth")},
    {"key_usages": ("data encipherment", "key agreement", "key encipherment")},
    *({"key": algorithm} for algorithm in KeyAlgorithm),
]


@pytest.mark.parametrize("fields", WANTED, ids=str)
def test_our_own_request_asks_for_what_is_wanted(fields: dict[str, Any]) -> None:
    """Through the bytes of a file and back."""
    wanted = component(**fields)
    request = component_request(wanted, AUTHORITY, now=NOW, serial=1)
    asked = read_asked(signing_request(request, make_key("asked", wanted.key)).pem.encode())
    assert list(differences(asked, wanted)) == []
