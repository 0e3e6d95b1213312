"""One pair's home: the hidden directory with its generations, and the link to the current one."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import msgspec

from reconciler.stores.directories import DIRECTORY_MODE, Directory, inside, make_directory, sync
from reconciler.stores.durable import Content, link_in, read_entry, remove_entry, replace_by_link, write_new
from reconciler.stores.errors import StoreError, naming
from reconciler.stores.publication import META_NAME, Meta, tag_of

CURRENT: Final = "current"
_GENERATION: Final = re.compile(r"[0-9]{6,}-[0-9a-f]{8}")


def home_of(stem: str) -> str:
    """The name of the hidden directory of a pair."""
    return f".{stem}"


def link_to(stem: str, name: str) -> str:
    """What the link at a published name says."""
    return f"{home_of(stem)}/{CURRENT}/{name}"


def current_of(home: Directory) -> str | None:
    """The generation that readers see; None when there is none.

    Raises:
        StoreError: the link cannot be read.
    """
    target = link_in(home, CURRENT)
    return target if target is not None and _GENERATION.fullmatch(target) else None


def number_of(name: str | None) -> int:
    """The number of a generation by its name; 0 for none."""
    return int(name.partition("-")[0]) if name else 0


def find(home: Directory, intent: str) -> str | None:
    """The generation that was staged for an intent.

    Raises:
        StoreError: the directory cannot be listed.
    """
    tag = tag_of(intent)
    return max((name for name in _names(home) if name.endswith(f"-{tag}")), default=None)


def write_generation(home: Directory, name: str, files: Iterable[tuple[str, Content]], meta: Meta) -> None:
    """Writes a generation: closed to others while it grows, durable with its name when this returns.

    Raises:
        StoreError: something could not be written; what was is left for `remove_generation`.
    """
    remove_generation(home, name)
    with naming(home.child(name)):
        make_directory(home, name, 0o700)
    with inside(home, name) as directory:
        for entry, content in files:
            with naming(directory.child(entry)):
                write_new(directory, entry, content)
        record = msgspec.json.format(msgspec.json.encode(meta)) + b"\n"
        with naming(directory.child(META_NAME)):
            write_new(directory, META_NAME, Content(record, 0o644, None, None))
        with naming(directory.path):
            # Certificates are for everybody; the key is guarded by its own mode.
            os.fchmod(directory.fd, DIRECTORY_MODE)
        sync(directory)
    sync(home)


def read_meta(home: Directory, name: str) -> Meta:
    """The record inside a generation.

    Raises:
        StoreError: it is missing or not ours.
    """
    with inside(home, name) as directory:
        content = read_entry(directory, META_NAME)
        path = directory.child(META_NAME)
    if content is None:
        raise StoreError(path, "it is missing")
    try:
        return msgspec.json.decode(content.data, type=Meta)
    except msgspec.DecodeError as error:
        raise StoreError(path, "it is not the record of a generation") from error


def switch(home: Directory, name: str) -> None:
    """Makes a generation the current one, durably.

    Raises:
        StoreError: the disk refused; readers see the old or the new one, whole.
    """
    if link_in(home, CURRENT) != name:
        replace_by_link(home, CURRENT, name)
    sync(home)


def entries_of(home: Directory, name: str) -> frozenset[str]:
    """The published names of a generation; empty when it is gone.

    Raises:
        StoreError: it cannot be listed.
    """
    try:
        with inside(home, name) as directory, naming(directory.path):
            return frozenset(os.listdir(directory.fd)) - {META_NAME}
    except StoreError as error:
        if error.errno != errno.ENOENT:
            raise
        return frozenset()


def collect(home: Directory) -> None:
    """Removes every generation but the current one and the one before it, as far as the disk lets us.

    What stays behind is found again by the next publication.
    """
    with suppress(StoreError):
        current = current_of(home)
        names = _names(home)
        before = [name for name in names if number_of(name) < number_of(current)]
        kept = {current, max(before, key=number_of, default=None)}
        for name in names:
            if name not in kept:
                remove_generation(home, name)


def remove_older(home: Directory) -> None:
    """Removes every generation before the current one.

    Raises:
        StoreError: something could not be removed.
    """
    current = number_of(current_of(home))
    for name in _names(home):
        if number_of(name) < current:
            remove_generation(home, name)
    sync(home)


def remove_generation(home: Directory, name: str) -> None:
    """Removes a generation and its files; nothing there is fine.

    Raises:
        StoreError: it could not be removed.
    """
    try:
        with inside(home, name) as directory, naming(directory.path):
            for entry in os.listdir(directory.fd):
                remove_entry(directory, entry)
    except StoreError as error:
        if error.errno != errno.ENOENT:
            raise
        return
    with naming(home.child(name)):
        os.rmdir(name, dir_fd=home.fd)


def remove_home(parent: Directory, stem: str) -> None:
    """Removes a pair's hidden directory with all generations; what is not ours in it stays, and keeps it.

    Raises:
        StoreError: something of ours could not be removed.
    """
    try:
        with inside(parent, home_of(stem)) as home:
            with naming(home.path):
                if current_of(home) is not None:
                    remove_entry(home, CURRENT)
            for name in _names(home):
                remove_generation(home, name)
    except StoreError as error:
        if error.errno != errno.ENOENT:
            raise
        return
    with suppress(OSError):
        os.rmdir(home_of(stem), dir_fd=parent.fd)


def _names(home: Directory) -> tuple[str, ...]:
    with naming(home.path):
        return tuple(sorted(name for name in os.listdir(home.fd) if _GENERATION.fullmatch(name)))
