"""What a cluster's values say of themselves."""

from __future__ import annotations

import pytest

from reconciler.cluster.model import Node, Process


@pytest.mark.parametrize(
    ("settings", "rotates"),
    [
        ({}, False),
        ({"rotateCertificates": ("true",)}, True),
        ({"rotateCertificates": ("false",)}, False),
        ({"rotate-certificates": ("True",)}, True),
        ({"rotate-certificates": ("1",)}, True),
        ({"rotate-certificates": ("false", "true")}, True),
        ({"rotate-certificates": ("false",), "rotateCertificates": ("true",)}, False),
    ],
)
def test_a_kubelet_is_told_to_rotate_by_its_flag_or_its_file(settings: dict[str, tuple[str, ...]], rotates: bool) -> None:
    """The flag counts before the file, as in the kubelet, and is read as Go reads switches."""
    kubelet = Process(name="kubelet", source="/etc/systemd/system/kubelet.service", settings=settings)
    assert Node(name="w-1", layout="by-hand", processes=(kubelet,), files={}).rotates is rotates


def test_a_node_without_a_kubelet_rotates_nothing() -> None:
    """An external etcd is one."""
    assert Node(name="etcd-1", layout="by-hand", processes=(), files={}).rotates is False
