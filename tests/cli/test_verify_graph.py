"""``verify``: a handshake for every connection, with the files and keys that are on disk; and with what is planned."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from reconciler.cli.schema import SCHEMAS
from reconciler.observed.gather import gather
from reconciler.plan.schema import schema_text
from reconciler.proof.published import Published
from reconciler.proof.trials import Prover
from reconciler.proof.twins import Twins
from reconciler.trust.proofs import prove_state
from reconciler.x509.build import issue, new_serial
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import Subject
from reconciler.x509.profile import Request, validity
from reconciler.x509.read import read_certificates
from tests.desired.compiling import CENTRAL, kubernetes, state_of
from tests.inprocess import Home
from tests.trust.scenes import ENDPOINT, SMALL, failures

TEXT = kubernetes(ENDPOINT, nodes=SMALL, stores=CENTRAL)
SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "verification.v1.schema.json"
CP_1, W_1 = "nodes/cp-1/etc/kubernetes", "nodes/w-1/etc/kubernetes"
KUBELET = "nodes/w-1/var/lib/kubelet/pki"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small cluster as apply makes it."""
    home = Home(path=tmp_path_factory.mktemp("original"))
    home.write(TEXT)
    assert home.apply().code == 0
    return home.path


@pytest.fixture
def home(original: Path, tmp_path: Path) -> Home:
    """A copy of it to damage."""
    shutil.copytree(original, tmp_path / "home", symlinks=True)
    return Home(path=tmp_path / "home")


def put(home: Home, name: str, data: bytes) -> None:
    """An ordinary file in place of what was there."""
    path = home.path / name
    path.unlink()
    path.write_bytes(data)


def data(home: Home, name: str) -> bytes:
    """What a file holds."""
    return (home.path / name).read_bytes()


def reissue(home: Home, name: str, ca: str, **fields: object) -> None:
    """Another certificate and key, signed by a CA of the cluster: these fields differ from what was there."""
    facts = read_certificates(data(home, f"{name}.crt"))[0].facts
    issuer = read_certificates(data(home, f"authority/{ca}/ca.crt"))[0]
    not_before, not_after = validity(facts.not_before, facts.not_after - facts.not_before, issuer.facts)
    asked: dict[str, object] = {
        "subject": facts.subject,
        "sans": facts.sans,
        "usages": facts.usages,
        "not_before": max(not_before, issuer.facts.not_before),
        "not_after": not_after,
    }
    key = PrivateKey.generate(KeyAlgorithm.ECDSA_P256)
    request = Request(**asked | fields, serial=new_serial())  # type: ignore[arg-type]
    signer = PrivateKey.from_pem(data(home, f"authority/{ca}/ca.key"))
    put(home, f"{name}.crt", issue(request, key.public_key, issuer, signer).pem)
    put(home, f"{name}.key", key.pem())


def swap(name: str, other: str) -> Callable[[Home], None]:
    """A file with the content of another."""
    return lambda home: put(home, name, data(home, other))


def kubeconfig_of_another_ca(home: Home) -> None:
    """A kubeconfig that trusts the front proxy's CA."""
    import base64  # noqa: PLC0415 - one kind of damage needs it

    name = f"{CP_1}/scheduler.conf"
    ca = base64.b64encode(data(home, "authority/front-proxy/ca.crt")).decode()
    put(home, name, re.sub(rb"(certificate-authority-data: ).*", rb"\g<1>" + ca.encode(), data(home, name)))


DAMAGE: dict[str, tuple[Callable[[Home], None], dict[str, tuple[str, ...]]]] = {
    "nothing": (lambda _: None, {}),
    "a bundle of another CA": (
        swap(f"{W_1}/pki/ca.crt", "authority/front-proxy/ca.crt"),
        {"E5": ("Untrusted",), "E10": ("Untrusted",)},
    ),
    "the key of another": (
        swap(f"{KUBELET}/kubelet.key", f"{CP_1}/pki/apiserver.key"),
        {"E5": ("KeyMismatch",)},
    ),
    "no key": (lambda home: (home.path / f"{KUBELET}/kubelet.key").unlink(), {"E5": ("Missing",)}),
    "a torn file": (lambda home: put(home, f"{KUBELET}/kubelet.crt", b"-----BEGIN CERT"), {"E5": ("Unreadable",)}),
    "a peer that is only a server": (
        lambda home: reissue(home, f"{CP_1}/pki/etcd/peer", "etcd", usages=("server auth",)),
        {"E2": ("UsageMismatch",)},
    ),
    "a name too few": (
        lambda home: reissue(
            home, f"{CP_1}/pki/apiserver", "kubernetes", sans=("ip:192.0.2.11", "dns:kubernetes.default.svc", "ip:10.96.0.1")
        ),
        dict.fromkeys(("E6", "E9", "E10", "E20"), ("HostMismatch",)),
    ),
    "another front proxy": (
        lambda home: reissue(home, f"{CP_1}/pki/front-proxy-client", "front-proxy", subject=Subject(common_name="other")),
        {"E11": ("HeaderName",), "E13": ("HeaderName",)},
    ),
    "a client of another CA": (
        lambda home: reissue(home, f"{CP_1}/pki/apiserver-etcd-client", "kubernetes"),
        {"E1": ("Untrusted",)},
    ),
    "a kubeconfig of another CA": (kubeconfig_of_another_ca, {"E8": ("Untrusted",)}),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_on_disk_is_found_where_it_matters(name: str, home: Home) -> None:
    """The edges that fail, by code; twins come to the same verdict as the files themselves."""
    damage, failing = DAMAGE[name]
    damage(home)
    said = home.call("verify", "--format", "json")
    assert (said.code, found(said.json)) == (1 if failing else 0, failing)
    desired = state_of(TEXT, root=str(home.path))
    observed = gather(desired)
    documents = [prove_state(desired, observed, Prover(each), at=soon(home)) for each in (Published(desired), Twins())]
    assert [failures(document) for document in documents] == [failing, failing]


def soon(home: Home) -> datetime:
    """A time at which everything is valid, also by a slow clock."""
    return read_certificates(data(home, "authority/etcd/ca.crt"))[0].facts.not_before + timedelta(hours=1)


def found(document: dict[str, object]) -> dict[str, tuple[str, ...]]:
    """The codes of what fails, by edge."""
    codes: dict[str, set[str]] = {}
    for edge in document["edges"]:  # type: ignore[attr-defined]
        for problem in edge["problems"]:
            codes.setdefault(edge["id"], set()).add(problem["code"])
    return {identity: tuple(sorted(those)) for identity, those in codes.items()}


def test_the_table_for_people(home: Home) -> None:
    """A row a kind of connection, and the sum."""
    said = home.call("verify")
    lines = said.out.splitlines()
    assert (said.code, said.log) == (0, "")
    assert lines[0].split()[:4] == ["EDGE", "FROM", "TO", "DIALS"]
    assert [line.split()[0] for line in lines[1 : lines.index("")]] == [
        "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E9", "E10", "E10", "E11", "E13", "E20",
    ]  # fmt: skip
    assert lines[-1] == "13 edges, 56 connections: all get through."


def test_what_fails_is_told_below_the_table(home: Home) -> None:
    """Edge, reason, files and addresses."""
    (home.path / f"{KUBELET}/kubelet.key").unlink()
    said = home.call("verify")
    assert said.code == 1
    assert (
        f"""
E5 API server to kubelet: 2 connections fail
  Missing: the key of component.kubelet-serving[w-1] is missing ({home.path}/{KUBELET}/kubelet.key).
  from component.apiserver-kubelet-client[cp-1], component.apiserver-kubelet-client[cp-2]
  to   component.kubelet-serving[w-1]
"""
        in said.out
    )
    assert said.out.endswith("13 edges, 56 connections: 2 of them in 1 edge fail.\n")


def test_the_document_has_its_schema(home: Home) -> None:
    """The published schema is the types', and what is printed fits it, sound or broken."""
    schema = SCHEMAS["verification"]()
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    sound = home.call("verify", "--format", "json").json
    (home.path / f"{KUBELET}/kubelet.key").unlink()
    for document in (
        sound,
        home.call("verify", "--format", "json").json,
        home.call("verify", "--every-phase", "--format", "json").json,
    ):
        jsonschema.validate(document, schema)
    assert (sound["format_version"], sound["cluster"], sound["scope"]) == ("1.0", "demo", "disk")


@pytest.mark.parametrize("form", ["text", "json", "svg", "html"])
def test_nothing_that_is_printed_holds_a_key_and_nothing_is_changed(form: str, home: Home) -> None:
    """Keys are read for their handshakes alone; no file comes or goes, no state directory is made."""
    shutil.rmtree(home.path / "state")
    before = {path: path.lstat().st_mtime_ns for path in home.path.rglob("*")}
    said = home.call("verify", "--format", form)
    assert said.code == 0
    assert "PRIVATE KEY" not in said.out + said.log
    secrets = [b"".join(path.read_bytes().splitlines()[1:-1]).decode() for path in home.path.rglob("*.key")]
    assert secrets
    assert not any(secret[40:80] in said.out for secret in secrets)
    assert {path: path.lstat().st_mtime_ns for path in home.path.rglob("*")} == before


def test_the_picture_is_a_picture(home: Home) -> None:
    """SVG that stands alone, and a page that holds it."""
    root = ET.fromstring(home.call("verify", "--format", "svg").out)  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "<svg " in home.call("verify", "--format", "html").out


def test_another_time(home: Home) -> None:
    """In eleven months all is well; in thirteen every certificate but the CAs' has expired."""
    assert home.call("verify", "--at", "+330d").code == 0
    late = home.call("verify", "--at", "+390d", "--format", "json")
    assert (late.code, set(found(late.json).values())) == (1, {("Expired",)})


def test_what_is_planned(tmp_path: Path) -> None:
    """On a machine where nothing is yet the plan is proven all the same, with twins; what is there now is not."""
    home = Home(path=tmp_path)
    home.write(TEXT)
    plan, now = home.call("verify", "--plan", "--format", "json"), home.call("verify", "--format", "json")
    assert (plan.code, plan.json["scope"], found(plan.json)) == (0, "plan", {})
    assert (now.code, set(found(now.json).values())) == (1, {("Missing",)})
    assert not (tmp_path / "nodes").exists()


def test_every_phase_of_an_ordinary_change(home: Home) -> None:
    """One more name in a certificate breaks nothing, whichever node applies first."""
    home.write(TEXT.replace(ENDPOINT, f"{ENDPOINT}, certSANs: {{dns: [more.example.com]}}"))
    said = home.call("verify", "--every-phase", "--format", "json")
    assert (said.code, said.json["scope"], said.json["summary"]["moments"]) == (0, "every-phase", 2)


def test_a_change_of_names_that_cannot_be_done_at_once(home: Home) -> None:
    """A new endpoint is in kubeconfigs and in certificates: a kubeconfig that comes first finds no server of that name."""
    home.write(TEXT.replace("api.demo.internal", "api.elsewhere.internal"))
    assert home.call("verify", "--plan").code == 0
    said = home.call("verify", "--every-phase", "--format", "json")
    assert said.code == 1
    assert set(found(said.json)) >= {"E10", "E20"}


def test_a_pki_without_edges_says_how_to_declare_some(tmp_path: Path) -> None:
    """Nothing to prove is not a failure of anybody's pipeline."""
    home = Home(path=tmp_path)
    home.write("apiVersion: cluster-pki/v1\ncluster: demo\ncas: {root: {path: root}}\n")
    said = home.call("verify")
    assert (said.code, said.out) == (
        0,
        "There is no edge to verify: without `kubernetes:`, declare some under `edges:`.\n",
    )
    assert json.loads(home.call("verify", "--format", "json").out)["edges"] == []
    assert home.call("verify", "--format", "svg").code == 0


def test_files_that_change_meanwhile_are_not_mistaken_for_what_was_seen(home: Home) -> None:
    """What a handshake is made with is what was judged, or the edge says that it could not be tried."""
    desired = state_of(TEXT, root=str(home.path))
    observed = gather(desired)
    reissue(home, f"{CP_1}/pki/etcd/server", "etcd")
    document = prove_state(desired, observed, Prover(Published(desired)), at=soon(home))
    assert {(edge.id, problem.code, problem.message) for edge in document.edges for problem in edge.problems} == {
        (
            identity,
            "Refused",
            "it could not be tried: the files of component.etcd-server[cp-1] have changed since they were looked at",
        )
        for identity in ("E1", "E3", "E4")
    }
