"""A mebibyte of anything is read in time that grows with its length, not with its square."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.cluster.documents import parse_documents
from reconciler.cluster.environment import parse_environment
from reconciler.cluster.flags import parse_command, shell_words
from reconciler.cluster.kubeconfigs import parse_kubeconfig
from reconciler.cluster.manifests import parse_manifest
from reconciler.cluster.units import command_words, parse_unit
from reconciler.cluster.words import split_words
from reconciler.x509.errors import UnreadableError
from tests.patience import within

SIZE = 1 << 20


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    """Squares would take minutes."""
    with within(30, "reading"):
        yield


@pytest.mark.parametrize(
    "piece",
    [
        *("\\a", "'", '"', "-a ", "${A}", "$(A)", "[", "- "),
        *("ExecStart=a\n", "Environment=A=b\n", "A='\n", "a: b\n"),
    ],
)
def test_repeated(piece: str) -> None:
    """The same few characters again and again, in every parser."""
    text = piece * (SIZE // len(piece))
    unit = parse_unit("a.service", [f"[Service]\nExecStart=/bin/etcd {text}", f"[Service]\n{text}"])
    for command in unit.commands[:3]:
        parse_command(command_words(command, {"A": "b"}))
    parse_command(["sh", "-c", f"etcd {text}"])
    parse_environment(text)
    parse_environment(f"A={text}")
    split_words(text)
    shell_words(text)
    for parse in (parse_manifest, parse_kubeconfig, lambda each: parse_documents(each, what="file")):
        for each in (text, f"kind: Pod\nspec: {text}", f'{{"a": "{text}'):
            try:
                parse(each)
            except UnreadableError:
                continue
