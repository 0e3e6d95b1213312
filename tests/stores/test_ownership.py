"""Files are ours when their names lead into a generation that names them; everything else is somebody's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.observed.gather import gather
from reconciler.stores.ownership import is_owned
from tests.builders import make_ca, make_leaf
from tests.observed.cluster import API, CLUSTER, SERVER, Cluster, link

META = "pki/.api/000001-00000001/meta.json"


def to_plain_files(cluster: Cluster) -> None:
    """The layout of everybody else."""
    cluster.put("pki/api.crt", SERVER.certificate.pem)
    cluster.put("pki/api.key", SERVER.key.pem())


def to_fifo(cluster: Cluster) -> None:
    """A record that nobody ever writes."""
    cluster.path(META).unlink()
    os.mkfifo(cluster.path(META))


@pytest.mark.parametrize(
    ("change", "expected", "vouched"),
    [
        (lambda _: None, True, True),
        (lambda cluster: cluster.path("pki/api.crt").unlink(), True, True),
        (lambda cluster: [cluster.path(f"pki/api{suffix}").unlink() for suffix in (".crt", ".key")], False, False),
        (lambda cluster: cluster.put("pki/api.crt", SERVER.certificate.pem), False, False),
        (to_plain_files, False, False),
        (lambda cluster: link(cluster.path("pki/api.crt"), ".api/000001-00000001/api.crt"), False, False),
        (lambda cluster: link(cluster.path("pki/api.crt"), ".other/current/api.crt"), False, False),
        (lambda cluster: cluster.publish("pki/api", {}, address="component.other"), False, True),
        (lambda cluster: cluster.publish("pki/api", {}, address=API, cluster="other"), False, True),
        (lambda cluster: cluster.path(META).unlink(), False, True),
        (lambda cluster: cluster.put(META, b""), False, True),
        (lambda cluster: cluster.put(META, b'{"address": 1}'), False, True),
        (lambda cluster: cluster.put(META, b"\xff"), False, True),
        (lambda cluster: cluster.put(META, b"[" * 50_000), False, True),
        (to_fifo, False, True),
        (lambda cluster: cluster.path("pki/.api/current").unlink(), False, True),
    ],
    ids=[
        "ours",
        "one-name-gone",
        "all-names-gone",
        "one-name-replaced",
        "plain-files",
        "past-current",
        "into-another-place",
        "of-another-address",
        "of-another-cluster",
        "no-record",
        "empty-record",
        "strange-record",
        "binary-record",
        "deep-record",
        "fifo-as-record",
        "no-current",
    ],
)
def test_what_makes_files_ours(change: Callable[[Cluster], object], expected: bool, vouched: bool, tmp_path: Path) -> None:
    """Links that lead where ours do, and the record of the generation; with a voucher the links alone."""
    cluster = Cluster(root=tmp_path).write()
    change(cluster)
    place = cluster.place("pki/api")
    answers = [is_owned(place, (".crt", ".key"), address=API, cluster=CLUSTER, vouched=voucher) for voucher in (False, True)]
    assert answers == [expected, vouched]


def test_only_the_signature_of_the_right_ca_over_a_whole_pair_vouches(tmp_path: Path) -> None:
    """A generation of another address is ours for a pair that fits, and not for one that does not."""
    cluster = Cluster(root=tmp_path).write()
    renamed = {".crt": SERVER.certificate.pem, ".key": SERVER.key.pem()}
    strange = {**renamed, ".crt": make_leaf(make_ca("stranger-ca"), "api").certificate.pem}
    torn = {**renamed, ".key": make_leaf(make_ca("stranger-ca"), "another").key.pem()}
    answers = []
    for files in (renamed, strange, torn):
        cluster.publish("pki/api", files, address="component.other")
        answers.append(gather(cluster.desired()).pairs[API].owned)
    assert answers == [True, False, False]


def test_a_ca_is_never_vouched_for_by_its_own_signature(tmp_path: Path) -> None:
    """Anybody can make a certificate that signs itself."""
    cluster = Cluster(root=tmp_path).write()
    stranger = make_ca("stranger-ca")
    files = {".crt": stranger.certificate.pem, ".key": stranger.key.pem()}
    cluster.publish("authority/etcd", files, address="ca.other")
    before = gather(cluster.desired()).pairs["ca.etcd"].owned
    cluster.publish("authority/etcd", files, address="ca.etcd")
    assert (before, gather(cluster.desired()).pairs["ca.etcd"].owned) == (False, True)
