"""The KV engine, version 2: secrets with versions, written only over the version that was read.

Not by hvac's class for it, which tells deleted from absent but not destroyed from either, and cannot say which of its POSTs
may be sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from reconciler.vault.answers import Answer, has_engine
from reconciler.vault.client import Client
from reconciler.vault.errors import Kind, VaultError


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a secret. Its repr does not show data."""

    version: int
    data: Mapping[str, object]
    created: datetime
    """Of this version; aware, UTC."""
    custom: Mapping[str, str]
    """Custom metadata, which belongs to all versions."""

    def __repr__(self) -> str:
        return f"Secret(version={self.version}, {len(self.data)} fields)"


class NoSecret(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing that could be read."""

    version: int
    """What a write has to name as ``cas``: 0 when nothing was ever there, the last version when that is gone."""
    state: Literal["absent", "deleted", "destroyed"]


class Kv:
    """Secrets of one mount."""

    def __init__(self, client: Client, mount: str) -> None:
        """Reads nothing yet.

        Args:
            client: of the connection.
            mount: of the engine, without slashes at its ends.
        """
        self._client: Final = client
        self._mount: Final = mount.strip("/")

    def read(self, path: str, version: int | None = None) -> Secret | NoSecret:
        """A secret.

        Args:
            path: in the mount.
            version: None for the latest. Of an older one that is gone, `NoSecret.version` is that one's.

        Raises:
            VaultError: there is no answer, or no KV engine of version 2: ABSENT, NONSENSE.
        """
        params = {} if version is None else {"version": str(version)}
        place = self._place("data", path)
        try:
            answer = self._client.find(place, params)
        except VaultError as error:
            if error.kind is Kind.ABSENT and has_engine(error):
                return NoSecret(version=0, state="absent")
            raise
        return self._secret(answer, place)

    def list(self, folder: str) -> tuple[str, ...]:
        """The names in a folder, folders with a slash at their end; those of deleted secrets are among them.

        Args:
            folder: in the mount; empty for its root.

        Raises:
            VaultError: there is no answer, or no engine.
        """
        return self._client.list(self._place("metadata", folder))

    def write(self, path: str, data: Mapping[str, object], *, cas: int) -> int:
        """Writes a new version.

        Args:
            path: in the mount.
            data: of the secret.
            cas: the version that is the latest now; 0 for none.

        Returns:
            The new version.

        Raises:
            VaultError: CONFLICT when `cas` is not the latest any more, UNKNOWN when it may have been written.
        """
        place = self._place("data", path)
        answer = self._client.write(place, {"options": {"cas": cas}, "data": data})
        return self._version(answer.data, place)

    def annotate(self, path: str, custom: Mapping[str, str]) -> None:
        """Replaces the custom metadata of a secret, which need not have a version yet.

        Args:
            path: in the mount.
            custom: at most 64 entries, names of 128 bytes and values of 512.

        Raises:
            VaultError: it cannot be written.
        """
        self._client.write(self._place("metadata", path), {"custom_metadata": dict(custom)}, repeatable=True)

    def delete(self, path: str) -> None:
        """Deletes the latest version, so that it can be undeleted.

        Raises:
            VaultError: it cannot be.
        """
        self._client.delete(self._place("data", path))

    def destroy(self, path: str) -> None:
        """Removes all versions and the metadata: nothing tells that there was something.

        Raises:
            VaultError: it cannot be.
        """
        self._client.delete(self._place("metadata", path))

    def purge_versions(self, path: str, versions: Iterable[int]) -> None:
        """Destroys the data of versions, for good.

        Args:
            path: in the mount.
            versions: those that are gone already are no error.

        Raises:
            VaultError: it cannot be.
        """
        doomed = sorted(set(versions))
        if doomed:
            self._client.write(self._place("destroy", path), {"versions": doomed}, repeatable=True)

    def _place(self, kind: str, path: str) -> str:
        return f"{self._mount}/{kind}/{path.strip('/')}".rstrip("/")

    def _secret(self, answer: Answer, place: str) -> Secret | NoSecret:
        metadata = answer.data.get("metadata")
        if not isinstance(metadata, dict):
            raise self._nonsense(place)
        version, data = self._version(metadata, place), answer.data.get("data")
        if data is None:
            return NoSecret(version=version, state="destroyed" if metadata.get("destroyed") is True else "deleted")
        if not isinstance(data, dict):
            raise self._nonsense(place)
        return Secret(version=version, data=data, created=self._created(metadata, place), custom=self._custom(metadata, place))

    def _version(self, metadata: Mapping[str, object], place: str) -> int:
        version = metadata.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise self._nonsense(place)
        return version

    def _created(self, metadata: Mapping[str, object], place: str) -> datetime:
        """With the nanoseconds of Go cut off."""
        try:
            created = datetime.fromisoformat(str(metadata.get("created_time")))
        except ValueError:
            raise self._nonsense(place) from None
        if created.tzinfo is None:
            raise self._nonsense(place)
        return created.astimezone(UTC)

    def _custom(self, metadata: Mapping[str, object], place: str) -> Mapping[str, str]:
        custom = metadata.get("custom_metadata")
        if custom is None:
            return {}
        if not isinstance(custom, dict) or not all(isinstance(value, str) for value in custom.values()):
            raise self._nonsense(place)
        return custom

    def _nonsense(self, place: str) -> VaultError:
        problem = f"{self._mount} does not answer as a KV engine of version 2 does"
        return VaultError(self._client.name, place, Kind.NONSENSE, problem, hint="check the mount, and its version", status=200)
