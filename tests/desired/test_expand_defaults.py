"""Where things live when nobody says so."""

from __future__ import annotations

import pytest

from tests.desired.compiling import compiled

HEAD = """\
apiVersion: cluster-pki/v1
cluster: demo
nodes: [{name: cp-1, roles: [control-plane], addresses: [192.0.2.1]}]
"""
CA = "cas: {main: {path: ca/main}}\n"


@pytest.mark.parametrize(
    ("stores", "root"),
    [
        ("", "/"),
        ('stores: {files: {type: file, root: "/nodes/{node}"}, vault: {type: file, root: /vault}}\n', "/vault"),
        ("stores: {files: {type: file, root: /srv}, other: {type: file, root: /other}}\n", "/srv"),
    ],
)
def test_a_ca_without_store_goes_where_no_node_is(stores: str, root: str) -> None:
    """With a default store per node, CAs live in the only declared store that is not."""
    assert compiled(HEAD + CA + stores).state.cas["main"].place.root == root
