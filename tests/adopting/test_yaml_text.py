"""Text that a person goes on writing, and that the strict reader takes for the same values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.adopting.yaml_text import Commented, comment, write
from reconciler.desired.scalars import unprintable
from reconciler.desired.yaml import compose

#: What the format lets a text hold: visible characters in Unicode form NFC.
TEXTS = st.text(
    st.sampled_from(" :{}[],#&*!|>'\"%@`-?~=.0189nNyYoe/\\") | st.characters(categories=("L", "N", "P", "S")), max_size=15
).filter(lambda text: not unprintable(text))
SCALARS = TEXTS | st.booleans() | st.none() | st.integers(-(10**15), 10**15)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS.filter(bool), inner, max_size=4), max_leaves=20
)
DOCUMENTS = st.dictionaries(TEXTS.filter(bool), VALUES, min_size=1, max_size=5)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_what_is_written_is_read_back(document: dict[str, Any]) -> None:
    """Whatever the values are: without a mistake, and the same."""
    composed = compose(write(document), "cluster-pki.yaml")
    assert (composed.value, composed.problems) == (document, ())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS, st.lists(st.text(max_size=40), max_size=3))
def test_comments_say_what_they_like(document: dict[str, Any], lines: list[str]) -> None:
    """At the head or beside an entry, line breaks and control characters included: they change no value."""
    commented = {key: Commented(value=value, above=tuple(lines)) for key, value in document.items()}
    composed = compose(write(commented, head=lines), "cluster-pki.yaml")
    assert (composed.value, composed.problems) == (document, ())


@pytest.mark.parametrize(
    ("text", "line"),
    [("", "#"), ("one", "# one"), ("one\ntwo\tthree", "# one two three"), ("a\u202eb", "# a\\u202eb")],
)
def test_a_comment_is_one_visible_line(text: str, line: str) -> None:
    """What cannot be seen is shown by its code, so that nobody hides anything in one."""
    assert comment(text) == line


def test_short_entries_stand_on_one_line() -> None:
    """Sections and long entries are spread over lines, short ones are not; only what others could misread is quoted."""
    document = {
        "apiVersion": "cluster-pki/v1",
        "cas": {"main": Commented(value={"path": "etc/pki/ca", "lifetime": "1000d"}, above=("odd",)), "none": None},
        "components": {
            "api": {
                "usages": ["server auth"],
                "sans": {"dns": [f"{word}.example.com" for word in ("one", "two", "three")], "ip": ["192.0.2.1", "::1"]},
                "subject": {"commonName": "system:node:{node}", "organizations": ["NO", "1.30"]},
            }
        },
        "prune": False,
        "adopted": ["component.api"],
    }
    assert write(document, head=["A head.", ""]) == (
        "# A head.\n#\n"
        "apiVersion: cluster-pki/v1\n"
        "cas:\n"
        "  # odd\n"
        "  main: {path: etc/pki/ca, lifetime: 1000d}\n"
        "  none: null\n"
        "components:\n"
        "  api:\n"
        "    usages: [server auth]\n"
        '    sans: {dns: [one.example.com, two.example.com, three.example.com], ip: [192.0.2.1, "::1"]}\n'
        '    subject: {commonName: "system:node:{node}", organizations: ["NO", "1.30"]}\n'
        "prune: false\n"
        "adopted:\n"
        "  - component.api\n"
    )
