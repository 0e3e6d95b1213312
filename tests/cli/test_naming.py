"""Pairs whose files are called as cfssl calls them, through the real commands: openssl says what stands in them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.inprocess import Home
from tests.outside_ca import outside_ca

CFSSL: Final = {"certificate": ".pem", "key": "-key.pem"}


def document(layout: str = "generations", **ca: object) -> dict[str, Any]:
    """A CA, a server, and a person whose kubeconfig refers to files."""
    return {
        "apiVersion": "cluster-pki/v1",
        "cluster": "demo",
        "stores": {"files": {"type": "file", "root": "/store", "layout": layout}},
        "cas": {"main": {"path": "ca", "naming": dict(CFSSL), **ca}},
        "components": {
            "api": {
                "ca": "main",
                "usages": ["server auth"],
                "sans": {"dns": ["api.test"]},
                "path": "pki/api",
                "naming": dict(CFSSL),
                "outputs": ["pem", "fullchain"],
            },
            "jane": {"ca": "main", "usages": ["client auth"], "path": "pki/jane", "naming": dict(CFSSL)},
        },
        "bundles": {"trust": {"cas": ["main"], "path": "ca.pem"}},
        "kubeconfigs": {
            "jane": {
                "component": "jane",
                "bundle": "trust",
                "server": "https://api.test:6443",
                "path": "jane.conf",
                "embed": False,
            }
        },
    }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Nothing is made yet."""
    return Home(path=tmp_path)


def names(home: Home) -> list[str]:
    """What readers see."""
    store = home.path / "store"
    return sorted(
        str(path.relative_to(store))
        for path in store.rglob("*")
        if "/." not in f"/{path.relative_to(store)}" and not path.is_dir()
    )


def judge(home: Home, trust: str, leaf: str) -> None:
    """Openssl accepts a certificate, and the key beside it is its own."""
    store = home.path / "store"
    subprocess.run(["openssl", "verify", "-CAfile", store / trust, store / f"{leaf}.pem"], check=True)
    public = (
        subprocess.run(["openssl", *words], capture_output=True, check=True).stdout
        for words in (
            ("x509", "-noout", "-pubkey", "-in", store / f"{leaf}.pem"),
            ("pkey", "-pubout", "-in", store / f"{leaf}-key.pem"),
        )
    )
    assert len(set(public)) == 1


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_everything_is_under_its_names(home: Home, layout: str) -> None:
    """Files, what refers to them, what is shown of them; and a plan afterwards is empty."""
    home.write(document(layout))
    assert home.apply().code == 0
    assert names(home) == [
        *("ca-key.pem", "ca.pem", "jane.conf", "pki/api-key.pem", "pki/api.fullchain.crt", "pki/api.pem"),
        *("pki/jane-key.pem", "pki/jane.pem"),
    ]
    for leaf in ("pki/api", "pki/jane"):
        judge(home, "ca.pem", leaf)
    assert home.call("plan", "--detailed-exitcode").code == 0
    (user,) = yaml.safe_load((home.path / "store/jane.conf").read_text())["users"]
    assert (user["user"]["client-certificate"], user["user"]["client-key"]) == ("/store/pki/jane.pem", "/store/pki/jane-key.pem")
    rows = {row["address"]: row["paths"] for row in home.call("status", "--format", "json").json["resources"]}
    store = str(home.path / "store")
    assert rows["component.api"] == {
        "certificate": f"{store}/pki/api.pem",
        "key": f"{store}/pki/api-key.pem",
        "fullchain": f"{store}/pki/api.fullchain.crt",
    }
    assert rows["ca.main"] == {"certificate": f"{store}/ca.pem", "key": f"{store}/ca-key.pem"}
    assert home.call("verify").code == 0


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_damage_is_seen_and_mended(home: Home, layout: str) -> None:
    """A key that is another's, and a mode; the state may be lost as well."""
    home.write(document(layout))
    home.apply()
    key = home.path / "store/pki/api-key.pem"
    key.chmod(0o644)
    assert home.plan().changes()["component.api"] == ("repair", ("ModeDrift",))
    assert home.apply().code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    real = key.resolve()
    real.write_bytes((home.path / "store/pki/jane-key.pem").read_bytes())
    assert home.plan().changes()["component.api"][1] == ("KeyMismatch",)
    assert home.apply().code == 0
    judge(home, "ca.pem", "pki/api")
    if layout == "generations":
        (home.path / "state/inventory.json").unlink()
        assert home.call("plan", "--detailed-exitcode").code == 0


def test_a_ca_rotates_and_its_generations_have_its_names(home: Home) -> None:
    """The trust file that was the CA's own stands beside it from then on, under a name of the same kind."""
    home.write(document())
    home.apply()
    home.write(document(generation=2, rotation={"soak": "0s"}))
    for _ in range(2):
        assert home.apply().code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0
    found = names(home)
    assert [name for name in found if name.startswith("ca")] == [
        *("ca-bundle.pem", "ca-key.pem", "ca.g1-key.pem", "ca.g1.pem", "ca.g2-key.pem", "ca.g2.pem", "ca.pem"),
    ]
    assert (home.path / "store/ca.pem").read_bytes() == (home.path / "store/ca.g2.pem").read_bytes()
    judge(home, "ca-bundle.pem", "pki/api")


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_another_naming_is_another_place(home: Home, layout: str) -> None:
    """A new certificate; files of before that stay are told. A CA is not made anew because it is called otherwise."""
    home.write(document(layout))
    home.apply()
    wanted = document(layout)
    del wanted["components"]["api"]["naming"]
    home.write(wanted)
    plan = home.plan()
    assert set(plan.changes()) == {"component.api"}
    left = ["pki/api-key.pem", "pki/api.pem"] if layout == "plain" else []
    assert [each["code"] for each in plan.json["diagnostics"]] == ["moved"] * bool(left)
    assert all(f"{home.path}/store/{name}" in plan.json["diagnostics"][0]["detail"] for name in left)
    assert home.apply().code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0
    own = ["pki/api.crt", "pki/api.fullchain.crt", "pki/api.key"]
    assert [name for name in names(home) if "api" in name] == sorted((*own, *left))
    key = (home.path / "store/ca-key.pem").read_bytes()
    del wanted["cas"]["main"]["naming"]
    wanted["bundles"]["trust"]["path"] = "ca.crt"
    home.write(wanted)
    refused = home.apply()
    assert refused.code == 1
    assert f"{home.path}/store/ca.crt" in refused.out + refused.log
    assert (home.path / "store/ca-key.pem").read_bytes() == key


@pytest.mark.parametrize("before", ["generations", "plain"])
def test_another_layout_with_other_names_tells_what_stays(home: Home, before: str) -> None:
    """Links into generations are taken away in both; ordinary files stay, and are told."""
    wanted = document(before)
    home.write(wanted)
    home.apply()
    wanted["stores"]["files"]["layout"] = "plain" if before == "generations" else "generations"
    del wanted["components"]["api"]["naming"]
    home.write(wanted)
    told = [each["detail"] for each in home.plan().json["diagnostics"]]
    assert home.apply().code == 0
    left = {"pki/api-key.pem", "pki/api.pem"} & set(names(home))
    assert left == (set() if before == "generations" else {"pki/api-key.pem", "pki/api.pem"})
    assert len(told) == bool(left)
    assert all(f"{home.path}/store/{name}" in told[0] for name in left)


def test_a_ca_outside_answers_beside_the_same_names(home: Home) -> None:
    """The request and the answer are called as always; what is published is called as asked for."""
    outside = outside_ca(home.path / "elsewhere")
    wanted = document(issuer={"external": {}})
    del wanted["components"]["jane"], wanted["kubeconfigs"]
    home.write(wanted)
    (home.path / "store").mkdir()
    (home.path / "store/ca.pem").write_bytes(outside.certificate.read_bytes())
    assert home.apply().code == 0
    pki = home.path / "store/pki"
    outside.sign(pki / "api.next.csr", pki / "api.next.crt")
    assert home.apply().code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0
    assert sorted(path.name for path in pki.iterdir() if not path.name.startswith(".")) == [
        *("api-key.pem", "api.fullchain.crt", "api.pem"),
    ]
    judge(home, "ca.pem", "pki/api")


def test_what_leaves_takes_its_files_along(home: Home) -> None:
    """By the names that its record has."""
    home.write({**document(), "prune": True})
    home.apply()
    wanted = {**document(), "prune": True}
    del wanted["components"]["api"]
    home.write(wanted)
    assert home.apply().code == 0
    assert [name for name in names(home) if "api" in name] == []
