"""Who signed: only a valid signature by a key that is trusted now lets a commit pass, whoever is claimed as its author."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from reconciler.source.git import GitSource
from reconciler.source.gpg_status import BadSignature, GoodSignature, judge
from reconciler.source.revision import Revision, SourceError
from reconciler.source.signatures import GpgVerifier, SshVerifier, Verifier
from tests.source.conftest import Follow
from tests.source.repositories import MAIN, TEXT, Repository, new_repository, run

Keys = Callable[[str], Path]
NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)


def public(key: Path) -> str:
    """The public half, without its comment."""
    return " ".join(key.with_suffix(".pub").read_text(encoding="utf-8").split()[:2])


def fingerprint(key: Path) -> str:
    """``SHA256:…``."""
    return run("ssh-keygen", "-l", "-f", key.with_suffix(".pub"), cwd=key.parent).split()[1]


@pytest.fixture
def signed(repository: Repository, keys: Keys) -> Repository:
    """A checkout whose second commit Alice signed."""
    repository.commit(key=keys("alice"))
    return repository


@pytest.fixture
def signers(tmp_path: Path, keys: Keys) -> Path:
    """A file that trusts Alice."""
    path = tmp_path / "allowed_signers"
    path.write_text(f'alice@example.com namespaces="git" {public(keys("alice"))}\n', encoding="utf-8")
    return path


def judged(source: GitSource, last: Revision | None = None) -> tuple[str, str]:
    """``signed`` and by whom, or the reason and message of the refusal."""
    try:
        revision = source.open(last, allow_rollback=False).revision
    except SourceError as error:
        return error.reason, error.message
    return ("signed" if revision.signed else "unsigned"), revision.signer


def test_a_good_signature(repository: Repository, follow: Follow, signers: Path, keys: Keys) -> None:
    """The revision names the principal and the key."""
    commit = repository.commit(key=keys("alice"))
    opened = follow(repository.path, verifier=SshVerifier(str(signers))).open(None, allow_rollback=False)
    assert opened.revision == Revision(
        kind="git",
        id=commit,
        location=str(repository.path),
        path=MAIN,
        ref="HEAD",
        signed=True,
        signer="alice@example.com",
        key=fingerprint(keys("alice")),
    )
    assert opened.source.read(MAIN).decode() == f"{TEXT}# 2\n"


def test_the_author_does_not_count(repository: Repository, follow: Follow, signers: Path, keys: Keys) -> None:
    """Alice may commit in somebody's name, and is named; Mallory may not in hers."""
    source = follow(repository.path, verifier=SshVerifier(str(signers)))
    repository.commit(key=keys("alice"), author="Root <root@example.com>")
    assert judged(source) == ("signed", "alice@example.com")
    repository.commit(key=keys("mallory"), author="Alice <alice@example.com>")
    assert judged(source)[0] == "UnknownSigner"


# What the signers file says of Alice's key, and what becomes of her commit of 2026-01-01. {alice} and {mallory} are keys.
SIGNERS: Final = {
    "plain": ("alice@example.com {alice}", "signed", "alice@example.com"),
    "several": ("mallory@example.com {mallory}\nalice@example.com {alice}", "signed", "alice@example.com"),
    "pattern": ("*@example.com {alice}", "signed", "*@example.com"),
    "junk beside it": ("what is this\n\nalice@example.com {alice}", "signed", "alice@example.com"),
    "comment": ("# alice@example.com {alice}", "UnknownSigner", "is not among the signers"),
    "unknown": ("mallory@example.com {mallory}", "UnknownSigner", "is not among the signers"),
    "empty": ("", "UnknownSigner", "is not among the signers"),
    "other use": ('alice@example.com namespaces="file" {alice}', "UnknownSigner", "is not among the signers"),
    "authority": ("alice@example.com cert-authority {alice}", "UnknownSigner", "is not among the signers"),
    "still valid": ('alice@example.com valid-before="20260701" {alice}', "signed", "alice@example.com"),
    # Valid on the commit's date, which its author chose.
    "expired": ('alice@example.com valid-before="20260501" {alice}', "SignatureExpired", "the key that signed has expired"),
    "long expired": ('alice@example.com valid-before="20200101" {alice}', "SignatureExpired", "has expired"),
    "not yet": ('alice@example.com valid-after="20300101" {alice}', "SignatureExpired", "is not valid yet"),
    "renewed": ('a valid-before="20200101" {alice}\nalice@example.com {alice}', "signed", "alice@example.com"),
}


@pytest.mark.parametrize(("line", "verdict", "message"), SIGNERS.values(), ids=SIGNERS)
def test_what_a_signers_file_allows(line: str, verdict: str, message: str, signed: Repository, keys: Keys) -> None:
    """Keys count as the file says, at the time of looking."""
    path = signed.path.parent / "signers"
    path.write_text(line.format(alice=public(keys("alice")), mallory=public(keys("mallory"))) + "\n", encoding="utf-8")
    source = GitSource(str(signed.path), verifier=SshVerifier(str(path)), environ={"PATH": os.environ["PATH"]}, clock=lambda: NOW)
    found = judged(source)
    source.close()
    assert (found[0], message in found[1]) == (verdict, True)


@pytest.mark.parametrize("form", ["list", "krl"])
def test_a_revoked_key(form: str, repository: Repository, follow: Follow, signers: Path, keys: Keys) -> None:
    """A file beside the signers file takes keys back, as text or as ssh-keygen -k makes it, and counts at once."""
    repository.commit(key=keys("alice"))
    source = follow(repository.path, verifier=SshVerifier(str(signers)))
    assert judged(source)[0] == "signed"
    revoked = signers.with_name("allowed_signers.revoked")
    if form == "list":
        revoked.write_text(f"{public(keys('mallory'))}\n", encoding="utf-8")
        assert judged(source)[0] == "signed"
        revoked.write_text(f"{public(keys('alice'))}\n", encoding="utf-8")
    else:
        run("ssh-keygen", "-q", "-k", "-f", revoked, keys("alice").with_suffix(".pub"), cwd=revoked.parent)
    assert judged(source) == (
        "SignatureRevoked",
        f"commit {source.poll()[:12]}: the key of alice@example.com is revoked by {revoked}",
    )
    elsewhere = follow(repository.path, verifier=SshVerifier(str(signers), revoked=str(revoked.with_name("none"))))
    assert judged(elsewhere)[0] == "VerifierMissing"


def test_an_unsigned_commit(repository: Repository, follow: Follow, signers: Path) -> None:
    """Is refused by both kinds of verifier, with both the way out and the commit."""
    commit = repository.git("rev-parse", "HEAD")
    for verifier in (SshVerifier(str(signers)), GpgVerifier(str(signers))):
        expected = ("Unsigned", f"commit {commit[:12]}: the commit is not signed")
        assert judged(follow(repository.path, verifier=verifier)) == expected


def rewritten(repository: Repository, commit: str, change: Callable[[bytes], bytes]) -> str:
    """A commit made from another's bytes, and put in place of HEAD."""
    command = ("git", "-C", str(repository.path))
    data = subprocess.run([*command, "cat-file", "commit", commit], capture_output=True, check=True).stdout
    changed = change(data)
    assert changed != data
    written = (*command, "hash-object", "-w", "-t", "commit", "--literally", "--stdin")
    made = subprocess.run(written, input=changed, capture_output=True, check=True).stdout.decode().strip()
    repository.git("update-ref", "--no-deref", "HEAD", made)
    return made


def signature_of(data: bytes) -> bytes:
    """The signature header of a commit."""
    return b"gpgsig " + data.split(b"gpgsig ")[1].split(b"\n\n")[0] + b"\n"


TAMPERED: Final[dict[str, tuple[Callable[[bytes], bytes], str]]] = {
    "message": (lambda data: data + b"and more\n", "SignatureInvalid"),
    "parent": (lambda data: b"\n".join(line for line in data.split(b"\n") if not line.startswith(b"parent")), "SignatureInvalid"),
    "date": (lambda data: data.replace(b"committer Operator", b"committer Somebody"), "SignatureInvalid"),
    "cut": (lambda data: data.replace(b"-----END SSH SIGNATURE-----", b""), "SignatureInvalid"),
    "twice": (lambda data: data.replace(b"gpgsig ", signature_of(data) + b"gpgsig "), "SignatureInvalid"),
    "other kind": (lambda data: data.replace(b"SSH SIGNATURE", b"PGP SIGNATURE"), "UnknownSigner"),
    "stripped": (lambda data: data.replace(signature_of(data).strip() + b"\n", b""), "Unsigned"),
    "renamed": (lambda data: data.replace(b"gpgsig ", b"gpgsig-sha256 "), "Unsigned"),
    "not a signature": (
        lambda data: data.replace(signature_of(data).strip(), b"gpgsig -----BEGIN SSH SIGNATURE-----\n junk"),
        "SignatureInvalid",
    ),
    # A tree beside the one that was signed: git and we must agree on which is meant, so we take neither.
    "second tree": (lambda data: data.replace(b"\nparent", b"\ntree " + b"1" * 40 + b"\nparent", 1), "CommitUnreadable"),
    "header of another signature": (lambda data: data.replace(b"gpgsig ", b"gpgsig-sha256 a\n b\ngpgsig "), "signed"),
}


@pytest.mark.parametrize(("change", "verdict"), TAMPERED.values(), ids=TAMPERED)
def test_commits_that_were_changed_after_they_were_signed(
    change: Callable[[bytes], bytes], verdict: str, signed: Repository, follow: Follow, signers: Path
) -> None:
    """Nothing that was signed can be changed; what is not signed (another header of a signature) says nothing."""
    rewritten(signed, "HEAD", change)
    assert judged(follow(signed.path, verifier=SshVerifier(str(signers))))[0] == verdict


def test_sha256_commits_are_signed_too(tmp_path: Path, follow: Follow, signers: Path, keys: Keys) -> None:
    """Their signature stands in another header."""
    repository = new_repository(tmp_path / "modern", object_format="sha256")
    repository.commit(key=keys("alice"))
    assert judged(follow(repository.path, verifier=SshVerifier(str(signers)))) == ("signed", "alice@example.com")


def test_a_tag_counts_by_its_commit(repository: Repository, follow: Follow, signers: Path, keys: Keys) -> None:
    """A signed tag of an unsigned commit is refused; the commit is what is acted on."""
    options = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={keys('alice')}")
    repository.git(*options, "tag", "-s", "-m", "signed tag", "v1")
    assert judged(follow(repository.path, ref="v1", verifier=SshVerifier(str(signers))))[0] == "Unsigned"
    repository.commit(key=keys("alice"))
    repository.git("tag", "-a", "-m", "plain tag", "v2")
    assert judged(follow(repository.path, ref="v2", verifier=SshVerifier(str(signers)))) == ("signed", "alice@example.com")


def test_signed_commits_must_follow_from_the_last_one(repository: Repository, follow: Follow, signers: Path, keys: Keys) -> None:
    """A replayed, a replaced and an unprovable history are refused although every commit is signed."""
    verifier = SshVerifier(str(signers))
    old, new = repository.commit(key=keys("alice")), repository.commit(key=keys("alice"))
    source = follow(repository.path, verifier=verifier)
    last = source.open(None, allow_rollback=False).revision
    repository.git("reset", "--quiet", "--hard", old)
    assert judged(source, last) == ("RolledBack", f"HEAD went back from {new[:12]} to {old[:12]}, an older commit")
    repository.commit({MAIN: "cluster: other\n"}, key=keys("alice"))
    assert judged(source, last)[0] == "ForcePushed"
    repository.git("reset", "--quiet", "--hard", new)
    for _ in range(2):
        repository.commit(key=keys("alice"))
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.path}", "../shallow")
    shallow = follow(repository.path.parent / "shallow", verifier=verifier)
    moved = Revision(kind="git", id=new, location=str(repository.path.parent / "shallow"), path=MAIN, ref="HEAD")
    assert judged(shallow, moved)[0] == "AncestryUnknown"
    assert shallow.open(moved, allow_rollback=True).revision.note.endswith("between them; allowed")


def test_a_forged_history_does_not_prove_a_step_forward(
    repository: Repository, follow: Follow, signers: Path, keys: Keys
) -> None:
    """A commit graph, or an object under another's name, that says otherwise is not believed."""
    old, new = repository.commit(key=keys("alice")), repository.commit(key=keys("alice"))
    repository.git("reset", "--quiet", "--hard", old)
    source = follow(repository.path, verifier=SshVerifier(str(signers)))
    last = Revision(kind="git", id=new, location=str(repository.path), path=MAIN, ref="HEAD")
    # The old commit's parent is made to look as if it followed from the new one: `git merge-base` would be taken in.
    parent = repository.git("rev-parse", f"{old}~1")
    liar = repository.git("commit-tree", "HEAD^{tree}", "-p", new, "-m", "liar")
    objects = repository.path / ".git/objects"
    target = objects / parent[:2] / parent[2:]
    target.chmod(0o644)
    shutil.copyfile(objects / liar[:2] / liar[2:], target)
    assert repository.git("merge-base", "--is-ancestor", new, old) == ""
    assert judged(source, last) == (
        "CommitUnreadable",
        f"object {parent[:12]} is not what its name says: the repository is damaged, or somebody changed it",
    )


@pytest.mark.parametrize("kind", [SshVerifier, GpgVerifier])
@pytest.mark.parametrize("where", ["missing", "directory", "fifo"])
def test_signers_that_cannot_be_read(
    where: str, kind: Callable[[str], Verifier], signed: Repository, follow: Follow, gpg: Gpg
) -> None:
    """Nothing is acted on; least of all on the word of a missing file."""
    if kind is GpgVerifier:
        gpg.commit(signed, "good")
    path = signed.path.parent / "signers"
    match where:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
    reason, message = judged(follow(signed.path, verifier=kind(str(path))))
    assert (reason, f"{path} cannot be read" in message) == ("VerifierMissing", True)


@pytest.mark.parametrize("program", ["ssh-keygen", "gpg"])
def test_without_the_program(program: str, signed: Repository, follow: Follow, signers: Path, tmp_path: Path) -> None:
    """The condition names the package's program."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(str(shutil.which("git")))
    environ = {"PATH": str(tmp_path / "bin"), "TMPDIR": str(tmp_path / "scratch")}
    verifier = SshVerifier(str(signers)) if program == "ssh-keygen" else GpgVerifier(str(signers))
    message = f"commit {signed.git('rev-parse', 'HEAD')[:12]}: checking signatures needs {program}, and there is none on the PATH"
    assert judged(follow(signed.path, verifier=verifier, environ=environ)) == ("VerifierMissing", message)


@pytest.mark.parametrize("place", ["signers", "link", ".git/signers", "linked-directory"])
def test_signers_inside_the_repository(place: str, repository: Repository, follow: Follow, signers: Path, tmp_path: Path) -> None:
    """Whoever can push could add himself: refused, also through links in either direction, and from a linked worktree."""
    repository.commit({"signers": signers.read_text(encoding="utf-8")})
    shutil.copy(signers, repository.path / ".git/signers")
    paths = {
        "signers": repository.path / "signers",
        ".git/signers": repository.path / ".git/signers",
        "link": tmp_path / "link",
        "linked-directory": tmp_path / "directory/signers",
    }
    (tmp_path / "link").symlink_to(repository.path / "signers")
    (tmp_path / "directory").symlink_to(repository.path)
    repository.git("worktree", "add", "--quiet", "--detach", "../linked")
    for directory in (repository.path, repository.path.parent / "linked"):
        source = follow(directory, verifier=SshVerifier(str(paths[place])))
        assert judged(source)[0] == "VerifierUntrusted"


# --- OpenPGP -----------------------------------------------------------------------------------------------------------


class Gpg:
    """A home with keys: good, expired, revoked and unknown; and a keyring file with all but the last."""

    def __init__(self, home: Path) -> None:
        """Makes the keys."""
        self.home = home
        self.environ = {"PATH": os.environ["PATH"], "LC_ALL": "C", "GNUPGHOME": str(home), "HOME": str(home)}
        past = "20250101T000000"
        for name, expiry in (("good", "never"), ("expired", "20260101T000000"), ("revoked", "never"), ("unknown", "never")):
            self.run("--faked-system-time", past, "--quick-gen-key", f"{name} <{name}@example.com>", "ed25519", "sign", expiry)
        self.keyring = home / "keyring.asc"
        self.keyring.write_text(self.run("--armor", "--export", "good", "expired", "revoked"), encoding="utf-8")
        self._revoke("revoked")

    def _revoke(self, name: str) -> None:
        """Revokes a key in the keyring file, and not in the home, where it goes on signing: so a thief would do."""
        certificate = self.home / "openpgp-revocs.d" / f"{self.fingerprint(name)}.rev"
        text = certificate.read_text(encoding="utf-8").replace(":-----BEGIN", "-----BEGIN")
        (self.home / "revoke").write_text(text, encoding="utf-8")
        other = self.home / "other"
        other.mkdir(mode=0o700)
        environ = self.environ | {"GNUPGHOME": str(other)}
        command = ("gpg", "--batch", "--quiet", "--no-tty", "--no-autostart")
        run(*command, "--import", self.keyring, self.home / "revoke", cwd=other, environ=environ)
        self.keyring.write_text(run(*command, "--armor", "--export", cwd=other, environ=environ), encoding="utf-8")

    def run(self, *arguments: str) -> str:
        """Runs gpg on the home."""
        command = ("gpg", "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", *arguments)
        return run(*command, cwd=self.home, environ=self.environ)

    def fingerprint(self, name: str) -> str:
        """A key's fingerprint."""
        lines = self.run("--with-colons", "--list-keys", f"{name}@example.com").splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr:"))

    def commit(self, repository: Repository, name: str) -> None:
        """Signs a commit on a day when every key was valid."""
        program = self.home / f"sign-{name}"
        day = "--faked-system-time 20250601T000000 --batch --no-tty --pinentry-mode loopback"
        program.write_text(f'#!/bin/sh\nGNUPGHOME={self.home} exec gpg {day} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        repository.git("-c", f"gpg.program={program}", "commit", "--quiet", "--allow-empty", f"-S{name}@example.com", "-m", name)


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    """A GnuPG home with a short path (its socket's name may have 107 bytes), whose agent ends with it."""
    home = Path(tempfile.mkdtemp(prefix="gpg-"))
    try:
        yield Gpg(home)
    finally:
        environ = {"PATH": os.environ["PATH"], "GNUPGHOME": str(home)}
        run("gpgconf", "--kill", "all", cwd=home, environ=environ)
        shutil.rmtree(home, ignore_errors=True)


GPG: Final = {
    "good": ("signed", ""),
    "expired": ("SignatureExpired", "the key that signed has expired"),
    "revoked": ("SignatureRevoked", "the key that signed is revoked"),
    "unknown": ("UnknownSigner", "is not in the keyring"),
}


@pytest.mark.parametrize(("name", "expected"), GPG.items(), ids=GPG)
def test_openpgp_signatures(name: str, expected: tuple[str, str], repository: Repository, follow: Follow, gpg: Gpg) -> None:
    """By a keyring of exported keys; who signed is the fingerprint."""
    gpg.commit(repository, name)
    source = follow(repository.path, verifier=GpgVerifier(str(gpg.keyring)))
    found = judged(source)
    assert (found[0], (expected[1] or gpg.fingerprint("good")) in found[1]) == (expected[0], True)
    ours = [line for line in running() if str(repository.path.parent) in line]
    assert ours == []


def running() -> list[str]:
    """The command lines of all processes."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return [line for line in lines if "gpg-agent" in line or "keyboxd" in line or "dirmngr" in line]


def test_a_tampered_openpgp_commit(repository: Repository, follow: Follow, gpg: Gpg) -> None:
    """Is refused; a binary keyring reads as well."""
    gpg.commit(repository, "good")
    binary = gpg.home / "keyring.gpg"
    run("gpg", "--batch", "--yes", "--output", binary, "--dearmor", gpg.keyring, cwd=gpg.home, environ=gpg.environ)
    source = follow(repository.path, verifier=GpgVerifier(str(binary)))
    assert judged(source)[0] == "signed"
    rewritten(repository, "HEAD", lambda data: data + b"more\n")
    assert judged(source)[0] == "SignatureInvalid"


def test_a_keyring_without_keys(repository: Repository, follow: Follow, gpg: Gpg, tmp_path: Path) -> None:
    """Is no keyring."""
    gpg.commit(repository, "good")
    (tmp_path / "empty").write_text("nothing\n", encoding="utf-8")
    reason, message = judged(follow(repository.path, verifier=GpgVerifier(str(tmp_path / "empty"))))
    assert (reason, "holds no OpenPGP public key" in message) == ("VerifierMissing", True)


def test_an_ssh_signature_where_openpgp_is_asked_for(
    repository: Repository, follow: Follow, gpg: Gpg, keys: Keys, signers: Path
) -> None:
    """One kind does not stand in for the other."""
    repository.commit(key=keys("alice"))
    assert judged(follow(repository.path, verifier=GpgVerifier(str(gpg.keyring))))[0] == "UnknownSigner"
    gpg.commit(repository, "good")
    assert judged(follow(repository.path, verifier=SshVerifier(str(signers))))[0] == "UnknownSigner"


GOOD: Final = "[GNUPG:] GOODSIG 77EC Good <g@x>\n"
VALID: Final = "[GNUPG:] VALIDSIG {key} 2026-11-25 1795643915 0 4 0 22 {digest} 00 {primary}\n"
STATUS: Final = {
    "good": (GOOD + VALID.format(key="B", digest=8, primary="A"), GoodSignature(primary="A", key="B")),
    "revoked": (
        "[GNUPG:] REVKEYSIG 77EC x\n" + VALID.format(key="B", digest=8, primary="A"),
        BadSignature(reason="SignatureRevoked", message="the key that signed is revoked"),
    ),
    "good and revoked": (
        GOOD + VALID.format(key="B", digest=8, primary="A") + "[GNUPG:] REVKEYSIG 77EC x\n",
        BadSignature(reason="SignatureRevoked", message="the key that signed is revoked"),
    ),
    "expired signature": (
        "[GNUPG:] EXPSIG 77EC x\n",
        BadSignature(reason="SignatureExpired", message="the signature has expired"),
    ),
    "no key": (
        "[GNUPG:] ERRSIG 77EC 22 8 00 1795643915 9 82DE\n[GNUPG:] NO_PUBKEY 77EC\n",
        BadSignature(reason="UnknownSigner", message="key 77EC is not in the keyring"),
    ),
    "unsupported": (
        "[GNUPG:] ERRSIG 77EC 99 8 00 1795643915 4 82DE\n",
        BadSignature(reason="SignatureInvalid", message="the signature cannot be checked"),
    ),
    "sha-1": (
        GOOD + VALID.format(key="B", digest=2, primary="A"),
        BadSignature(reason="SignatureInvalid", message="the signature rests on a broken hash function"),
    ),
    "two": (
        2 * (GOOD + VALID.format(key="B", digest=8, primary="A")),
        BadSignature(reason="SignatureInvalid", message="there is no single OpenPGP signature that could be checked"),
    ),
    "good without valid": (
        GOOD,
        BadSignature(reason="SignatureInvalid", message="there is no single OpenPGP signature that could be checked"),
    ),
    "not a status line": (
        GOOD.removeprefix("[GNUPG:] "),
        BadSignature(reason="SignatureInvalid", message="there is no single OpenPGP signature that could be checked"),
    ),
    "nothing": (
        "",
        BadSignature(reason="SignatureInvalid", message="there is no single OpenPGP signature that could be checked"),
    ),
}


@pytest.mark.parametrize(("output", "verdict"), STATUS.values(), ids=STATUS)
def test_status_lines(output: str, verdict: GoodSignature | BadSignature) -> None:
    """Gpg ends with 0 for a revoked key: its words count, not its exit code."""
    assert judge(output) == verdict
