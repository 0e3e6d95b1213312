"""What the documentation shows is true: every desired state in it is valid, every link in it leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from reconciler.trust import refusals
from tests.real.cluster import make_cluster

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PAGES: Final = tuple(sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]))
BLOCKS: Final = tuple(
    (page, number, block)
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    )
    if "apiVersion: cluster-pki/v1" in block and "docs/rules" not in str(page)
)


@pytest.mark.parametrize("block", [block for _, _, block in BLOCKS], ids=[f"{page.stem}-{number}" for page, number, _ in BLOCKS])
def test_desired_states_in_the_documentation_are_valid(block: str, tmp_path: Path) -> None:
    """A reader may copy any of them: it validates, and a plan for an empty root creates something.

    Where a server is named, which is not there, it is asked what a token for it needs.
    """
    cluster = make_cluster(tmp_path, block)
    cluster.run("validate")
    if "\nconnections:\n" in block:
        assert 'path "' in cluster.run("vault", "policy")
    else:
        assert cluster.plan(expect=2)["summary"]["add"] > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links name files that exist."""
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


VERIFY: Final = REPOSITORY / "docs" / "verify.md"
TRUST: Final = tuple(sorted((REPOSITORY / "reconciler" / "trust").glob("*.py")))


def test_the_verification_of_the_example_is_what_the_page_shows(tmp_path: Path) -> None:
    """Table and picture are those of the program."""
    example = (REPOSITORY / "cluster-pki.example.yaml").read_text(encoding="utf-8")
    cluster = make_cluster(tmp_path, example)
    cluster.apply()
    block = re.search(r"```console\n\$ cluster-pki verify --root demo\n(.*?)```", VERIFY.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    assert block[1] == cluster.run("verify")
    assert (REPOSITORY / "docs" / "trust-graph.svg").read_text(encoding="utf-8") == cluster.run("verify", "--format", "svg")


def test_every_code_of_a_verification_is_explained() -> None:
    """The tables of the page hold each code that can be said, and no other."""
    said = {code for path in TRUST for code in re.findall(r'\bcode="([A-Za-z]+)"', path.read_text(encoding="utf-8"))}
    said |= {*refusals._CODES.values(), "Refused"}
    rows = re.findall(r"^\| (`[A-Z][A-Za-z`, ]+`) \|", VERIFY.read_text(encoding="utf-8"), re.MULTILINE)
    assert {code for row in rows for code in re.findall(r"[A-Za-z]+", row)} == said
