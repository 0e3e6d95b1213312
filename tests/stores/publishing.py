"""Short ways to publish, and to say what then stands on disk."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from reconciler.desired.place import Place
from reconciler.stores.files import OutFile, Publication, commit, stage

KEY_MODE: Final = 0o600
CERTIFICATE_MODE: Final = 0o644


def place(root: Path, path: str = "etc/pki/api", *, layout: Literal["generations", "plain"] = "generations") -> Place:
    """A place below a root."""
    return Place(store="files", root=str(root), path=path, layout=layout)


def pair(name: str, *, key: str = "") -> tuple[OutFile, ...]:
    """A key and a certificate that both say whose they are."""
    return (
        OutFile(suffix=".key", data=f"key of {key or name}".encode(), mode=KEY_MODE),
        OutFile(suffix=".crt", data=f"certificate of {name}".encode(), mode=CERTIFICATE_MODE),
    )


def publication(where: Place, files: tuple[OutFile, ...], *, intent: str, address: str = "component.api") -> Publication:
    """A publication for the cluster ``demo``."""
    return Publication(address=address, cluster="demo", intent=intent, place=where, files=files)


def publish(where: Place, name: str, *, key: str = "", extra: tuple[OutFile, ...] = ()) -> tuple[str, ...]:
    """Publishes the pair of a name, whose intent has the same name."""
    return commit(stage(publication(where, (*pair(name, key=key), *extra), intent=name)))


def plain_files(folder: Path, name: str) -> None:
    """A pair as anybody else would have written it."""
    folder.mkdir(parents=True)
    for file in pair(name):
        target = folder / f"api{file.suffix}"
        target.write_bytes(file.data)
        target.chmod(file.mode)


def tree(root: Path) -> dict[str, str]:
    """Everything below a root by its path: what a link says, a file's mode and content, a directory's mode."""
    return {str(path.relative_to(root)): _describe(path) for path in sorted(root.rglob("*"))}


def readable(where: Place, suffixes: tuple[str, ...] = (".key", ".crt")) -> Mapping[str, str]:
    """What readers find at the published names, through links; a name that leads nowhere is left out."""
    return dict(_readable(where, suffixes))


def generations(where: Place) -> tuple[str, ...]:
    """The numbers of the generations of a pair, the current one marked."""
    absolute = Path(where.absolute)
    home = absolute.parent / f".{absolute.name}"
    current = (home / "current").readlink().name if (home / "current").is_symlink() else ""
    return tuple(
        entry.name.partition("-")[0].lstrip("0") + ("*" if entry.name == current else "")
        for entry in sorted(home.iterdir())
        if entry.is_dir() and not entry.is_symlink()
    )


def _readable(where: Place, suffixes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for suffix in suffixes:
        path = Path(f"{where.absolute}{suffix}")
        if path.exists():
            yield suffix, path.read_text()


def _describe(path: Path) -> str:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return f"-> {path.readlink()}"
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    return f"{mode} {path.read_text()}" if stat.S_ISREG(status.st_mode) else mode
