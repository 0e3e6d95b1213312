"""Invariants over random desired states, through the real commands and a real directory."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.cli.main import main

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon")
KEYS = ("ecdsa-p256", "ecdsa-p384", "ed25519")
OUTPUTS = ("pem", "fullchain", "combined", "der", "pkcs12")
RESULT = "\n--- result ---\n"
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@st.composite
def desired_states(draw: st.DrawFn) -> dict[str, Any]:
    """Valid documents: roots and intermediates, components of every shape, bundles, kubeconfigs, keypairs, both layouts."""
    layout = draw(st.sampled_from(("generations", "plain")))
    cas: dict[str, Any] = {"root": {"path": "ca/root", "key": draw(st.sampled_from(KEYS))}}
    if draw(st.booleans()):
        cas["middle"] = {"path": "ca/middle", "issuer": "root", "lifetime": "5y", "key": draw(st.sampled_from(KEYS))}
    components: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        usages = draw(st.sampled_from((["server auth"], ["client auth"], ["server auth", "client auth"])))
        outputs = draw(st.lists(st.sampled_from(OUTPUTS), min_size=1, max_size=3, unique=True))
        if not {"pem", "combined"} & set(outputs):
            outputs = ["pem", *outputs]
        components[name] = {
            "ca": draw(st.sampled_from(sorted(cas))),
            "usages": usages,
            "sans": {
                "dns": [f"{name}.test"],
                "ip": draw(st.lists(st.sampled_from(("192.0.2.1", "2001:db8::1")), unique=True)),
                "uri": draw(st.lists(st.sampled_from(("spiffe://test/a", "spiffe://test/b")), unique=True)),
            },
            "subject": {"commonName": name, "organizations": draw(st.lists(st.sampled_from(("x", "y")), unique=True))},
            "key": draw(st.sampled_from(KEYS)),
            "lifetime": draw(st.sampled_from(("30d", "1y", "12h"))),
            "rotateKey": draw(st.sampled_from(("always", "never"))),
            "path": f"pki/{name}/tls",
            "outputs": outputs,
            "mode": draw(st.sampled_from(("0600", "0640", "0400"))),
        }
        if "pkcs12" in outputs:
            components[name]["pkcs12"] = {"passwordFile": "/password"}
    document: dict[str, Any] = {
        "apiVersion": "cluster-pki/v1",
        "cluster": "random",
        "stores": {"files": {"type": "file", "root": "/store", "layout": layout}},
        "cas": cas,
        "components": components,
        "bundles": {"trust": {"cas": sorted(cas), "path": "trust.crt"}},
        "keypairs": {"sa": {"path": "sa", "key": "ecdsa-p256"}},
    }
    if draw(st.booleans()):
        document["components"]["person"] = {"ca": "root", "usages": ["client auth"]}
        document["kubeconfigs"] = {
            "person": {"component": "person", "bundle": "trust", "server": "https://api.test:6443", "path": "person.conf"}
        }
    return document


@contextlib.contextmanager
def place(document: dict[str, Any]) -> Iterator[Path]:
    """A directory with the document (JSON is YAML) and a password."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        (home / "password").write_text("correct horse\n", encoding="utf-8")
        (home / "cluster-pki.yaml").write_text(json.dumps(document), encoding="utf-8")
        yield home


def call(home: Path, *arguments: str) -> tuple[int, str]:
    """Runs a command in this process; returns its exit code and everything it said, results after the log."""
    result, log = io.StringIO(), io.StringIO()
    common = ("-f", str(home / "cluster-pki.yaml"), "--root", str(home), "--state-dir", str(home / "state"))
    with contextlib.redirect_stdout(result), contextlib.redirect_stderr(log):
        code = main([*arguments, *common])
    return code, f"{log.getvalue()}{RESULT}{result.getvalue()}"


@pytest.fixture(autouse=True)
def no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands run inside the test runner, whose signals and umask are its own."""
    monkeypatch.setattr("reconciler.cli.run.signal.signal", lambda *_: None)
    monkeypatch.setattr("reconciler.cli.interrupt.signal.signal", lambda *_: None)
    monkeypatch.setattr("reconciler.cli.run.os.umask", lambda _: 0o022)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(desired_states())
def test_one_apply_converges(document: dict[str, Any]) -> None:
    """After one apply the plan is empty, with the state directory and without it."""
    with place(document) as home:
        code, said = call(home, "apply", "--auto-approve")
        assert code == 0, said
        code, said = call(home, "plan", "--detailed-exitcode")
        assert code == 0, said
        for file in (home / "state").iterdir():
            if file.is_file():
                file.unlink()
        code, said = call(home, "plan", "--detailed-exitcode")
        assert code == 0, said


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
@given(desired_states(), st.randoms(use_true_random=False))
def test_order_in_the_file_does_not_matter(document: dict[str, Any], chance: random.Random) -> None:
    """A shuffled document gives the same plan, byte for byte, but for the digest of the file."""
    shuffled = _shuffle(document, chance)
    with place(document) as home:
        _, plan = call(home, "plan", "--format", "json")
        (home / "cluster-pki.yaml").write_text(json.dumps(shuffled), encoding="utf-8")
        _, again = call(home, "plan", "--format", "json")
        assert _without_digest(again) == _without_digest(plan)


@settings(max_examples=10, deadline=None, suppress_health_check=SLOW)
@given(desired_states())
def test_no_key_is_ever_told(document: dict[str, Any]) -> None:
    """No form of any private key stands in what is printed, logged, planned or recorded."""
    with place(document) as home:
        said = [call(home, "apply", "--auto-approve", "-vv")[1], call(home, "apply", "--auto-approve", "--log-format", "json")[1]]
        document["components"][next(iter(document["components"]))]["lifetime"] = "20d"
        (home / "cluster-pki.yaml").write_text(json.dumps(document), encoding="utf-8")
        saved = home / "state" / "saved-plan"
        said += [call(home, "plan", "-vv", "--out", str(saved))[1]]
        said += [call(home, "plan", "--format", form)[1] for form in ("json", "markdown", "github")]
        said += [call(home, "status", "--format", form)[1] for form in ("table", "json", "csv")]
        said += [call(home, "inventory", "--format", form)[1] for form in ("json", "csv", "html")]
        said += [call(home, "show", "desired")[1], call(home, "apply", str(saved))[1]]
        heap = "\n".join(said).encode() + b"".join(f.read_bytes() for f in (home / "state").rglob("*") if f.is_file())
        keys = set(_keys_below(home / "store"))
        assert keys
        for der in keys:
            text = base64.b64encode(der)
            for form in (der, der.hex().encode(), text, text[20:60], base64.b64encode(text)[20:60]):
                assert form not in heap


def _keys_below(directory: Path) -> Iterator[bytes]:
    """The DER of every private key in every PEM file and kubeconfig."""
    for file in directory.rglob("*"):
        if not file.is_file():
            continue
        data = file.read_bytes()
        data += b"".join(base64.b64decode(found) for found in re.findall(rb"client-key-data: (\S+)", data))
        for block in re.findall(rb"-----BEGIN PRIVATE KEY-----(.*?)-----END", data, re.DOTALL):
            yield base64.b64decode(block)


def _shuffle(value: object, chance: random.Random) -> object:
    """The same mappings in another order."""
    if not isinstance(value, dict):
        return value
    keys = list(value)
    chance.shuffle(keys)
    return {key: _shuffle(value[key], chance) for key in keys}


def _without_digest(said: str) -> str:
    return re.sub(r'"sha256":"[0-9a-f]{64}"', "", said.partition(RESULT)[2])
