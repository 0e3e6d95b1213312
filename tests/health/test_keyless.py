"""A cluster that is judged by a copy without private keys."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reconciler.cluster.model import Cluster, Content, File, Node, Role, Use
from reconciler.health.keyless import without_missing_keys
from reconciler.observed.model import Absent, Unusable
from tests.render.discover_stories import EXPIRED, facts, held, key_of

EMPTY = Unusable(problem="empty", detail="the file is empty")
TORN = Unusable(problem="truncated", detail="it ends too early")


def use(role: Role) -> Use:
    """Somebody who is told of a file."""
    return Use(process="etcd", setting="--a-file", role=role, purpose="serving", source="/etcd.yaml")


@pytest.mark.parametrize(
    ("content", "roles", "left"),
    [
        (Absent(), ("key",), False),
        (Absent(), ("signing-key",), False),
        (Absent(), ("token-key", "token-verification"), True),
        (Absent(), ("token-key",), False),
        (EMPTY, ("key",), False),
        (TORN, ("key",), True),
        (key_of("a"), ("key",), True),
        (Absent(), ("certificate",), True),
        (Absent(), ("certificate", "key"), True),
        (Absent(), ("kubeconfig",), True),
        (Absent(), (), True),
        (held(facts("a")), ("certificate",), True),
    ],
)
def test_only_private_keys_may_be_missing(content: Content, roles: tuple[Role, ...], *, left: bool) -> None:
    """A key that is not there or was emptied is out, with the findings about it; all else is judged as ever."""
    file = File(path="/x", content=content, uses=tuple(use(role) for role in roles))
    other = File(path="/y", content=Absent())
    cluster = Cluster(nodes=(Node(name="n", layout="by-hand", processes=(), files={"/x": file, "/y": other}),))
    findings = tuple(replace(EXPIRED, node=node, path=path) for node, path in (("n", "/x"), ("n", "/y"), ("m", "/x")))
    copy, told = without_missing_keys(cluster, findings)
    assert copy.nodes[0].files == ({"/x": file, "/y": other} if left else {"/y": other})
    assert told == (findings if left else findings[1:])
