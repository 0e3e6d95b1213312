"""The JSON Schema of the desired state, made from the types, and the way from plain values to the types.

`schemas/cluster-pki.v1.schema.json` is what `desired_schema` returns: editors complete from it, and where structuring
fails it finds every mistake (`reconciler.desired.mistakes`).
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec

from reconciler.desired.spec import Document
from reconciler.desired.spec_parts import ACTIONS

Schema = dict[str, Any]

SCHEMA_ID: Final = "urn:cluster-pki:schema:cluster-pki.v1"

#: What only the main file may hold.
MAIN_FILE_KEYS: Final = ("apiVersion", "cluster", "include")

#: Defaults that editors show, by type and key. Empty values for what is absent are left out.
_DEFAULTS: Final[dict[str, dict[str, object]]] = {
    "CaSpec": {
        "issuer": "self",
        "key": "ecdsa-p256",
        "lifetime": "10y",
        "renewBefore": "1y",
        "store": "files",
        "generation": 1,
        "mode": "0600",
    },
    "ComponentSpec": {
        "key": "ecdsa-p256",
        "lifetime": "1y",
        "renewBefore": "30d",
        "rotateKey": "always",
        "store": "files",
        "outputs": ["pem"],
        "mode": "0600",
    },
    "KubeconfigSpec": {"clusterName": "kubernetes", "embed": True, "store": "files", "mode": "0600"},
    "KeypairSpec": {"key": "rsa-2048", "store": "files", "generation": 1, "mode": "0600"},
    "KubernetesSpec": {
        "dnsDomain": "cluster.local",
        "serviceSubnets": ["10.96.0.0/12"],
        "bindPort": 6443,
        "clusterName": "kubernetes",
        "distributeCAKeys": False,
    },
    "StoreSpec": {"root": "/", "layout": "generations"},
    "ConnectionSpec": {"deadline": "30s"},
    "VaultIssuerSpec": {"signVerbatim": False, "create": False},
    "LockSpec": {"ttl": "60s"},
    "RequestSpec": {"usages": ["client auth"], "lifetime": "1y", "renewBefore": "30d", "approval": "pending", "store": "files"},
    "RequestPolicySpec": {"commonNames": ["{name}"], "maxLifetime": "1y"},
    "GuardsSpec": {"maxChanges": "30%", "maxDestroy": 1},
    "CrlSpec": {"formats": ["pem", "der"], "validity": "7d"},
    "CrlCopiesSpec": {"store": "files"},
    "NodeCopiesSpec": {"store": "files"},
    "RotationSpec": {"strategy": "staged", "soak": "24h"},
    "HttpTarget": {"method": "POST"},
    "Hook": {"timeout": "60s", "onlyIfRunning": True},
    "Probe": {"timeout": "5s"},
    "GroupSpec": {"serial": True},
    "EdgeSpec": {"pairs": "all"},
    "Removed": {"destroy": False},
    "Document": {"prune": False, "suspend": False},
}
_EXAMPLES: Final[dict[str, dict[str, list[object]]]] = {
    "Document": {"cluster": ["demo"], "include": [["components/*.yaml"]]},
    "KubernetesSpec": {"version": ["1.36"], "controlPlaneEndpoint": ["api.demo.internal:6443"]},
    "NodeSpec": {"name": ["cp-1"], "roles": [["control-plane"]], "addresses": [["192.0.2.11"]]},
    "StoreSpec": {"root": ["/nodes/{node}"], "mount": ["secret"], "prefix": ["clusters/demo", "nodes/{node}"]},
    "ConnectionSpec": {"addresses": [["https://vault.example.com:8200"]]},
    "AuthSpec": {"tokenEnv": ["VAULT_TOKEN"]},
    "VaultIssuerSpec": {"mount": ["pki/kubernetes"]},
    "TransitSpec": {"name": ["demo-front-proxy"]},
    "LockSpec": {"path": ["clusters/demo/lock"]},
    "CaSpec": {"path": ["kubernetes/ca"], "lifetime": ["10y"]},
    "ComponentSpec": {"path": ["etc/kubernetes/pki/apiserver"], "usages": [["server auth"]], "renewBefore": ["30d", "33%"]},
    "SansSpec": {"dns": [["{node}", "api.demo.example.com"]], "ip": [["{node.addresses}"]], "uri": [["spiffe://demo/api"]]},
    "KubeconfigSpec": {"server": ["https://api.demo.internal:6443"]},
    "EdgeSpec": {"hosts": [["db.example.com", "{node.addresses}"]]},
    "CrlSpec": {"path": ["kubernetes/ca.crl"]},
    "RequestSpec": {"csr": ["requests/jane.csr", "requests/jane.yaml"], "reason": ["on call since May"]},
    "RequestPolicySpec": {"commonNames": [["{name}", "{name}@example.com"]], "groups": [["dev", "team-*"]]},
    "PolicySpec": {"maxLifetime": ["398d"], "rules": [{"CPK312": "warn"}]},
}


def structure(value: dict[str, Any]) -> Document:
    """The typed document.

    Raises:
        msgspec.ValidationError: it does not have the form; says the first reason only.
    """
    return msgspec.convert(value, Document, strict=True)


@cache
def desired_schema() -> Schema:
    """The schema of a main file (JSON Schema 2020-12). Shared: read it, do not change it."""
    generated = msgspec.json.schema(Document)
    types: dict[str, Schema] = generated["$defs"]
    for name, schema in types.items():
        _finish(name, schema)
    document = types.pop("Document")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "cluster-pki desired state",
        **document,
        "$defs": dict(sorted(types.items())),
    }


@cache
def included_schema() -> Schema:
    """The schema of an included file: the same sections, without what only the main file may hold."""
    schema = dict(desired_schema())
    del schema["required"], schema["$id"]
    schema["properties"] = {key: value for key, value in schema["properties"].items() if key not in MAIN_FILE_KEYS}
    return schema


def _finish(name: str, schema: Schema) -> None:
    """Adds to a generated object what the types cannot say."""
    del schema["title"]
    if not schema["required"]:
        del schema["required"]
    if name == "Hook":
        # The same rule as Hook.__post_init__.
        schema["oneOf"] = [{"required": [action]} for action in ACTIONS]
    for key, default in _DEFAULTS.get(name, {}).items():
        schema["properties"][key]["default"] = default
    for key, examples in _EXAMPLES.get(name, {}).items():
        schema["properties"][key]["examples"] = examples
