"""Where a host leads to, and which name covers it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.health.hosts import covers, host_of, is_loopback, is_tls, is_unspecified, san_of, split, targets
from tests.health.drafts import kubeadm


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.demo.internal:6443", "api.demo.internal"),
        ("https://API.Demo.internal", "api.demo.internal"),
        ("https://192.0.2.11:6443/path", "192.0.2.11"),
        ("https://[2001:db8::1]:2379", "2001:db8::1"),
        ("192.0.2.11:6443", "192.0.2.11"),
        ("", ""),
        ("https://[broken", ""),
    ],
)
def test_host_of(url: str, host: str) -> None:
    """The host is what a client looks for in the certificate."""
    assert host_of(url) == host


@given(st.text())
def test_hosts_never_fail(text: str) -> None:
    """Settings are what somebody typed: none of them stops a check."""
    assert isinstance(san_of(host_of(text)), str)
    assert {type(judge(host_of(text))) for judge in (is_loopback, is_unspecified, is_tls)} == {bool}


@pytest.mark.parametrize(
    ("host", "san"),
    [
        ("192.0.2.11", "ip:192.0.2.11"),
        ("2001:DB8:0::1", "ip:2001:db8::1"),
        ("Api.Example.com", "dns:api.example.com"),
    ],
)
def test_san_of(host: str, san: str) -> None:
    """An address has to be an address among the names, in its canonical form."""
    assert san_of(host) == san


@pytest.mark.parametrize(
    ("sans", "wanted", "covered"),
    [
        (["dns:a.example.com"], "dns:a.example.com", True),
        (["dns:*.example.com"], "dns:a.example.com", True),
        (["dns:*.example.com"], "dns:b.a.example.com", False),
        (["dns:*.example.com"], "dns:example.com", False),
        (["dns:192.0.2.1"], "ip:192.0.2.1", False),
        (["ip:192.0.2.1"], "ip:192.0.2.1", True),
        ([], "dns:a", False),
    ],
)
def test_covers(sans: list[str], wanted: str, covered: bool) -> None:
    """A wildcard stands for one label, and an address as DNS name for nothing."""
    assert covers(sans, wanted) is covered


@pytest.mark.parametrize(
    ("host", "origin", "names"),
    [
        ("127.0.0.1", "cp-1", ["cp-1"]),
        ("localhost", "cp-2", ["cp-2"]),
        ("::1", "w-1", ["cp-1", "cp-2"]),
        ("192.0.2.12", "cp-1", ["cp-2"]),
        ("cp-2", "w-1", ["cp-2"]),
        ("cp-2.demo.internal", "w-1", ["cp-2"]),
        ("api.demo.internal", "w-1", ["cp-1", "cp-2"]),
    ],
)
def test_targets(host: str, origin: str, names: list[str]) -> None:
    """Its own machine, the one with that address or name, or all behind a load balancer."""
    nodes = {node.name: node for node in kubeadm(control_planes=2).cluster().nodes}
    servers = tuple(node for node in nodes.values() if node.is_control_plane)
    assert [node.name for node in targets(host, nodes[origin], servers)] == names


def test_split() -> None:
    """Flags may be repeated, and hold lists."""
    assert split(("a, b", "", "c,")) == ("a", "b", "c")
