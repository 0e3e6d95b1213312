"""Who signed a commit: by SSH keys that an allowed-signers file names, or by OpenPGP keys of a keyring file.

Only the key that signed counts. The author of a commit is what its maker wrote there. For a tag as for a branch it is the
commit's own signature that is checked, because the commit is what is acted on.

Keys must be valid *now*: git itself asks whether the key was valid on the commit's date, which the holder of an expired key
is free to write.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from datetime import datetime
from typing import Final, NoReturn, Protocol

import msgspec

from reconciler.source import gpg_status
from reconciler.source.git_format import Commit
from reconciler.source.programs import ProgramError, Workshop
from reconciler.source.reading import read_regular, why
from reconciler.source.revision import Reason, SourceError

_TRUST_LIMIT: Final = 16 << 20
_SSH: Final = b"-----BEGIN SSH SIGNATURE-----\n"
_PGP: Final = b"-----BEGIN PGP SIGNATURE-----\n"
_SSH_KEY: Final = re.compile(r"^Good .* key (\S+:\S+)$", re.MULTILINE)
_MAX_PRINCIPALS: Final = 32


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed, as far as cryptography says."""

    name: str
    """A principal of the signers file, or the fingerprint of an OpenPGP primary key."""
    key: str
    """The fingerprint of the key."""


class Verifier(Protocol):
    """A way to check signatures."""

    @property
    def trusted(self) -> tuple[str, ...]:
        """The files that say who is trusted; whoever can change them decides everything. Absolute."""
        ...

    def verify(self, commit: Commit, *, workshop: Workshop, now: datetime) -> Signer:
        """Checks a commit's signature.

        Args:
            commit: whose bytes were checked against its name.
            workshop: where programs run.
            now: the time at which keys must be valid, aware.

        Raises:
            SourceError: it is unsigned, or the signature does not count.
        """
        ...


class SshVerifier:
    """SSH signatures, by a file of allowed signers (ssh-keygen(1), "ALLOWED SIGNERS").

    Keys in ``FILE.revoked`` beside it, one a line or as a key revocation list, do not count.
    """

    def __init__(self, allowed_signers: str, *, revoked: str | None = None) -> None:
        """Takes the paths; they are read at each check, so that a change counts at once.

        Args:
            allowed_signers: the file.
            revoked: the file of revoked keys; None for ``FILE.revoked``, which need not be there.
        """
        self._allowed: Final = os.path.abspath(allowed_signers)
        self._revoked: Final = os.path.abspath(revoked) if revoked else f"{self._allowed}.revoked"
        self._must_be_there: Final = revoked is not None

    @property
    def trusted(self) -> tuple[str, ...]:
        """The signers file and the file of revoked keys."""
        return (self._allowed, self._revoked)

    def verify(self, commit: Commit, *, workshop: Workshop, now: datetime) -> Signer:
        """Checks a commit's SSH signature."""
        program = _program(workshop, "ssh-keygen", "openssh-client")
        signature = _the_signature(commit, _SSH, "an SSH key")
        allowed = workshop.write("allowed_signers", _trust(self._allowed))
        payload, signed = workshop.write("payload", commit.payload), workshop.write("payload.sig", signature)
        # Local time without a zone is understood by every version (ssh-keygen(1), "TIME").
        at = f"-Overify-time={now.astimezone():%Y%m%d%H%M%S}"

        def keygen(*arguments: str) -> tuple[bool, str]:
            try:
                ran = workshop.run([program, "-Y", *arguments, "-s", signed], stdin=payload)
            except ProgramError as error:
                raise SourceError(reason="SignatureInvalid", message=f"the signature cannot be checked: {error}") from None
            return ran.code == 0, ran.output

        intact, _ = keygen("check-novalidate", "-n", "git")
        if not intact:
            _refuse("SignatureInvalid", "the SSH signature does not fit the commit: one of them was changed or forged")
        known, told = keygen("find-principals", "-f", allowed, at)
        principals = [line for line in told.splitlines() if line and not line.startswith("!")] if known else []
        for principal in principals[:_MAX_PRINCIPALS]:
            arguments = ("verify", "-f", allowed, "-I", principal, "-n", "git", at)
            good, told = keygen(*arguments)
            if not good:
                continue
            revocations = self._revocations()
            if revocations is not None and not keygen(*arguments, "-r", workshop.write("revoked", revocations))[0]:
                _refuse("SignatureRevoked", f"the key of {principal} is revoked by {self._revoked}")
            fingerprint = _SSH_KEY.search(told)
            return Signer(name=principal, key=fingerprint[1] if fingerprint else "")
        if "key has expired" in told or "key is not yet valid" in told:
            when = "has expired" if "key has expired" in told else "is not valid yet"
            _refuse("SignatureExpired", f"the key that signed {when}, says {self._allowed}")
        return _refuse("UnknownSigner", f"the key that signed is not among the signers of {self._allowed}")

    def _revocations(self) -> bytes | None:
        if not self._must_be_there and not os.path.lexists(self._revoked):
            return None
        return _trust(self._revoked)


class GpgVerifier:
    """OpenPGP signatures, by a file of exported public keys, armored or binary; every key in it is trusted."""

    def __init__(self, keyring: str) -> None:
        """Takes the path; it is read at each check.

        Args:
            keyring: what ``gpg --export`` gave.
        """
        self._keyring: Final = os.path.abspath(keyring)

    @property
    def trusted(self) -> tuple[str, ...]:
        """The keyring file."""
        return (self._keyring,)

    def verify(self, commit: Commit, *, workshop: Workshop, now: datetime) -> Signer:
        """Checks a commit's OpenPGP signature."""
        program = _program(workshop, "gpg", "gnupg")
        signature = _the_signature(commit, _PGP, "an OpenPGP key")
        keys = workshop.write("keyring", _trust(self._keyring))
        payload, signed = workshop.write("payload", commit.payload), workshop.write("payload.asc", signature)
        home = tempfile.mkdtemp(prefix="gnupg-", dir=workshop.directory)
        common = (
            *(program, "--homedir", home, "--no-options", "--batch", "--no-tty", "--status-fd", "1"),
            # No agent is needed for public keys, and none is left behind.
            *("--no-autostart", "--no-auto-key-retrieve", "--disable-dirmngr", "--trust-model", "always"),
            *("--faked-system-time", str(int(now.timestamp()))),
        )
        try:
            imported = workshop.run([*common, "--import", keys], errors=False)
            if "[GNUPG:] IMPORT_OK " not in imported.output:
                _refuse("VerifierMissing", f"{self._keyring} holds no OpenPGP public key", "export them: gpg --export NAME…")
            verdict = gpg_status.judge(workshop.run([*common, "--verify", signed, payload], errors=False).output)
        except ProgramError as error:
            raise SourceError(reason="SignatureInvalid", message=f"the signature cannot be checked: {error}") from None
        finally:
            shutil.rmtree(home, ignore_errors=True)
        if isinstance(verdict, gpg_status.BadSignature):
            _refuse(verdict.reason, verdict.message)
        return Signer(name=verdict.primary, key=verdict.key)


def refuse_signers_of_repository(verifier: Verifier, roots: tuple[str, ...]) -> None:
    """A signers file inside the repository would let everybody who can push add himself.

    Args:
        verifier: whose files are looked at.
        roots: the repository's directories.

    Raises:
        SourceError: a file lies in one of them, or leads there.
    """
    real = [os.path.realpath(root) for root in roots]
    for path in verifier.trusted:
        for place in (os.path.realpath(path), os.path.realpath(os.path.dirname(path))):
            if any(f"{place}/".startswith(f"{root}/") for root in real):
                raise SourceError(
                    reason="VerifierUntrusted",
                    message=f"{path} lies in the repository that it is to vouch for: whoever can push could add a key",
                    hint="keep it outside, such as in /etc/cluster-pki, writable by root alone",
                    retryable=False,
                )


def _the_signature(commit: Commit, header: bytes, kind: str) -> bytes:
    if not commit.signatures:
        _refuse("Unsigned", "the commit is not signed", "sign it: git commit -S")
    if len(commit.signatures) > 1:
        _refuse("SignatureInvalid", "the commit has more than one signature")
    if not commit.signatures[0].startswith(header):
        _refuse("UnknownSigner", f"the commit is not signed with {kind}, which is asked for")
    return commit.signatures[0]


def _trust(path: str) -> bytes:
    try:
        return read_regular(path, limit=_TRUST_LIMIT)
    except (OSError, ValueError) as error:
        raise SourceError(
            reason="VerifierMissing",
            message=f"{path} cannot be read: {why(error)}",
            hint="without it no signature can be checked, so no commit is acted on",
        ) from None


def _program(workshop: Workshop, name: str, package: str) -> str:
    found = workshop.find(name)
    if found is None:
        raise SourceError(
            reason="VerifierMissing",
            message=f"checking signatures needs {name}, and there is none on the PATH",
            hint=f"install {package}",
        )
    return found


def _refuse(reason: Reason, message: str, hint: str = "") -> NoReturn:
    raise SourceError(reason=reason, message=message, hint=hint)
