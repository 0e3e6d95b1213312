"""Whatever the files are: a desired state comes of them that is valid, and whose plan has nothing to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.adopting.adopt import adopt
from reconciler.adopting.trial import Trial, try_out
from reconciler.discovery.walk import places, read_cluster
from tests.clusters.kubeadm import kubeadm

NOW: Final = datetime.now(UTC).replace(microsecond=0)
NODES: Final = ("cp-1", "cp-2", "worker-1")
PKI: Final = "etc/kubernetes/pki"
FILES: Final = (
    *(
        f"{PKI}/{name}"
        for name in ("apiserver.crt", "apiserver.key", "ca.crt", "ca.key", "front-proxy-ca.crt", "sa.key", "sa.pub")
    ),
    *(f"{PKI}/etcd/{name}" for name in ("ca.crt", "server.crt", "server.key", "peer.crt")),
    *(f"etc/kubernetes/{name}" for name in ("admin.conf", "scheduler.conf", "kubelet.conf", "manifests/kube-apiserver.yaml")),
)
Damage = Callable[[Path, Path], object]
DAMAGES: Final[dict[str, Damage]] = {
    "gone": lambda path, _: path.unlink(),
    "empty": lambda path, _: path.write_bytes(b""),
    "torn": lambda path, _: path.write_bytes(path.read_bytes()[:200]),
    "another's": lambda path, other: path.write_bytes(other.read_bytes()),
    "with another behind it": lambda path, other: path.write_bytes(path.read_bytes() + other.read_bytes()),
    "with text before it": lambda path, _: path.write_bytes(b"\n# odd\n" + path.read_bytes()),
    "open to all": lambda path, _: path.chmod(0o666),
    "closed": lambda path, _: path.chmod(0o400),
    "a directory": lambda path, _: path.rename(path.with_suffix(".kept")).parent.joinpath(path.name).mkdir(),
}
#: The place of what is damaged, how, and by which other file.
STEPS: Final = st.lists(
    st.tuples(st.sampled_from(NODES), st.sampled_from(FILES), st.sampled_from(list(DAMAGES)), st.sampled_from(FILES)),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster with two control planes, as kubeadm left it."""
    return kubeadm(tmp_path_factory.mktemp("pristine"), control_planes=2, now=NOW)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_a_damaged_cluster_is_adopted_as_far_as_it_is_whole(pristine: Path, steps: list[tuple[str, str, str, str]]) -> None:
    """It raises for nothing, the document holds together, and nothing would be changed."""
    snapshot = pristine.parent / "damaged"
    shutil.rmtree(snapshot, ignore_errors=True)
    shutil.copytree(pristine, snapshot, symlinks=True)
    for node, name, how, other in steps:
        path, source = snapshot / node / name, snapshot / "cp-1" / other
        if path.is_file() and source.is_file():
            DAMAGES[how](path, source)
    found = places(str(snapshot))
    adoption = adopt(read_cluster(found), (), found, name="demo", now=NOW)
    trial = try_out(adoption.text, name="demo", now=NOW)
    assert Trial(mistakes=trial.mistakes, changes=trial.changes) == Trial(), adoption.text
