"""The formats of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import import_module
from typing import ClassVar, Final, Protocol, cast

from reconciler.plan.document import PlanDocument


class PlanRenderer(Protocol):
    """A format: the whole plan as a string that ends with a newline."""

    def __call__(self, document: PlanDocument, *, now: datetime, color: bool = False, hints: bool = False) -> str:
        """Renders.

        Args:
            document: the plan.
            now: what "in 11d 4h" counts from; aware.
            color: whether escape codes may be used.
            hints: whether to say what to do next.
        """
        ...


class Formats(Mapping[str, PlanRenderer]):
    """Renderers by the word of ``--format``; each is imported when it is asked for, because a plan shows one of them."""

    _PLACES: ClassVar = {
        "text": ("reconciler.render.plan_text", "render_text"),
        "json": ("reconciler.render.plan_json", "render_plan_json"),
        "markdown": ("reconciler.render.plan_markdown", "render_markdown"),
        "github": ("reconciler.render.plan_github", "render_github"),
    }

    def __getitem__(self, form: str) -> PlanRenderer:
        module, name = self._PLACES[form]
        return cast("PlanRenderer", getattr(import_module(module), name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._PLACES)

    def __len__(self) -> int:
        return len(self._PLACES)


RENDERERS: Final = Formats()
