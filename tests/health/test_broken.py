"""Every check finds what is broken, says it whole, and nothing else is said.

After a change that is meant, ``CLUSTER_PKI_TEST_GOLDEN=write pytest tests/health/test_broken.py`` writes the sentences anew; the
diff is then what a reviewer looks at.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from reconciler.health.examine import CHECKS, examine
from reconciler.health.model import HealthFinding
from tests.builders import NOW
from tests.health.broken import BROKEN, broken
from tests.health.drafts import Draft, kubeadm

GOLDEN: Final = Path(__file__).resolve().parent / "golden"
ROWS: Final = [(code, name) for code, names in BROKEN.items() for name in names]


@cache
def _usual() -> frozenset[tuple[str, str]]:
    return frozenset((finding.code, finding.path) for finding in examine(kubeadm(control_planes=2).cluster(), NOW))


def beyond(draft: Draft) -> list[HealthFinding]:
    """What is found beyond what a sound cluster shows."""
    found = examine(draft.cluster(), NOW)
    return [each for each in found if each.severity != "notice" or (each.code, each.path) not in _usual()]


def sentences(code: str) -> str:
    """The findings of all rows of a code, whole."""
    return "\n".join(f"## {name}\n{''.join(map(told, beyond(broken(code, name))))}" for name in BROKEN[code])


def told(finding: HealthFinding) -> str:
    """One finding with all its fields."""
    when = f"{finding.when:%Y-%m-%dT%H:%M:%SZ}" if finding.when else "now, or at no certain time"
    return (
        f"{finding.severity} {finding.code} {finding.node or '(several nodes)'} {finding.path}\n"
        f"setting: {finding.setting or '(none)'}\n{finding.message}\n"
        f"breaks: {finding.breaks}\nwhen: {when}\nmend: {finding.mend}\n"
    )


@pytest.mark.parametrize(("code", "name"), ROWS)
def test_one_thing_broken_is_one_finding(code: str, name: str) -> None:
    """What is broken in one place is found by its check alone, and once."""
    assert [finding.code for finding in beyond(broken(code, name))] == [code]


@pytest.mark.parametrize("code", [code for code in BROKEN if BROKEN[code]])
def test_the_sentences_are_as_they_were(code: str) -> None:
    """Whole findings are compared: severity, place, setting, what, what breaks, when, and the way out."""
    path = GOLDEN / f"{code}.txt"
    if os.environ.get("CLUSTER_PKI_TEST_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(sentences(code), encoding="utf-8")
    assert sentences(code) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("code", "name"), ROWS)
def test_findings_are_sentences(code: str, name: str) -> None:
    """Message, effect and way out are there, without a full stop, and hold no empty place."""
    for finding in beyond(broken(code, name)):
        for text in (finding.message, finding.breaks, finding.mend):
            assert text.strip() == text != ""
            assert not text.endswith(".")
            assert re.search(r"  |\(\)|: ;|, ,|None", text) is None


def test_every_check_has_a_row() -> None:
    """A check that nothing triggers could not fail; what a sound cluster shows is `test_sound`'s."""
    numbers = {int(code.removeprefix("CPK")) for code in BROKEN}
    assert numbers == set(range(601, 631))
    assert len(CHECKS) == len(numbers) + 1  # two of them are CPK609
