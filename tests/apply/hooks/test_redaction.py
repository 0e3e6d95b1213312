"""A private key is known without its PEM lines, in other line lengths, and as numbers; what is public stays."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from pathlib import Path
from textwrap import wrap
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat
from msgspec.structs import replace

from reconciler.apply.hooks.redaction import bodies, without_keys
from reconciler.desired.live import ExecHook
from reconciler.x509.facts import KeyAlgorithm
from tests.apply.hooks.occasions import OCCASION, run_here
from tests.builders import key_pem, make_ca, make_key, raw_key

RSA: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: Final = {
    "ec": key_pem(raw_key("secret")).decode(),
    "ec, SEC 1": key_pem(raw_key("secret"), PrivateFormat.TraditionalOpenSSL).decode(),
    "rsa": key_pem(RSA).decode(),
    "rsa, PKCS#1": key_pem(RSA, PrivateFormat.TraditionalOpenSSL).decode(),
    "ed25519": make_key("secret", KeyAlgorithm.ED25519).pem().decode(),
}
CERTIFICATE: Final = make_ca("public").certificate.pem.decode()


def body(pem: str) -> str:
    """The lines between BEGIN and END."""
    return "\n".join(line for line in pem.splitlines() if "-----" not in line)


@pytest.mark.parametrize("pem", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("form", ["lines", "one line", "other lines", "words", "escaped", "begun"])
def test_a_body_without_its_pem_lines(pem: str, form: str) -> None:
    """What its first bytes say to be a key goes, to its end; what stands before and after stays."""
    whole = body(pem).replace("\n", "")
    printed = {
        "lines": body(pem),
        "one line": whole,
        "other lines": "\n".join(wrap(whole, 30)),
        "words": " ".join(wrap(whole, 64)),
        "escaped": rf"\n{body(pem)}".replace("\n", r"\n"),
        "begun": whole[:40],
    }[form]
    before = r"\n" if form == "escaped" else ""
    end = ". after" if form == "begun" else "\nafter"
    assert without_keys(f"before\n{printed}{end}") == f"before\n{before}[redacted]{end}"


@pytest.mark.parametrize("pem", KEYS.values(), ids=KEYS)
def test_the_numbers_of_a_key(pem: str) -> None:
    """As openssl-pkey(1) prints them with ``-text``: the secret ones go, the public ones stay."""
    command = ["openssl", "pkey", "-noout", "-text"]
    printed = subprocess.run(command, input=pem, capture_output=True, text=True, check=True, timeout=20).stdout
    public = subprocess.run([*command, "-text_pub"], input=pem, capture_output=True, text=True, check=True, timeout=20).stdout
    pairs = {line for line in printed.splitlines() if line.strip()[2:3] == ":"}
    secret = pairs - set(public.splitlines())
    left = without_keys("\n".join(f"log: {line}" for line in printed.splitlines()))
    assert (len(secret) >= 2, [line for line in secret if line in left]) == (True, [])
    assert [line for line in pairs - secret if line not in left] == []


@pytest.mark.parametrize(
    "text",
    [
        CERTIFICATE,
        body(CERTIFICATE),
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
        "M" * 1000,
        "pub:\n    04:32:59\nserial:\n    0a:0b",
        "exit status: 3\npriv:\nnothing",
    ],
    ids=["certificate", "its body", "public key", "no DER", "public numbers", "a heading"],
)
def test_what_is_public(text: str) -> None:
    """It is shown as it is, also when the key of somebody is known."""
    known = frozenset(bodies("".join(KEYS.values())))
    assert (without_keys(text), without_keys(text, known)) == (text, text)


@pytest.mark.parametrize("pem", [KEYS["rsa"], KEYS["ec"]], ids=["rsa", "ec"])
@pytest.mark.parametrize(
    "command", ["tail -n +3 | grep -v -- -----", "sed 's/^/log: /'", "tail -n +3 | grep -v -- ----- | tr -d '\\n' | fold -w 70"]
)
@pytest.mark.parametrize("holder", ["key", "combined", "kubeconfig"])
def test_a_key_of_the_owner(tmp_path: Path, pem: str, command: str, holder: str) -> None:
    """A part of it that nothing else would tell is known from the owner's own files."""
    (tmp_path / "printed").write_text(pem, encoding="ascii")
    path = tmp_path / holder
    encoded = b64encode(pem.encode()).decode()
    path.write_text(f"user:\n  client-key-data: {encoded}\n" if holder == "kubeconfig" else CERTIFICATE + pem, "ascii")
    hook = ExecHook(argv=("/bin/sh", "-c", f"echo why; cat {tmp_path}/printed | {command}; exit 3"))
    result = run_here(hook, occasion=replace(OCCASION, paths={holder: str(path)}))
    whole, output = body(pem).replace("\n", ""), result.output.replace("\n", "")
    shown = [whole[at : at + 8] for at in range(len(whole) - 7) if whole[at : at + 8] in output]
    assert (result.detail, result.output.splitlines()[0], shown) == ("it exited with status 3", "why", [])


def test_a_hook_that_leaves_the_pem_lines_out(tmp_path: Path) -> None:
    """The whole way, with a key that its file no longer holds: nothing of it is in the result."""
    (tmp_path / "key").write_text(KEYS["ec"], encoding="ascii")
    hook = ExecHook(argv=("/bin/sh", "-c", 'grep -v -- ----- "$PKI_KEY"; rm "$PKI_KEY"; echo failed.; exit 3'))
    result = run_here(hook, occasion=replace(OCCASION, paths={"key": str(tmp_path / "key")}))
    assert (result.status, result.output) == ("failed", "[redacted]\nfailed.")


def test_encoded_once_more() -> None:
    """A middle part of a kubeconfig's data is known as well."""
    encoded = b64encode(KEYS["ec"].encode()).decode()
    known = frozenset(bodies(f"client-key-data: {encoded}"))
    assert without_keys(f"x: {encoded[70:150]}", known) == "x: [redacted]"
