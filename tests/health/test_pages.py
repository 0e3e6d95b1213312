"""The pages of the health checks show what the checks say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.rules import RULES
from reconciler.health.examine import examine
from tests.builders import NOW
from tests.health.broken import BROKEN, broken
from tests.health.drafts import kubeadm

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "rules"
#: By how much of what is found stays the same when names, dates and digests are others.
VARIABLE: Final = re.compile(
    r"sha256:[0-9a-f]+…|\d{4}-\d\d-\d\dT[\d:]+Z|in \d+ days|serial [0-9a-f]+|\bcp-\d\b|\bw(orker)?-\d\b|@\d+|/[^\s,;:)#]+"
)


def shape(text: str) -> set[str]:
    """The words of a sentence that do not depend on the cluster."""
    return set(re.findall(r"[a-z]{3,}", VARIABLE.sub(" ", text)))


@pytest.mark.parametrize("code", BROKEN)
def test_the_example_is_what_the_check_says(code: str) -> None:
    """Severity and code of a real finding, and its sentence but for what is the cluster's own."""
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    block = re.search(r"## Example\n\n```console\n(\w+) (CPK\d+) .*\n(.*)\n```", page)
    assert block is not None
    drafts = [kubeadm(), *(broken(code, name) for name in BROKEN[code])]
    found = [each for draft in drafts for each in examine(draft.cluster(), NOW) if each.code == code]
    assert (block[1], block[2]) in {(each.severity, each.code) for each in found}
    nearest = min((shape(each.message) ^ shape(block[3]) for each in found), key=len)
    assert len(nearest) <= 6, sorted(nearest)


@pytest.mark.parametrize("code", BROKEN)
def test_the_registry_tells_the_gravest(code: str) -> None:
    """``cluster-pki rule`` lists each check with the worst that it can say."""
    drafts = [kubeadm(), *(broken(code, name) for name in BROKEN[code])]
    found = {each.severity for draft in drafts for each in examine(draft.cluster(), NOW) if each.code == code}
    order = ["error", "warning", "notice"]
    assert RULES[code].severity == min(found, key=order.index)
