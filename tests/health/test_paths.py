"""Certification paths over facts: what Go would accept and refuse, dates apart."""

from __future__ import annotations

from typing import Final

import pytest

from reconciler.health.context import Context, Limits, gather
from reconciler.health.paths import allows, refusal
from reconciler.x509.names import NameConstraints
from tests.builders import NOW, Pair, make_ca, make_key, make_leaf
from tests.health.broken import altered
from tests.health.drafts import Draft

ROOT: Final = make_ca("root")
TWIN: Final = make_ca("root", key=make_key("twin"))
MIDDLE: Final = make_ca("middle", parent=ROOT)
LOWER: Final = make_ca("lower", parent=MIDDLE)
LEAF: Final = make_leaf(LOWER, "server")
CONTEXT: Final[Context] = gather(Draft().cluster(), NOW, Limits())


def judge(chain: list[Pair], roots: list[Pair], usage: str = "server auth") -> str | None:
    """The message of a refusal."""
    found = refusal(CONTEXT, [pair.certificate.facts for pair in chain], [pair.certificate.facts for pair in roots], usage)
    return found.message if found is not None else None


@pytest.mark.parametrize(
    ("chain", "roots"),
    [
        ([LEAF, LOWER, MIDDLE], [ROOT]),
        ([LEAF, MIDDLE, LOWER], [ROOT]),
        ([LEAF, LOWER, MIDDLE, ROOT], [ROOT]),
        ([LEAF, LOWER], [MIDDLE]),
        ([LEAF], [TWIN, LOWER]),
        ([LEAF], [LEAF]),
        ([LEAF, LOWER, MIDDLE], [TWIN, ROOT]),
    ],
)
def test_accepted(chain: list[Pair], roots: list[Pair]) -> None:
    """Intermediates in any order, and whatever is in the bundle is a root."""
    assert judge(chain, roots) is None


@pytest.mark.parametrize(
    ("chain", "roots", "message"),
    [
        ([LEAF], [ROOT], "its issuer is CN=lower, and trusted are CN=root"),
        ([LEAF, LOWER], [ROOT], "its issuer is CN=middle, and trusted are CN=root"),
        (
            [LEAF, LOWER, MIDDLE],
            [TWIN],
            "a CA CN=root is trusted, but it was another one of this name, with another key, that signed it",
        ),
        ([ROOT], [MIDDLE], "it is self-signed, and trusted are CN=middle"),
        ([LEAF], [altered(LOWER, is_ca=False)], "is not a CA (basicConstraints)"),
        ([LEAF], [altered(LOWER, key_usages=("digital signature",))], "may not sign certificates (keyUsage)"),
        ([LEAF], [altered(LOWER, usages=("client auth",))], "is not for server auth"),
        ([LEAF, LOWER], [altered(MIDDLE, path_length=0)], "CN=middle allows 0 CAs below it, there are 1"),
        (
            [LEAF],
            [altered(LOWER, name_constraints=NameConstraints(permitted=("dns:example.org",)))],
            "dns:api.example.com is outside the name constraints of CN=lower",
        ),
    ],
)
def test_refused(chain: list[Pair], roots: list[Pair], message: str) -> None:
    """The reason says which certificate, and what was expected."""
    assert judge(chain, roots) == message


def test_one_good_path_is_enough() -> None:
    """A bad CA of the same key beside the good one hurts nobody."""
    assert judge([LEAF], [altered(LOWER, is_ca=False), LOWER]) is None


@pytest.mark.parametrize(
    ("usages", "allowed"),
    [
        ((), True),
        (("server auth",), True),
        (("1.3.6.1.5.5.7.3.1",), True),
        (("2.5.29.37.0",), True),
        (("client auth",), False),
    ],
)
def test_allows(usages: tuple[str, ...], allowed: bool) -> None:
    """Without the extension everything is allowed, as in crypto/x509."""
    assert allows(usages, "server auth") is allowed
