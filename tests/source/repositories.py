"""Real repositories for tests: the same commits every time, made by real git, signed by real keys."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MAIN: Final = "cluster-pki.yaml"
TEXT: Final = "apiVersion: cluster-pki/v1\ncluster: demo\n"
#: 2026-01-01. Each commit of a repository is a minute later.
EPOCH: Final = 1767225600


def run(*command: str | Path, cwd: Path, environ: dict[str, str] | None = None, data: str | None = None) -> str:
    """Runs a program to its end, which must be a good one; returns what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environ or {"PATH": os.environ["PATH"], "LC_ALL": "C"},
        input=data,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


@dataclass(kw_only=True)
class Repository:
    """A checkout, or a bare repository."""

    path: Path
    minutes: int = field(default=0)

    def git(self, *arguments: str | Path, data: str | None = None) -> str:
        """Runs git here, as somebody whose configuration is empty."""
        when = f"{EPOCH + 60 * self.minutes} +0000"
        environ = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_DATE": when,
            **{f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in WHO.items()},
        }
        return run("git", *arguments, cwd=self.path, environ=environ, data=data)

    def write(self, files: dict[str, str]) -> None:
        """Writes files into the work tree."""
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def commit(self, files: dict[str, str] | None = None, *, key: Path | None = None, author: str = "") -> str:
        """Commits files (by default a new text of the main file); returns the commit.

        Args:
            files: names and texts.
            key: an SSH key to sign with.
            author: who is claimed to have made it.
        """
        self.minutes += 1
        self.write(files or {MAIN: f"{TEXT}# {self.minutes}\n"})
        self.git("add", "--all")
        signing = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}") if key else ()
        options = (*(("-S",) if key else ()), *((f"--author={author}",) if author else ()))
        self.git(*signing, "commit", "--quiet", "--allow-empty", "-m", f"change {self.minutes}", *options)
        return self.git("rev-parse", "HEAD")

    def commit_tree(self, entries: str) -> str:
        """Commits a tree as ``git mktree`` reads it, whatever a checkout would make of it; returns the commit."""
        self.minutes += 1
        tree = self.git("mktree", "--missing", data=entries)
        commit = self.git("commit-tree", tree, "-m", "odd")
        self.git("update-ref", "HEAD", commit)
        return commit


WHO: Final = {"NAME": "Operator", "EMAIL": "operator@example.com"}


def new_repository(path: Path, *, bare: bool = False, object_format: str = "sha1") -> Repository:
    """An empty repository with the branch main."""
    path.mkdir(parents=True, exist_ok=True)
    repository = Repository(path=path)
    options = (*(("--bare",) if bare else ()), f"--object-format={object_format}", "--template=")
    repository.git("init", "--quiet", "-b", "main", *options)
    return repository


def flip(root: Path, target: Path, *, link: str = "current") -> None:
    """Publishes a directory as git-sync does: a relative link, renamed into place."""
    (root / "tmp-link").symlink_to(os.path.relpath(target, root))
    (root / "tmp-link").rename(root / link)


def listing(root: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Mode, size, time of change in nanoseconds and content of everything below a directory."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(root))] = (status.st_mode, status.st_size, status.st_mtime_ns, content)
    return found
