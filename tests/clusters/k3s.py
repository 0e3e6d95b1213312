"""A k3s cluster with its own etcd: one server, which is a node, too, and agents."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from tests.builders import NOW
from tests.clusters.files import Root
from tests.clusters.rancher import Server, authorities, write_agent, write_server

_UNIT: Final = """\
[Unit]
Description=Lightweight Kubernetes
Documentation=https://k3s.io
Wants=network-online.target

[Service]
Type={kind}
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/systemd/system/{unit}.service.env
KillMode=process
ExecStart=/usr/local/bin/k3s \\
    {command} \\

[Install]
WantedBy=multi-user.target
"""


def k3s(directory: Path, *, agents: int = 1, now: datetime = NOW) -> Path:
    """Writes ``directory/server-1/…`` and ``directory/agent-1/…``; nothing runs outside the one process.

    Args:
        directory: where the node roots go.
        agents: how many nodes without a control plane.
        now: when the cluster began, aware.

    Returns:
        The directory.
    """
    cas = authorities("k3s", now)
    for i in range(1 + agents):
        node, address = ("server-1", "192.0.2.11") if i == 0 else (f"agent-{i}", f"192.0.2.{20 + i}")
        root = Root(path=directory / node)
        server = Server(distribution="k3s", root=root, node=node, address=address, now=now, authorities=cas)
        write_agent(server)
        if i == 0:
            write_server(server)
            root.write("/etc/rancher/k3s/config.yaml", f"cluster-init: true\nnode-name: {node}\nnode-ip: {address}\n", 0o600)
            root.write("/etc/systemd/system/k3s.service", _UNIT.format(kind="notify", unit="k3s", command="server"))
            root.write("/etc/systemd/system/k3s.service.env", "", 0o600)
        else:
            root.write("/etc/rancher/k3s/config.yaml", f"node-name: {node}\nnode-ip: {address}\n", 0o600)
            root.write("/etc/systemd/system/k3s-agent.service", _UNIT.format(kind="exec", unit="k3s-agent", command="agent"))
            root.write("/etc/systemd/system/k3s-agent.service.env", "K3S_URL='https://192.0.2.11:6443'\n", 0o600)
    return directory
