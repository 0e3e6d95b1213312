"""A reconciler in the test's own process over a site, with a played source and clock."""

from __future__ import annotations

from typing import Any

import yaml

from reconciler.daemon.reconciler import Reconciler, Step
from tests.daemon.followed import Played
from tests.daemon.scene import Scene, walk
from tests.vault_stories.site import Site


class Watched:
    """What `run` does with the desired state of a site, cycle by cycle."""

    def __init__(self, site: Site) -> None:
        """Starts with the document as it is."""
        self.site = site
        self.scene = _Here(home=site.path, source=Played(one=self._text()), now=site.now())
        self.reconciler: Reconciler = self.scene.start(root=str(site.path))
        self.steps: list[Step] = []

    def commit(self, name: str) -> None:
        """The document of now is the next commit."""
        self.scene.source.commits[name] = self._text()
        self.scene.source.head = name

    def cycle(self, minutes: float = 5) -> Step:
        """Time passes, and the loop wakes; what it says must not hold a secret."""
        self.scene.pass_time(minutes * 60)
        self.site.offset = self.scene.now - (self.site.now() - self.site.offset)
        with self.site.in_place():
            self.steps += (fresh := walk(self.reconciler, "interval"))
        self.site.told.append((self.site.path / "state/status.json").read_text())
        return fresh[-1]

    def cycles(self, number: int, minutes: float = 5) -> Step:
        """Several."""
        for _ in range(number):
            last = self.cycle(minutes)
        return last

    def status(self) -> str:
        """What the status says, as text."""
        return (self.site.path / "state/status.json").read_text()

    def signed(self, address: str) -> int:
        """How often something was signed for an address."""
        return self.scene.audit.count(address)

    def close(self) -> None:
        """Ends it."""
        self.reconciler._following.close()

    def _text(self) -> str:
        return yaml.safe_dump(self.site.document)


class _Here(Scene):
    """With the state of the site."""

    def start(self, **fields: Any) -> Reconciler:  # noqa: ANN401 - any field of the settings
        return super().start(**fields)
