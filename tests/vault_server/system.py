"""``sys/``: health, mounts, auth methods, policies, namespaces, and what a token may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.vault_server.engine import Call, Engine, Route, Tuning, route
from tests.vault_server.policies import Malformed, parse
from tests.vault_server.wire import EMPTY, Fields, Refused, Response, listing
from tests.vault_server.world import Maker, Mount, Namespace, World

_MOUNT = "type description config options local seal_wrap external_entropy_access plugin_name"
_TUNE = "default_lease_ttl max_lease_ttl description options audit_non_hmac_request_keys listing_visibility force_no_cache"
#: Status by what a standby is, and the parameter that asks for another one.
_STANDBY = {
    "standby": (429, "standbycode"),
    "performance": (473, "performancestandbycode"),
    "secondary": (472, "drsecondarycode"),
}


@dataclass(slots=True, kw_only=True)
class System(Engine):
    """The backend of a namespace that is there from the start."""

    world: World
    home: Namespace
    makers: Mapping[str, Maker] = field(default_factory=dict)
    auth_makers: Mapping[str, Maker] = field(default_factory=dict)

    def routes(self) -> tuple[Route, ...]:
        """See sys/ in the API."""
        policy = (("policies/acl", self.policies), ("policy", self.policies))
        return (
            route(
                "GET", "health", self.health, "standbyok perfstandbyok activecode standbycode sealedcode uninitcode", open=True
            ),
            route("GET", "seal-status", self.seal_status, open=True),
            route("GET", "init", self.init_status, open=True),
            route("GET", "mounts", self.mounts),
            route("GET", "mounts/*path/tune", self.tuned),
            route("POST", "mounts/*path/tune", self.tune, _TUNE),
            route("GET", "mounts/*path", self.mount),
            route("POST", "mounts/*path", self.enable, _MOUNT),
            route("DELETE", "mounts/*path", self.disable),
            route("GET", "auth", self.auths),
            route("POST", "auth/*path", self.enable_auth, _MOUNT, sudo=True),
            route("DELETE", "auth/*path", self.disable_auth, sudo=True),
            route("GET", "internal/ui/mounts/*path", self.preflight),
            route("POST", "capabilities-self", self.capabilities_self, "path paths token"),
            route("LIST", "namespaces", self.namespaces),
            route("POST", "namespaces/:name", self.make_namespace, "custom_metadata"),
            route("GET", "namespaces/:name", self.namespace),
            route("DELETE", "namespaces/:name", self.remove_namespace),
            *(route("LIST", path, handler) for path, handler in policy),
            *(route("GET", f"{path}/:name", self.policy) for path, _ in policy),
            *(route("POST", f"{path}/:name", self.write_policy, "policy") for path, _ in policy),
            *(route("DELETE", f"{path}/:name", self.delete_policy) for path, _ in policy),
        )

    def health(self, call: Call) -> Response:
        """Says by its status whether requests are served."""
        status = 200
        if not self.world.initialized:
            status = call.fields.number("uninitcode", 501)
        elif self.world.sealed:
            status = call.fields.number("sealedcode", 503)
        elif self.world.standby:
            usual, code = _STANDBY[self.world.standby]
            asked = "standbyok" if self.world.standby == "standby" else "perfstandbyok"
            status = 200 if call.fields.flag(asked) else call.fields.number(code, usual)
        down = self.world.sealed or not self.world.initialized
        told: dict[str, object] = {
            "initialized": self.world.initialized,
            "sealed": down,
            "standby": down or bool(self.world.standby),
            "replication_performance_mode": "unknown" if down else "disabled",
            "replication_dr_mode": "unknown" if down else "disabled",
            "server_time_utc": int(call.now),
            "version": "2.6.2",
        }
        if self.world.standby == "performance":
            told["performance_standby"] = True
        if not down:
            told |= {"cluster_name": self.world.cluster, "cluster_id": self.world.cluster_id}
        return Response(status=status, bare=told)

    def seal_status(self, _call: Call) -> Response:
        """How far it is unsealed."""
        return Response(
            bare={
                "type": "shamir",
                "initialized": self.world.initialized,
                "sealed": self.world.sealed or not self.world.initialized,
                "t": 1,
                "n": 1,
                "progress": 0,
                "nonce": "",
                "version": "2.6.2",
                "storage_type": "inmem",
            }
        )

    def init_status(self, _call: Call) -> Response:
        """Whether it is initialized."""
        return Response(bare={"initialized": self.world.initialized})

    def mounts(self, _call: Call) -> Response:
        """Everything but the auth methods."""
        return Response(data={path: mount.described() for path, mount in self._secrets().items()})

    def mount(self, call: Call) -> Response:
        """One of them."""
        return Response(data=self._found(call).described())

    def tuned(self, call: Call) -> Response:
        """What one was told."""
        found = self._found(call)
        return Response(
            data={
                "default_lease_ttl": found.tuning.usual,
                "max_lease_ttl": found.tuning.longest,
                "description": found.description,
                "force_no_cache": False,
                **({"options": found.options} if found.options else {}),
            }
        )

    def tune(self, call: Call) -> Response:
        """Tells one."""
        self._retune(self._found(call).tuning, call.fields)
        return EMPTY

    def enable(self, call: Call) -> Response:
        """Mounts an engine."""
        return self._add(call, "", self.makers)

    def enable_auth(self, call: Call) -> Response:
        """Mounts an auth method."""
        return self._add(call, "auth/", self.auth_makers)

    def disable(self, call: Call) -> Response:
        """Takes away an engine and all that it holds."""
        self.home.mounts.pop(_slashed(call.params["path"]), None)
        return EMPTY

    def disable_auth(self, call: Call) -> Response:
        """Takes away an auth method, and the tokens that came from it."""
        path = f"auth/{_slashed(call.params['path'])}"
        self.home.mounts.pop(path, None)
        for token in [token for token in self.world.tokens.tokens.values() if token.path.startswith(path)]:
            self.world.tokens.revoke(token)
        return EMPTY

    def auths(self, _call: Call) -> Response:
        """The auth methods."""
        found = {path: mount for path, mount in self.home.mounts.items() if path.startswith("auth/")}
        return Response(data={path.removeprefix("auth/"): mount.described() for path, mount in found.items()})

    def preflight(self, call: Call) -> Response:
        """The mount that a path leads into, for whoever may do anything there."""
        path = call.params["path"]
        found = self.home.mount_of(path)
        if found is None or not self._may_use(call, found.path):
            raise Refused(
                403,
                "preflight capability check returned 403, please ensure client's policies grant access to path \"" + path + '/"',
            )
        return Response(data={**found.described(), "path": found.path})

    def capabilities_self(self, call: Call) -> Response:
        """What the caller may do."""
        paths = call.fields.texts("paths") or call.fields.texts("path")
        if not paths:
            raise Refused(400, "paths must be supplied")
        told: dict[str, object] = {
            path: sorted(self.home.allowed(call.caller, path.removeprefix("/"), folder=True)) or ["deny"] for path in paths
        }
        return Response(data=told | ({"capabilities": told[paths[0]]} if len(paths) == 1 else {}))

    def policies(self, _call: Call) -> Response:
        """Their names."""
        return listing(sorted({"default", "root", *self.home.policies}))

    def policy(self, call: Call) -> Response:
        """One of them."""
        name = call.params["name"]
        if name not in self.home.policies:
            raise Refused(404)
        text = self.home.policies[name][0]
        return Response(data={"name": name, "policy": text, "rules": text})

    def write_policy(self, call: Call) -> Response:
        """Makes or changes one."""
        text = call.fields.text("policy")
        if not text:
            raise Refused(400, "'policy' parameter not supplied or empty")
        try:
            self.home.policies[call.params["name"].lower()] = (text, parse(text))
        except Malformed as problem:
            raise Refused(400, f"failed to parse policy: {problem}") from problem
        return EMPTY

    def delete_policy(self, call: Call) -> Response:
        """Takes one away."""
        self.home.policies.pop(call.params["name"], None)
        return EMPTY

    def namespaces(self, _call: Call) -> Response:
        """Those directly under this one."""
        names = [path for path in self.world.namespaces if path and path.rpartition("/")[0] == self.home.path]
        return listing([f"{path.rpartition('/')[2]}/" for path in sorted(names)])

    def namespace(self, call: Call) -> Response:
        """One of them."""
        found = self.world.namespaces.get(self._below(call))
        if found is None:
            raise Refused(404)
        return Response(data={"id": found.id, "path": f"{found.path}/", "custom_metadata": {}})

    def make_namespace(self, call: Call) -> Response:
        """Makes one."""
        path = self._below(call)
        if path not in self.world.namespaces:
            made = Namespace(path=path)
            self.world.namespaces[path] = made
            furnish(self.world, made, self.makers, self.auth_makers)
        return self.namespace(call)

    def remove_namespace(self, call: Call) -> Response:
        """Takes one away."""
        self.world.namespaces.pop(self._below(call), None)
        return EMPTY

    def _below(self, call: Call) -> str:
        return f"{self.home.path}/{call.params['name']}".lstrip("/")

    def _secrets(self) -> dict[str, Mount]:
        return {path: mount for path, mount in self.home.mounts.items() if not path.startswith("auth/")}

    def _found(self, call: Call) -> Mount:
        found = self.home.mounts.get(_slashed(call.params["path"]))
        if found is None:
            raise Refused(400, f"No secret engine mount at {_slashed(call.params['path'])}")
        return found

    def _may_use(self, call: Call, mount: str) -> bool:
        if "root" in call.caller.policies:
            return True
        rules = [rule for name in call.caller.policies if name in self.home.policies for rule in self.home.policies[name][1]]
        return any(rule.startswith(mount) or mount.startswith(rule.removesuffix("*")) for rule in rules)

    def _add(self, call: Call, prefix: str, makers: Mapping[str, Maker]) -> Response:
        path, kind = f"{prefix}{_slashed(call.params['path'])}", call.fields.text("type")
        options = dict(call.fields.pairs("options"))
        if kind == "kv-v2":
            kind, options = "kv", {**options, "version": "2"}
        if kind not in makers or (kind == "kv" and options.get("version") != "2"):
            raise Refused(400, f"plugin not found in the catalog: {kind}")
        if any(path.startswith(other) or other.startswith(path) for other in self.home.mounts):
            raise Refused(400, f"path is already in use at {path}")
        engine = makers[kind](self.world, self.home, path)
        self._retune(engine.tuning, Fields(call.fields.mapping("config")))
        self.home.mounts[path] = Mount(
            path=path, kind=kind, engine=engine, description=call.fields.text("description"), options=options
        )
        return EMPTY

    @staticmethod
    def _retune(tuning: Tuning, fields: Fields) -> None:
        tuning.default_lease_ttl = fields.seconds("default_lease_ttl", tuning.default_lease_ttl)
        tuning.max_lease_ttl = fields.seconds("max_lease_ttl", tuning.max_lease_ttl)


def furnish(world: World, namespace: Namespace, makers: Mapping[str, Maker], auth_makers: Mapping[str, Maker]) -> None:
    """Gives a namespace what every one has: ``sys/`` and ``auth/token/``."""
    system = System(world=world, home=namespace, makers=makers, auth_makers=auth_makers)
    namespace.mounts["sys/"] = Mount(path="sys/", kind="system", engine=system)
    namespace.mounts["auth/token/"] = Mount(
        path="auth/token/", kind="token", engine=auth_makers["token"](world, namespace, "auth/token/")
    )


def _slashed(path: str) -> str:
    return f"{path.strip('/')}/"
