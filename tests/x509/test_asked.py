"""What signing requests ask for, whoever made them."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from reconciler.x509 import pem
from reconciler.x509.asked import asked_of
from reconciler.x509.csr import read_request, signing_request
from reconciler.x509.errors import UnreadableError
from reconciler.x509.facts import AskedFacts, KeyAlgorithm
from reconciler.x509.names import Subject
from reconciler.x509.profile import Request
from tests.builders import NOW, make_key

SERVER: Final = Request(
    subject=Subject(common_name="api", organizations=("dev",)),
    sans=("dns:b.test", "ip:192.0.2.1", "dns:a.test"),
    usages=("server auth", "client auth"),
    not_before=NOW,
    not_after=NOW + timedelta(days=1),
    serial=1,
)


def _read(data: bytes) -> AskedFacts:
    return asked_of(read_request(data))


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_our_own_requests_say_what_was_asked(algorithm: KeyAlgorithm) -> None:
    """With every kind of key."""
    key = make_key("asked", algorithm)
    bits = ("digital signature", "key encipherment") if algorithm.startswith("rsa-") else ("digital signature",)
    assert _read(signing_request(SERVER, key).pem.encode()) == AskedFacts(
        spki_sha256=key.facts.spki_sha256,
        key=algorithm.value,
        subject=Subject(common_name="api", organizations=("dev",)),
        sans=("dns:b.test", "ip:192.0.2.1", "dns:a.test"),
        usages=("client auth", "server auth"),
        key_usages=bits,
        is_ca=False,
    )


def test_a_request_by_openssl(tmp_path: Path) -> None:
    """As people make them: what it does not say is empty."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem")
    made = subprocess.run(
        ["openssl", "req", "-new", *key, "-subj", "/CN=jane", "-addext", "basicConstraints=CA:TRUE"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    ).stdout
    found = _read(made)
    assert (found.subject, found.sans, found.usages, found.key_usages) == (Subject(common_name="jane"), (), (), ())
    assert found.is_ca


def test_a_request_that_its_key_did_not_sign_is_none() -> None:
    """Somebody has changed a name in it."""
    changed = signing_request(SERVER, make_key("asked")).der.replace(b"a.test", b"x.test")
    with pytest.raises(UnreadableError, match="not signed by its own key"):
        _read(pem.join("CERTIFICATE REQUEST", changed))
