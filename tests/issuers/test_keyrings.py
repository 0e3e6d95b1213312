"""Which keyring belongs to a CA."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reconciler.desired.vault import ExternalKey, TransitKey
from reconciler.issuers.keyrings import keyring_of
from reconciler.issuers.pki_keyring import PkiKeyring
from reconciler.issuers.transit_keyring import TransitKeyring
from tests.issuers.bench import Bench, pki_key


def test_a_keyring_for_each_kind_of_place(bench: Bench) -> None:
    """By where the key is; one that is a file has none, nor one that nobody here has."""
    transit = TransitKey(connection="main", mount="transit", name="x")
    assert isinstance(keyring_of(bench.ca("a", pki_key("pki")), bench.client, "demo"), PkiKeyring)
    assert isinstance(keyring_of(bench.ca("a", transit), bench.client, "demo"), TransitKeyring)
    nobodys = replace(bench.ca("a", None), key_in=ExternalKey())
    for ca in (bench.ca("a", None), nobodys):
        with pytest.raises(ValueError, match=r"the key of ca\.a is a file, or nobody's here"):
            keyring_of(ca, bench.client, "demo")


def test_names_of_one_cluster_are_not_those_of_another(bench: Bench) -> None:
    """Generations are told by the whole name: a CA called ``a`` has nothing of one called ``b-a``."""
    mount = bench.pki()
    ca = bench.root(mount, "b-a")[0]
    assert [each.generation for each in bench.keyring(ca).held()] == [1]
    assert [each.generation for each in bench.keyring(bench.ca("a", pki_key(mount))).held()] == [0]
    assert [each.generation for each in keyring_of(ca, bench.client, "other").held()] == [0]
