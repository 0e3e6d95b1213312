"""The engine KV, version 2: secrets with versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.vault_server.clocks import rfc3339
from tests.vault_server.engine import Call, Engine, Route, route
from tests.vault_server.wire import EMPTY, Refused, Response, data, listing

_VERSIONS = 10


@dataclass(slots=True, kw_only=True)
class Version:
    """One version of a secret."""

    value: Mapping[str, object] | None
    created: float
    deleted: float = 0.0
    destroyed: bool = False

    def described(self) -> dict[str, object]:
        """As metadata lists it."""
        return {
            "created_time": rfc3339(self.created),
            "deletion_time": rfc3339(self.deleted) if self.deleted else "",
            "destroyed": self.destroyed,
        }


@dataclass(slots=True, kw_only=True)
class Secret:
    """All versions of a secret."""

    created: float
    updated: float
    current: int = 0
    versions: dict[int, Version] = field(default_factory=dict)
    custom: Mapping[str, str] = field(default_factory=dict)
    max_versions: int = 0
    cas_required: bool = False
    metadata_version: int = 0

    def described(self, number: int) -> dict[str, object]:
        """The metadata of a version."""
        return {**self.versions[number].described(), "custom_metadata": dict(self.custom) or None, "version": number}


@dataclass(slots=True, kw_only=True)
class Kv(Engine):
    """A tree of secrets."""

    secrets: dict[str, Secret] = field(default_factory=dict)
    max_versions: int = 0
    cas_required: bool = False

    def routes(self) -> tuple[Route, ...]:
        """See secret/kv/kv-v2 in the API."""
        metadata = "max_versions cas_required delete_version_after custom_metadata"
        return (
            route("GET", "config", self.config),
            route("POST", "config", self.configure, "max_versions cas_required delete_version_after"),
            route("GET", "data/*path", self.read, "version"),
            route("POST", "data/*path", self.write, "data options", exists=self._has),
            route("DELETE", "data/*path", self.delete),
            route("POST", "delete/*path", self.delete_versions, "versions"),
            route("POST", "undelete/*path", self.undelete, "versions"),
            route("POST", "destroy/*path", self.destroy, "versions"),
            route("LIST", "metadata/*path", self.names),
            route("GET", "metadata/*path", self.metadata),
            route("POST", "metadata/*path", self.annotate, metadata, exists=self._has),
            route("DELETE", "metadata/*path", self.forget),
        )

    def config(self, _call: Call) -> Response:
        """What holds for all secrets."""
        return data(
            cas_required=self.cas_required, metadata_cas_required=False, delete_version_after="0s", max_versions=self.max_versions
        )

    def configure(self, call: Call) -> Response:
        """Changes it."""
        self.max_versions = call.fields.number("max_versions", self.max_versions)
        self.cas_required = call.fields.flag("cas_required", self.cas_required)
        return EMPTY

    def read(self, call: Call) -> Response:
        """A version: the latest, when none is named."""
        secret = self._secret(call)
        number = call.fields.number("version") or secret.current
        version = secret.versions.get(number)
        if version is None:
            raise Refused(404)
        gone = version.destroyed or bool(version.deleted)
        return Response(
            status=404 if gone else 200,
            data={"data": None if gone else version.value, "metadata": secret.described(number)},
        )

    def write(self, call: Call) -> Response:
        """A new version, when nobody has written since the one that was named."""
        if "data" not in call.fields:
            raise Refused(400, "no data provided")
        value, options = call.fields.mapping("data"), call.fields.mapping("options")
        path = self._path(call)
        secret = self.secrets.get(path)
        current = secret.current if secret else 0
        cas = options.get("cas")
        if cas is None and (self.cas_required or (secret is not None and secret.cas_required)):
            raise Refused(400, "check-and-set parameter required for this call")
        if isinstance(cas, bool) or not isinstance(cas, int | None):
            raise Refused(400, "error parsing check-and-set parameter")
        if cas is not None and cas != current:
            raise Refused(400, "check-and-set parameter did not match the current version")
        if secret is None:
            secret = self.secrets[path] = Secret(created=call.now, updated=call.now)
        secret.current, secret.updated = current + 1, call.now
        secret.versions[secret.current] = Version(value=value, created=call.now)
        limit = secret.max_versions or self.max_versions or _VERSIONS
        secret.versions = {number: kept for number, kept in secret.versions.items() if number > secret.current - limit}
        return Response(data=secret.described(secret.current))

    def delete(self, call: Call) -> Response:
        """Hides the latest version."""
        secret = self.secrets.get(self._path(call))
        if secret is not None and secret.current in secret.versions:
            _hide(secret.versions[secret.current], call.now)
        return EMPTY

    def delete_versions(self, call: Call) -> Response:
        """Hides some versions."""
        for version in self._versions(call):
            _hide(version, call.now)
        return EMPTY

    def undelete(self, call: Call) -> Response:
        """Shows some versions again."""
        for version in self._versions(call):
            version.deleted = 0.0
        return EMPTY

    def destroy(self, call: Call) -> Response:
        """Erases the data of some versions for good."""
        for version in self._versions(call):
            version.destroyed, version.value = True, None
        return EMPTY

    def names(self, call: Call) -> Response:
        """Names directly under a folder; those of folders end in a slash."""
        prefix = f"{call.params['path'].strip('/')}/".lstrip("/")
        inside = [path.removeprefix(prefix) for path in self.secrets if path.startswith(prefix)]
        return listing(sorted({name.partition("/")[0] + name.partition("/")[1] for name in inside}))

    def metadata(self, call: Call) -> Response:
        """All of a secret but the data."""
        secret = self._secret(call)
        return data(
            cas_required=secret.cas_required,
            metadata_cas_required=False,
            current_metadata_version=secret.metadata_version,
            created_time=rfc3339(secret.created),
            current_version=secret.current,
            custom_metadata=dict(secret.custom) or None,
            delete_version_after="0s",
            max_versions=secret.max_versions,
            oldest_version=min(secret.versions, default=0) if min(secret.versions, default=0) > 1 else 0,
            updated_time=rfc3339(secret.updated),
            versions={str(number): version.described() for number, version in sorted(secret.versions.items())},
        )

    def annotate(self, call: Call) -> Response:
        """Changes what holds for a secret, and what is noted about it."""
        custom = call.fields.pairs("custom_metadata")
        if len(custom) > 64 or any(len(key) > 128 or not 1 <= len(value) <= 512 for key, value in custom.items()):
            raise Refused(400, "custom_metadata validation failed")
        secret = self.secrets.setdefault(self._path(call), Secret(created=call.now, updated=call.now))
        if "custom_metadata" in call.fields:
            secret.custom = custom
        secret.metadata_version += 1
        secret.max_versions = call.fields.number("max_versions", secret.max_versions)
        secret.cas_required = call.fields.flag("cas_required", secret.cas_required)
        secret.updated = call.now
        return EMPTY

    def forget(self, call: Call) -> Response:
        """Erases all of a secret."""
        self.secrets.pop(self._path(call), None)
        return EMPTY

    @staticmethod
    def _path(call: Call) -> str:
        path = call.params["path"].strip("/")
        if not path:
            raise Refused(404, "1 error occurred:\n\t* unsupported path\n\n")
        return path

    def _has(self, call: Call) -> bool:
        return call.params["path"].strip("/") in self.secrets

    def _secret(self, call: Call) -> Secret:
        found = self.secrets.get(self._path(call))
        if found is None:
            raise Refused(404)
        return found

    def _versions(self, call: Call) -> list[Version]:
        """The versions that a body names, as far as they are there."""
        numbers = [int(number) for number in call.fields.texts_or_numbers("versions")]
        if not numbers:
            raise Refused(400, "no version number provided")
        secret = self.secrets.get(self._path(call))
        return [secret.versions[number] for number in numbers if number in secret.versions] if secret else []


def _hide(version: Version, now: float) -> None:
    if not version.deleted and not version.destroyed:
        version.deleted = now
