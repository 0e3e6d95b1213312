"""Invariants over random desired states, through the real commands and a real directory."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.inprocess import Home

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon")
KEYS = ("ecdsa-p256", "ecdsa-p384", "ed25519")
OUTPUTS = ("pem", "fullchain", "combined", "der", "pkcs12")
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
def place(document: dict[str, Any]) -> Iterator[Home]:
    """A directory with the document and a password."""
    with tempfile.TemporaryDirectory() as directory:
        home = Home(path=Path(directory))
        (home.path / "password").write_text("correct horse\n", encoding="utf-8")
        home.write(document)
        yield home


@settings(max_examples=25, suppress_health_check=SLOW)
@given(desired_states())
def test_one_apply_converges(document: dict[str, Any]) -> None:
    """After one apply the plan is empty, with the state directory and without it."""
    with place(document) as home:
        said = home.apply()
        assert said.code == 0, said
        said = home.call("plan", "--detailed-exitcode")
        assert said.code == 0, said
        shutil.rmtree(home.path / "state")
        said = home.call("plan", "--detailed-exitcode")
        assert said.code == 0, said


@settings(max_examples=15, suppress_health_check=SLOW)
@given(desired_states(), st.randoms(use_true_random=False))
def test_order_in_the_file_does_not_matter(document: dict[str, Any], chance: random.Random) -> None:
    """A shuffled document gives the same plan, byte for byte, but for the digest of the file."""
    shuffled = _shuffle(document, chance)
    with place(document) as home:
        plan = home.plan().out
        home.write(json.dumps(shuffled))
        assert _without_digest(home.plan().out) == _without_digest(plan)


@settings(max_examples=10, suppress_health_check=SLOW)
@given(desired_states())
def test_no_key_is_ever_told(document: dict[str, Any]) -> None:
    """No form of any private key stands in what is printed, logged, planned or recorded."""
    with place(document) as home:
        said = [home.apply("-vv"), home.apply("--log-format", "json")]
        document["components"][next(iter(document["components"]))]["reissue"] = "now"
        home.write(document)
        saved = home.path / "state" / "saved-plan"
        said += [home.call("plan", "-vv", "--out", str(saved))]
        said += [home.call("plan", "--format", form) for form in ("json", "markdown", "github")]
        said += [home.call("status", "--format", form) for form in ("table", "json", "csv")]
        said += [home.call("inventory", "--format", form) for form in ("json", "csv", "html")]
        said += [home.call("show", "desired"), home.call("apply", str(saved))]
        assert [one.code for one in said] == [0] * len(said)
        heap = "".join(one.out + one.log for one in said).encode()
        heap += b"".join(file.read_bytes() for file in (home.path / "state").rglob("*") if file.is_file())
        keys = set(_keys_below(home.path / "store"))
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


def _without_digest(plan: str) -> str:
    return re.sub(r'"sha256":"[0-9a-f]{64}"', "", plan)
