"""Desired states that use Vault, for several tests."""

from __future__ import annotations

from typing import Final

from tests.desired.compiling import HEAD

#: A server, reached in the simplest way.
MAIN: Final = 'connections:\n  main: {type: vault, addresses: ["https://vault:8200"], auth: {method: token, tokenEnv: TOKEN}}\n'
KV: Final = "stores:\n  kv: {type: vault-kv, connection: main, mount: secret, prefix: clusters/demo}\n"
#: Everything at once: a root whose key is in transit, a CA below it in a PKI engine, secrets in KV, a lock.
WHOLE: Final = (
    HEAD
    + """\
connections:
  main:
    type: vault
    addresses: ["https://vault-1.internal:8200", "https://vault-2.internal:8200"]
    namespace: team-a
    caFile: /etc/cluster-pki/vault-ca.pem
    serverName: vault.internal
    deadline: 45s
    auth: {method: approle, roleIdFile: /etc/cluster-pki/role-id, secretIdEnv: SECRET_ID}
  spare: {type: vault, addresses: ["http://127.0.0.1:8100"], auth: {method: kubernetes, role: pki}}
stores:
  kv: {type: vault-kv, connection: main, mount: kv/team, prefix: "clusters/demo"}
defaults: {store: kv}
cas:
  front-proxy: {path: front-proxy/ca, transit: {connection: main, mount: transit, name: demo-front-proxy}}
  kubernetes:
    issuer:
      vault:
        connection: main
        mount: pki/kubernetes
        role: kubernetes
        create: true
        parent: front-proxy
        accept: [lifetime, usages]
    lifetime: 5y
    path: kubernetes/ca
components:
  web: {ca: kubernetes, usages: [server auth], sans: {dns: [a.example.com]}, path: web, outputs: [pem, fullchain]}
bundles:
  trust: {cas: [kubernetes], path: kubernetes/ca.crt}
keypairs:
  tokens: {path: tokens}
lock: {connection: main, mount: kv/team, path: clusters/demo/lock}
imports: [{to: component.web, id: "vault://main/kv/team/data/clusters/demo/web.crt"}]
"""
)
