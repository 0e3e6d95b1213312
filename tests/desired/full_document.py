"""A document that holds every key of the format, for tests that change it."""

from __future__ import annotations

from typing import Any

SANS = {"dns": ["a.example"], "ip": ["192.0.2.1"], "uri": ["spiffe://demo/a"], "email": ["a@example.com"]}
FOR_EACH = {"roles": ["worker"], "nodes": ["w-1"]}
ACCESS = {"mode": "0600", "owner": "root", "group": 0}
SUBJECT = {
    "commonName": "a",
    "organizations": ["o"],
    "organizationalUnits": ["u"],
    "countries": ["DE"],
    "provinces": ["p"],
    "localities": ["l"],
}

FULL: dict[str, Any] = {
    "apiVersion": "cluster-pki/v1",
    "cluster": "demo",
    "include": ["a/*.yaml"],
    "kubernetes": {
        "preset": "kubeadm",
        "version": "1.36",
        "controlPlaneEndpoint": "api:6443",
        "serviceSubnets": ["10.96.0.0/12"],
        "dnsDomain": "cluster.local",
        "certSANs": {"dns": ["a"], "ip": ["192.0.2.1"]},
        "clusterName": "kubernetes",
        "bindPort": 6443,
        "etcd": {"nodes": ["w-1"]},
        "distributeCAKeys": True,
    },
    "nodes": [{"name": "w-1.example", "roles": ["worker"], "addresses": ["192.0.2.1"]}],
    "defaults": {"key": "rsa-2048", "lifetime": "1y", "renewBefore": "33%", "rotateKey": "never", "store": "files"},
    "connections": {
        "main": {
            "type": "vault",
            "addresses": ["https://vault:8200"],
            "namespace": "n",
            "caFile": "/c",
            "serverName": "vault",
            "deadline": "30s",
            "auth": {
                "method": "approle",
                "mount": "approle",
                "role": "r",
                "tokenFile": "/t",
                "tokenEnv": "T",
                "roleIdFile": "/r",
                "roleIdEnv": "R",
                "secretIdFile": "/s",
                "secretIdEnv": "S",
                "jwtFile": "/j",
                "certificateFile": "/c",
                "keyFile": "/k",
            },
        }
    },
    "stores": {
        "files": {"type": "file", "root": "/x", "layout": "plain"},
        "kv": {"type": "vault-kv", "connection": "main", "mount": "secret", "prefix": "p"},
    },
    "cas": {
        "root": {
            "subject": SUBJECT,
            "sans": SANS,
            "issuer": "self",
            "key": "ed25519",
            "lifetime": "10y",
            "renewBefore": "1y",
            "store": "files",
            "path": "ca",
            "naming": {"certificate": ".pem", "key": "-key.pem"},
            "pathLength": None,
            "nameConstraints": {"permitted": SANS, "excluded": SANS},
            "generation": 1,
            "copies": {"forEach": FOR_EACH, "store": "files", "path": "copy"},
            "home": "w-1",
            "rotation": {
                "strategy": "staged",
                "soak": "1d",
                "hold": "clients",
                "proceed": "servers",
                "retired": "destroy",
                "numberedNames": True,
            },
            "crl": {
                "path": "ca.crl",
                "formats": ["pem"],
                "validity": "7d",
                "copies": {"forEach": FOR_EACH, "store": "files", "path": "copy.crl"},
            },
            "suspend": False,
            **ACCESS,
        },
        "remote": {
            "issuer": {
                "vault": {
                    "connection": "main",
                    "mount": "pki",
                    "role": "r",
                    "signVerbatim": True,
                    "issuer": "i",
                    "create": True,
                    "parent": "root",
                    "accept": ["lifetime"],
                }
            },
            "transit": {"connection": "main", "mount": "transit", "name": "t"},
        },
        "outside": {"issuer": {"external": {"parent": "root", "accept": ["lifetime"]}}},
        "dropped": None,
    },
    "components": {
        "api": {
            "ca": "root",
            "forEach": FOR_EACH,
            "subject": SUBJECT,
            "usages": ["server auth"],
            "sans": SANS,
            "extraSans": SANS,
            "key": "ecdsa-p256",
            "lifetime": "1d12h",
            "renewBefore": "1h",
            "naming": {"certificate": ".pem"},
            "rotateKey": "always",
            "store": "files",
            "path": "api",
            "outputs": ["pem", "pkcs12"],
            "pkcs12": {"passwordFile": "/p"},
            "reissue": "1",
            "after": [
                {"exec": ["true"], "timeout": "5s"},
                {"signal": {"pidfile": "/p", "name": "HUP"}},
                {"systemd": {"unit": "u", "action": "reload"}, "onlyIfRunning": False},
                {"http": {"url": "http://localhost", "method": "POST", "caFile": "/c"}},
                {"touch": "/t"},
            ],
            "probe": {"address": "localhost:1", "serverName": "a", "starttls": "smtp", "client": "api", "timeout": "5s"},
            "suspend": False,
            **ACCESS,
        }
    },
    "bundles": {
        "b": {
            "cas": ["root"],
            "files": ["/etc/ssl/partner.pem"],
            "forEach": FOR_EACH,
            "store": "files",
            "path": "b.crt",
            "owner": "0",
            "group": "g",
            "after": [{"touch": "/t"}],
        }
    },
    "kubeconfigs": {
        "k": {
            "component": "api",
            "bundle": "b",
            "forEach": FOR_EACH,
            "server": "https://api",
            "clusterName": "c",
            "userName": "u",
            "embed": False,
            "contextName": "x",
            "namespace": "n",
            "clusters": {"d": {"server": "https://d", "bundle": "b"}},
            "users": {"v": {"component": "api", "embed": True}},
            "contexts": {"y": {"cluster": "d", "user": "v", "namespace": "n"}},
            "currentContext": "y",
            "merge": True,
            "store": "files",
            "path": "k.conf",
            "after": [{"touch": "/t"}],
            **ACCESS,
        }
    },
    "keypairs": {
        "sa": {
            "key": "rsa-4096",
            "forEach": FOR_EACH,
            "store": "files",
            "path": "sa",
            "generation": 1,
            "rotation": {"soak": "1d"},
            "home": "w-1",
            **ACCESS,
        }
    },
    "requests": {
        "jane": {
            "csr": "requests/jane.csr",
            "ca": "ca",
            "usages": ["client auth"],
            "lifetime": "90d",
            "renewBefore": "33%",
            "approval": "denied",
            "reason": "r",
            "digest": "sha256:" + 64 * "0",
            "store": "files",
            "path": "jane",
            "owner": "root",
            "group": 0,
            "reissue": "r",
        }
    },
    "groups": {"g": {"components": ["api"], "serial": True}},
    "edges": {
        "e": {"client": "api", "server": "api", "hosts": ["api"], "trust": "ca", "clientTrust": "ca", "pairs": "same-node"}
    },
    "lock": {"connection": "main", "mount": "secret", "path": "lock", "ttl": "60s"},
    "suspend": False,
    "revocations": [{"component": "api", "serial": "1f:6A", "reason": "superseded", "at": "2026-11-20T10:00:00Z", "ca": "root"}],
    "policy": {
        "maxLifetime": "398d",
        "rules": {"CPK312": "warn"},
        "requests": {
            "commonNames": ["{name}"],
            "groups": ["dev"],
            **SANS,
            "usages": ["client auth"],
            "keys": ["ed25519"],
            "maxLifetime": "90d",
            "requireDigest": True,
            "allow": {"jane": {"commonName": "jane", "groups": ["system:masters"], **SANS, "usages": ["server auth"]}},
        },
    },
    "guards": {"maxChanges": "30%", "maxDestroy": 1},
    "prune": False,
    "moved": [{"from": "component.a", "to": "component.api"}],
    "imports": [{"to": "component.api", "id": "/x/api.crt"}],
    "adopted": ["component.api"],
    "removed": [{"from": "component.old", "destroy": True}],
}
