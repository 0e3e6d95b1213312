"""``cluster-pki discover`` on the files of whole clusters, from reading them to an exit code.

After a change that is meant, ``CLUSTER_PKI_TEST_GOLDEN=write pytest tests/cli/test_discover.py`` writes the golden file anew.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import jsonschema
import pytest

from reconciler.cli.discover_write import identity
from reconciler.render.discover_columns import WIDTH
from reconciler.render.discoveries import RENDERERS
from tests.clusters.by_hand import by_hand
from tests.clusters.k0s import k0s
from tests.clusters.k3s import k3s
from tests.clusters.kubeadm import kubeadm
from tests.clusters.plain import plain
from tests.clusters.rke2 import rke2
from tests.inprocess import Said, call

GOLDEN: Final = Path(__file__).parent / "golden" / "discover-kubeadm.txt"
SCHEMA: Final = Path(__file__).resolve().parents[2] / "schemas" / "discovery.v1.schema.json"
#: The day after the makers' certificates were made, and one after all of them but the CAs have ended.
FRESH: Final = "2026-11-24"
STALE: Final = "2028-01-01"
PKI: Final = "cp-1/etc/kubernetes/pki"
MAKERS: Final[dict[str, Callable[[Path], Path]]] = {
    "kubeadm": kubeadm, "by_hand": by_hand, "k3s": k3s, "rke2": rke2, "k0s": k0s, "plain": plain,
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster of kubeadm with one control plane and one worker; nobody changes it."""
    return kubeadm(tmp_path_factory.mktemp("kubeadm"))


@pytest.fixture
def cluster(made: Path, tmp_path: Path) -> Path:
    """The same, to break."""
    return Path(shutil.copytree(made, tmp_path / "snapshot", symlinks=True))


def discover(*arguments: str, at: str = FRESH, environ: dict[str, str] | None = None) -> Said:
    """Runs the command as of a day."""
    return call("discover", "--at", at, *arguments, environ=environ)


def traces(root: Path) -> dict[str, tuple[int, str]]:
    """When each file was last changed, and a digest of what is in it."""
    return {
        str(path.relative_to(root)): (path.lstat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_a_fresh_cluster_reads_as_it_did(made: Path) -> None:
    """The whole table of a cluster of kubeadm, byte for byte."""
    said = discover("--root", str(made))
    if os.environ.get("CLUSTER_PKI_TEST_GOLDEN") == "write":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(said.out, encoding="utf-8")
    assert (said.code, said.log) == (0, "")
    assert said.out == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("maker", MAKERS)
def test_every_kind_of_cluster_fits_a_screen(maker: str, tmp_path: Path) -> None:
    """No line is wider than 120 columns, and nothing is broken in a healthy cluster."""
    said = discover("--root", str(MAKERS[maker](tmp_path)), "--fail-on", "error")
    assert said.code == 0, said.out
    assert [line for line in said.out.splitlines() if len(line) > WIDTH] == []


@pytest.mark.parametrize("form", RENDERERS)
def test_no_key_is_in_any_format(made: Path, form: str) -> None:
    """Nor any part of one: keys are facts from the moment they are read."""
    bodies = {
        "".join(path.read_text().splitlines()[1:-1])[40:80]
        for path in made.rglob("*.key")
    }  # fmt: skip
    embedded = base64.b64encode(b"-----BEGIN RSA PRIVATE KEY-----")[:36].decode()
    out = discover("--root", str(made), "--format", form).out
    assert len(bodies) > 10
    assert not any(body in out for body in (*bodies, embedded, "PRIVATE KEY"))


def test_nothing_is_touched(cluster: Path) -> None:
    """Reading, judging and writing a desired state elsewhere leave every file as it was."""
    before = traces(cluster)
    discover("--root", str(cluster), "--write", str(cluster.parent / "cluster-pki.yaml"))
    assert traces(cluster) == before


def test_json_keeps_to_its_schema(made: Path) -> None:
    """On a real inventory, too."""
    found = discover("--root", str(made), "--format", "json").json
    jsonschema.validate(found, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert (found["cluster"], found["at"], [node["name"] for node in found["nodes"]]) == (
        "kubernetes",
        "2026-11-24T00:00:00Z",
        ["cp-1", "worker-1"],
    )
    apiserver = next(row for row in found["inventory"] if row["path"] == "/etc/kubernetes/pki/apiserver.crt")
    assert "ip:10.96.0.1" in apiserver["sans"]
    assert apiserver["not_after"] == "2027-11-23T12:00:00Z"


@pytest.mark.parametrize(("form", "delimiter", "more"), [("csv", ",", 0), ("excel", ";", 1)])
def test_tables_have_the_whole_inventory(made: Path, form: str, delimiter: str, more: int) -> None:
    """As many rows as the document; in a spreadsheet one more, for what is about a manifest."""
    number = len(discover("--root", str(made), "--format", "json").json["inventory"])
    out = discover("--root", str(made), "--format", form).out
    rows = list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter))
    assert len(rows) == 1 + number + more
    assert {len(row) for row in rows} == {len(rows[0])}


def open_to_all(cluster: Path) -> None:
    """A key that everybody may read."""
    (cluster / PKI / "apiserver.key").chmod(0o644)


def nothing(cluster: Path) -> None:
    """As it was made."""
    del cluster


#: What is done to a cluster, as of when it is judged, and the exit code for each --fail-on.
EXITS: Final = [
    (nothing, FRESH, {None: 0, "error": 0, "warning": 0, "notice": 4}),
    (open_to_all, FRESH, {None: 0, "error": 0, "warning": 3, "notice": 3}),
    (nothing, STALE, {None: 0, "error": 1, "warning": 1, "notice": 1}),
]


@pytest.mark.parametrize(("break_it", "at", "codes"), EXITS, ids=["notices", "warnings", "errors"])
def test_exit_codes(cluster: Path, break_it: Callable[[Path], None], at: str, codes: dict[str | None, int]) -> None:
    """By the worst finding, when it is at least as bad as what was asked for."""
    break_it(cluster)
    found = {
        severity: discover("--root", str(cluster), *(("--fail-on", severity) if severity else ()), at=at).code
        for severity in codes
    }
    assert found == codes


def test_a_key_is_told_with_what_is_wrong_about_it(cluster: Path) -> None:
    """In the line below its certificate."""
    open_to_all(cluster)
    line = "      key           apiserver.key, mode 0644, kube-apiserver --tls-private-key-file, CPK615\n"
    assert line in discover("--root", str(cluster)).out


def test_a_later_day_shows_what_expires(made: Path) -> None:
    """``--at`` asks today what will be broken then; ``--expiring`` what soon means."""
    stale = discover("--root", str(made), "--format", "json", at=STALE).json
    assert {row["state"] for row in stale["inventory"] if row["kind"] == "certificate"} == {"expired"}
    assert "CPK604" in {finding["code"] for finding in stale["findings"]}
    soon = discover("--root", str(made), "--format", "json", "--expiring", "400d").json
    assert (soon["summary"]["expired"], soon["summary"]["expiring"] > 10) == (0, True)
    assert "CPK605" in {finding["code"] for finding in soon["findings"]}


def test_three_control_planes_are_one_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each node once, with the directory it was read from; what differs between them is told."""
    kubeadm(tmp_path / "snapshot", control_planes=3, workers=2)
    monkeypatch.chdir(tmp_path)
    found = discover("--root", "snapshot", "--format", "json").json
    names = ["cp-1", "cp-2", "cp-3", "worker-1", "worker-2"]
    assert [(node["name"], node["root"]) for node in found["nodes"]] == [(name, f"snapshot/{name}") for name in names]
    pki = tmp_path / "snapshot/cp-2/etc/kubernetes/pki"
    shutil.copy(pki / "etcd/ca.crt", pki / "front-proxy-ca.crt")
    annotations = discover("--root", "snapshot", "--format", "github").out.splitlines()
    [differs] = [line for line in annotations if "CPK613" in line]
    assert differs.startswith(
        "::error title=CPK613 shared-files-differ,file=snapshot/cp-1/etc/kubernetes/pki/front-proxy-ca.crt::"
    )


@pytest.mark.parametrize("take", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["missing", "emptied"])
def test_a_copy_without_keys_misses_none(cluster: Path, take: Callable[[Path], object]) -> None:
    """All else is judged as ever."""
    for key in cluster.rglob("*.key"):
        take(key)
    whole = discover("--root", str(cluster), "--fail-on", "error")
    copy = discover("--root", str(cluster), "--without-keys", "--fail-on", "notice")
    assert (whole.code, copy.code) == (1, 4)
    assert copy.out.endswith("\nFound 4 notices.\n")


def test_roots_may_be_given_one_by_one(made: Path) -> None:
    """In any number; the same node twice is read once."""
    apart = discover("--root", str(made / "cp-1"), "--root", str(made / "worker-1"), "--root", str(made / "cp-1"))
    assert apart.out == discover("--root", str(made)).out


def test_files_elsewhere_are_added(made: Path, tmp_path: Path) -> None:
    """Kubeconfigs and directories of certificates of this machine, beside the node's own."""
    certificates = plain(tmp_path / "plain")
    kubeconfig = Path(shutil.copy(made / "cp-1/etc/kubernetes/admin.conf", tmp_path / "jane.conf"))
    found = discover(
        *("--root", str(made / "worker-1"), "--kubeconfig", str(kubeconfig), "--directory", str(certificates)),
        *("--format", "json"),
    ).json
    paths = {row["path"] for row in found["inventory"]}
    assert str(kubeconfig) in paths
    assert any(path.startswith(str(certificates)) for path in paths)


def test_the_twin_of_root_is_a_list_and_gives_way_to_the_option(made: Path) -> None:
    """``CLUSTER_PKI_ROOT`` names directories with commas between them; what is typed counts instead of it."""
    twins = {"CLUSTER_PKI_ROOT": f"{made / 'cp-1'},{made / 'worker-1'}"}
    assert discover(environ=twins).out == discover("--root", str(made)).out
    alone = discover("--root", str(made / "worker-1"), "--format", "json", environ=twins).json
    assert [node["name"] for node in alone["nodes"]] == ["worker-1"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--root", "nowhere"), 1, "Error: --root nowhere: there is no such directory\n"),
        (("--root", "file"), 1, "Error: --root file: it is no directory\n"),
        (("--manifests", "nowhere"), 1, "Error: --manifests nowhere: there is no such directory\n"),
        (("--directory", "nowhere"), 1, "Error: --directory nowhere: there is no such directory\n"),
        (("--kubeconfig", "nowhere"), 1, "Error: --kubeconfig nowhere: there is no such file\n"),
        (("--kubeconfig", "empty"), 1, "Error: --kubeconfig empty: it is no file\n"),
        (("--root", "empty"), 1, "Error: nothing was found below empty: no certificate, no key, no kubeconfig\n\nTo mend it: "),
        (("--root", "empty", "--write", "file"), 1, "Error: --write file: there is such a file already; --force overwrites it\n"),
        (("--root", "empty", "--write", "empty"), 1, "Error: --write empty: it is a directory\n"),
        (("--root", "empty", "--write", "nowhere/x"), 1, "Error: --write nowhere/x: there is no such directory\n"),
        (("--root", "empty", "--write", ""), 64, "cluster-pki: error: --write: give a file, or - for stdout\n"),
        (("--root", "empty", "--force"), 64, "cluster-pki: error: --force: overwrites what --write names, which is missing\n"),
        (
            ("--root", "empty", "--cluster", "My Cluster"),
            64,
            "cluster-pki: error: --cluster My Cluster: use lower-case letters, digits and hyphens\n",
        ),
        (
            ("--root", "empty", "--without-keys", "--write", "-"),
            64,
            "cluster-pki: error: --write and --without-keys: a desired state is written where the keys are, ",
        ),
        (("--expiring", "soon"), 64, "argument --expiring: "),
        (("--fail-on", "never"), 64, "argument --fail-on: invalid choice: 'never'"),
        (("--format", "xlsx"), 64, "argument --format: invalid choice: 'xlsx'"),
    ],
)
def test_mistakes_are_told(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words, on stderr, with nothing on stdout that could be taken for a report."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    monkeypatch.chdir(tmp_path)
    said = discover(*arguments)
    assert (said.code, said.out) == (code, "")
    assert message in said.log
    assert (tmp_path / "file").read_text() == "x"


def test_what_is_written_has_an_empty_plan(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From files to a desired state that asks for no change of them; the report is printed all the same."""
    monkeypatch.chdir(cluster.parent)
    said = call("discover", "--root", "snapshot", "--write", "cluster-pki.yaml")
    assert said.code == 0
    assert "cp-1: control plane (kubeadm)\n" in said.out
    assert said.log.startswith("Wrote cluster-pki.yaml.\n")
    assert said.log.endswith("Next: cluster-pki plan -f cluster-pki.yaml\n")
    assert (cluster.parent / "cluster-pki.yaml").stat().st_mode & 0o777 == 0o644
    plan = call("plan", "--detailed-exitcode", "--state-dir", str(cluster.parent / "state"))
    assert (plan.code, plan.out.splitlines()[0]) == (0, "No changes. Your infrastructure matches the configuration.")


def test_a_desired_state_is_overwritten_by_force_alone(cluster: Path) -> None:
    """And by the same text, when nothing has changed in between; on stdout it is alone."""
    file = cluster.parent / "pki.yaml"
    first = discover("--root", str(cluster), "--write", str(file), "--cluster", "demo")
    text = file.read_text(encoding="utf-8")
    assert (first.code, "\ncluster: demo\n" in text) == (0, True)
    file.write_text("mine", encoding="utf-8")
    refused = discover("--root", str(cluster), "--write", str(file))
    assert (refused.code, file.read_text(encoding="utf-8")) == (1, "mine")
    forced = discover("--root", str(cluster), "--write", str(file), "--force", "--cluster", "demo")
    assert (forced.code, file.read_text(encoding="utf-8")) == (0, text)
    assert discover("--root", str(cluster), "--write", "-", "--cluster", "demo").out == text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kubernetes", "kubernetes"),
        ("My Cluster", "my-cluster"),
        ("arn:aws:eks:eu-1:1:cluster/prod", "arn-aws-eks-eu-1-1-cluster-prod"),
        ("-x-", "x"),
        ("x" * 100, "x" * 63),
        ("Ж", "kubernetes"),
        ("", "kubernetes"),
    ],
)
def test_a_desired_state_has_a_name_that_it_may_have(name: str, expected: str) -> None:
    """Kubeconfigs may call a cluster anything."""
    assert identity(name) == expected


def test_writing_fails_on_findings_too(cluster: Path) -> None:
    """``--fail-on`` judges what was found; the file is there for whoever wants to mend it."""
    open_to_all(cluster)
    file = cluster.parent / "pki.yaml"
    assert discover("--root", str(cluster), "--write", str(file), "--fail-on", "warning").code == 3
    assert file.exists()
