"""Signing requests for tests: made by openssl, by the names of their keys, and the desired states that hold them."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import yaml

from reconciler.desired.compile import Compiled, compile_state
from reconciler.desired.diagnostics import Diagnostic, InvalidDesiredStateError
from reconciler.desired.load import load
from tests.desired.memory_source import MemorySource

HEAD: Final = "apiVersion: cluster-pki/v1\ncluster: demo\ncas: {kubernetes: {path: ca}}\n"
MAIN: Final = "cluster-pki.yaml"
CLIENT: Final = "kubernetes.io/kube-apiserver-client"

#: Arguments of ``openssl genpkey`` by type of key.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "ecdsa-p256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "ecdsa-p384": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "ecdsa-p521": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"),
    "rsa-2048": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    "rsa-1024": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
    "rsa-e3": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"),
    "ed25519": ("-algorithm", "ED25519"),
    "ed448": ("-algorithm", "ED448"),
}


def key_pem(key: str = "ecdsa-p256", holder: str = "jane") -> str:
    """The private key of somebody: the same in the whole run."""
    return _key(key, holder)


@lru_cache(maxsize=64)
def _key(key: str, holder: str) -> str:
    del holder
    return _openssl("genpkey", *KEYS[key])


@lru_cache(maxsize=256)
def csr(
    subject: str = "/CN=jane",
    *,
    key: str = "ecdsa-p256",
    holder: str = "jane",
    ext: Sequence[str] = (),
    options: Sequence[str] = ("-utf8",),
    config: str = "",
) -> str:
    """A request in PEM.

    Args:
        subject: as ``-subj`` takes it.
        key: one of `KEYS`.
        holder: whose key.
        ext: each as ``-addext`` takes it.
        options: further ones of ``openssl req``.
        config: further lines of its configuration, in the section of the request.
    """
    with TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "key").write_text(key_pem(key, holder))
        (directory / "cnf").write_text(f"[req]\ndistinguished_name = dn\nprompt = no\n{config}\n[dn]\n")
        extensions = [word for each in ext for word in ("-addext", each)]
        return _openssl(
            *("req", "-new", "-config", str(directory / "cnf"), "-key", str(directory / "key"), "-subj", subject),
            *extensions,
            *options,
        )


def manifest(request: str, /, *, signer: str = CLIENT, usages: Sequence[str] = ("client auth",), **spec: object) -> str:
    """A Kubernetes object for a request."""
    return yaml.safe_dump(
        {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": "jane"},
            "spec": {
                "request": base64.b64encode(request.encode()).decode(),
                "signerName": signer,
                "usages": list(usages),
                **spec,
            },
        },
        sort_keys=False,
    )


def entry(text: str = "", *, csr: str = "requests/jane.csr", ca: str = "ca: kubernetes, ") -> str:
    """The section with one request; `text` are further fields in YAML flow."""
    return f"requests:\n  jane: {{csr: {csr}, {ca}{text}}}\n"


def compiled(main: str, files: Mapping[str, str | bytes]) -> Compiled:
    """Loads and compiles a desired state in memory."""
    content = {MAIN: main, **files}
    data = {name: each.encode() if isinstance(each, str) else each for name, each in content.items()}
    return compile_state(load(MemorySource(data)), node=None, root="")


def diagnostics(main: str, files: Mapping[str, str | bytes]) -> tuple[Diagnostic, ...]:
    """Everything that is said about a desired state, whether it compiles or not."""
    try:
        return compiled(main, files).diagnostics
    except InvalidDesiredStateError as error:
        return error.diagnostics


def said(main: str, files: Mapping[str, str | bytes]) -> list[tuple[str, str]]:
    """Code and message of each diagnostic."""
    return [(each.code, each.message) for each in diagnostics(main, files)]


def _openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True)
    return done.stdout
