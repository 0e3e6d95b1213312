"""A cluster set up by hand with cfssl: the same programs, whose files are called ``NAME.pem`` and ``NAME-key.pem``."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Final

from tests.builders import NOW
from tests.clusters.by_hand import by_hand

_ENDINGS: Final = {".crt": ".pem", ".key": "-key.pem"}
_NAME: Final = re.compile(r"(?<=[\w-])(\.crt|\.key)\b")


def cfssl(directory: Path, *, now: datetime = NOW, one_ca: bool = True) -> Path:
    """Writes ``directory/controlplane/…`` and ``directory/node01/…``; see `by_hand`."""
    by_hand(directory, now=now, one_ca=one_ca)
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if path.suffix in _ENDINGS:
            path.rename(path.with_name(f"{path.stem}{_ENDINGS[path.suffix]}"))
        else:
            path.write_text(_NAME.sub(lambda match: _ENDINGS[match[1]], path.read_text(encoding="utf-8")), encoding="utf-8")
    return directory
