"""Which key is taken for which certificate's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from reconciler.cluster.model import Role
from reconciler.health.pairs import pairs
from tests.builders import make_leaf
from tests.health.drafts import CA, Draft, Machine, certificates, client, combined, entry, key, kubeconfig

ONE: Final = make_leaf(CA, "one")
TWO: Final = make_leaf(CA, "two")


def use(draft: Draft, path: str, role: Role, purpose: str = "serving") -> None:
    """Has kube-apiserver name a file."""
    draft.use(path, ("kube-apiserver", f"--{role}", role, purpose), on="n")


def by_setting(draft: Draft) -> None:
    """Names that have nothing in common."""
    draft.put("/a/cert.pem", certificates(ONE), on="n")
    draft.put("/b/secret.pem", key(ONE), on="n")
    use(draft, "/a/cert.pem", "certificate")
    use(draft, "/b/secret.pem", "key")


def several_of_one_purpose(draft: Draft) -> None:
    """Two pairs for SNI: each has the key of its own name."""
    for name, pair in (("one", ONE), ("two", TWO)):
        draft.put(f"/{name}.crt", certificates(pair), on="n")
        draft.put(f"/{name}.key", key(pair), on="n")
        use(draft, f"/{name}.crt", "certificate", "sni")
        use(draft, f"/{name}.key", "key", "sni")


def by_name(draft: Draft) -> None:
    """As openssl users and cfssl name them."""
    draft.put("/one.pem", certificates(ONE), on="n")
    draft.put("/one-key.pem", key(ONE), on="n")
    draft.put("/two.crt", certificates(TWO), on="n")
    draft.put("/two.key", key(TWO), on="n")


def in_one_file(draft: Draft) -> None:
    """As kubelet has it."""
    draft.put("/current.pem", combined(ONE), on="n")


def in_a_kubeconfig(draft: Draft) -> None:
    """Embedded data once for each user; what is in files is judged there."""
    jane = entry("jane", client("jane"))
    files = entry("joe", client("joe"), certificate_path="/joe.crt", key_path="/joe.key", context="files")
    draft.put("/config", kubeconfig(jane, jane, files), on="n")


def lonely(draft: Draft) -> None:
    """A bundle and a key of something else."""
    draft.put("/ca.crt", certificates(CA, ONE), on="n")
    draft.put("/other.key", key(TWO), on="n")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (by_setting, [("/a/cert.pem", "/b/secret.pem")]),
        (several_of_one_purpose, [("/one.crt", "/one.key"), ("/two.crt", "/two.key")]),
        (by_name, [("/one.pem", "/one-key.pem"), ("/two.crt", "/two.key")]),
        (in_one_file, [("/current.pem", "/current.pem")]),
        (in_a_kubeconfig, [("/config#jane", "/config#jane")]),
        (lonely, []),
    ],
)
def test_pairs(change: Callable[[Draft], None], found: list[tuple[str, str]]) -> None:
    """By setting first, then by name; each pair once."""
    draft = Draft(machines={"n": Machine()})
    change(draft)
    (node,) = draft.cluster().nodes
    assert [(pair.path, pair.key_path) for pair in pairs(node)] == found
