"""The formats of a verification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from reconciler.render.graph_svg import render_svg
from reconciler.render.json_text import render_json
from reconciler.render.verification_html import render_verification_html
from reconciler.render.verification_text import render_verification_text
from reconciler.trust.document import VerificationDocument


class VerificationRenderer(Protocol):
    """A format: the whole verification as a string that ends with a newline."""

    def __call__(self, document: VerificationDocument, *, color: bool = False) -> str:
        """Renders.

        Args:
            document: the verification.
            color: whether escape codes may be used.
        """
        ...


def render_verification_json(document: VerificationDocument, *, color: bool = False) -> str:
    """The document itself, on one line."""
    del color  # Every renderer is called alike.
    return render_json(document)


#: By the word of ``--format``.
RENDERERS: Final[Mapping[str, VerificationRenderer]] = {
    "text": render_verification_text,
    "json": render_verification_json,
    "svg": render_svg,
    "html": render_verification_html,
}
