"""Whatever the bytes are, loading ends with a document or with diagnostics, never with another exception."""

from __future__ import annotations

import json

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.desired.diagnostics import InvalidDesiredStateError
from reconciler.desired.load import load
from reconciler.desired.rules import RULES
from tests.desired.full_document import FULL
from tests.desired.memory_source import MemorySource

#: By way of JSON: what parts share would become anchors.
SEED = yaml.safe_dump(json.loads(json.dumps(FULL))).replace("include:\n- a/*.yaml\n", "")
#: What breaks YAML readers, to be put anywhere.
SNIPPETS = st.sampled_from(
    [
        *("&a ", "*a", "<<: ", "!!t ", "- ", ": ", "? ", "[", "]", "{", "}", "'", '"', "|\n", "---\n", "...\n", "%YAML 1.1\n"),
        *("\n", "\t", "\r", "#", "\0", "\u202e", "\ufeff", "~", "010", "1.5", "NO", "null", "@", "`", '"\\ud800"', "\\", "é"),
    ]
)


def outcome(data: bytes) -> str:
    """``loaded``, or the codes; any other exception fails the test."""
    try:
        load(MemorySource({"f.yaml": data, "requests/jane.csr": b""}))
    except InvalidDesiredStateError as error:
        return " ".join(RULES[diagnostic.code].code for diagnostic in error.diagnostics)
    return "loaded"


def test_the_seed_is_valid() -> None:
    """Mutations start from a document that holds every key."""
    assert outcome(SEED.encode()) == "loaded"


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'"\\UFFFFFFFF": 1')
@example(b"? - a\n: - b\n")
@example(b"include: [[], {}, 1, '', '\\0', '../x', 'a//b', '[']")
@settings(max_examples=200)
def test_arbitrary_bytes(data: bytes) -> None:
    """Only the documented error escapes, and never empty-handed."""
    assert outcome(data)


@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(SEED)), st.integers(0, 12), st.lists(SNIPPETS, max_size=3).map("".join)), max_size=4
    )
)
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_documents(edits: list[tuple[int, int, str]]) -> None:
    """Snippets put anywhere, text cut out anywhere."""
    text = SEED
    for position, length, snippet in edits:
        text = text[:position] + snippet + text[position + length :]
    assert outcome(text.encode())
