"""From settings to the files that they name: for every program, in every spelling."""

from __future__ import annotations

import pytest

from reconciler.cluster.documents import Settings
from reconciler.cluster.implied import implied_files
from reconciler.cluster.model import Process, Role, Use
from reconciler.cluster.mounts import Mount, Mounts
from reconciler.cluster.settings import SNI, TABLE, Named, named_files, sni_paths, spelled
from reconciler.cluster.started import Lost, Started
from reconciler.x509.yaml_tree import Tree


def process(name: str, **settings: tuple[str, ...]) -> Process:
    """A process; underscores in names are dashes."""
    return Process(name=name, source="/unit", settings={key.replace("_", "-"): value for key, value in settings.items()})


def named(path: str, who: str, setting: str, role: Role, purpose: str, *, source: str = "/unit") -> Named:
    """A file with its use."""
    return Named(path, Use(process=who, setting=setting, role=role, purpose=purpose, source=source))


@pytest.mark.parametrize(
    ("who", "setting", "role", "purpose"),
    [(who, row.setting, row.role, row.purpose) for who, rows in TABLE.items() for row in rows],
)
def test_every_setting_of_the_table(who: str, setting: str, role: Role, purpose: str) -> None:
    """Set alone, each names its file for its purpose."""
    settings = {setting: ("/file",)}
    found = list(named_files(Process(name=who, source="/unit", settings=settings), {setting: "/config"}))
    assert found == [named("/file", who, spelled(setting), role, purpose, source="/config")]


def test_only_the_last_value_counts() -> None:
    """But each key by which tokens are verified does; an empty value names nothing."""
    api = process(
        "kube-apiserver",
        tls_cert_file=("/a", "/b"),
        service_account_key_file=("/c", "/d"),
        client_ca_file=("/e", ""),
    )
    assert list(named_files(api)) == [
        named("/b", "kube-apiserver", "--tls-cert-file", "certificate", "serving"),
        named("/c", "kube-apiserver", "--service-account-key-file", "token-verification", "service-account"),
        named("/d", "kube-apiserver", "--service-account-key-file", "token-verification", "service-account"),
    ]


def test_a_flag_counts_before_the_file() -> None:
    """What the kubelet is told on its command line is what it uses."""
    settings = {"client-ca-file": ("/flag",), "authentication.x509.clientCAFile": ("/file",), "tlsCertFile": ("/crt",)}
    assert list(named_files(Process(name="kubelet", source="/unit", settings=settings))) == [
        named("/flag", "kubelet", "--client-ca-file", "trust", "client-ca"),
        named("/crt", "kubelet", "tlsCertFile", "certificate", "serving"),
    ]


def test_certificates_by_server_name() -> None:
    """Each is a pair of files, with names or without."""
    api = Process(name="kube-apiserver", source="/unit", settings={SNI: ("/a.crt,/a.key:*.a,b", "/c.crt,/c.key", "junk")})
    assert list(named_files(api)) == [
        named("/a.crt", "kube-apiserver", "--tls-sni-cert-key", "certificate", "sni"),
        named("/a.key", "kube-apiserver", "--tls-sni-cert-key", "key", "sni"),
        named("/c.crt", "kube-apiserver", "--tls-sni-cert-key", "certificate", "sni"),
        named("/c.key", "kube-apiserver", "--tls-sni-cert-key", "key", "sni"),
    ]
    assert [sni_paths(value) for value in ("a", "a,b,c", ",", " a , b :x", "")] == [
        ("", ""),
        ("", ""),
        ("", ""),
        ("a", "b"),
        ("", ""),
    ]


@pytest.mark.parametrize(
    ("who", "settings", "paths"),
    [
        ("kubelet", {}, ["/var/lib/kubelet/pki/kubelet.crt", "/var/lib/kubelet/pki/kubelet.key"]),
        ("kubelet", {"cert-dir": ("/c",)}, ["/c/kubelet.crt", "/c/kubelet.key"]),
        (
            "kubelet",
            {"rotateCertificates": ("true",), "serverTLSBootstrap": ("true",), "cert-dir": ("/c",)},
            ["/c/kubelet-client-current.pem"] * 2 + ["/c/kubelet-server-current.pem"] * 2,
        ),
        ("kubelet", {"rotate-certificates": ("false",), "rotateCertificates": ("true",), "tls-cert-file": ("/x",)}, []),
        ("kubelet", {"tlsCertFile": ("/x",)}, []),
        ("kube-apiserver", {}, ["/var/run/kubernetes/apiserver.crt", "/var/run/kubernetes/apiserver.key"]),
        ("kube-apiserver", {"tls-cert-file": ("/x",)}, []),
        ("kube-scheduler", {"cert-dir": ("/c",)}, ["/c/kube-scheduler.crt", "/c/kube-scheduler.key"]),
        ("kube-scheduler", {}, []),
        ("etcd", {}, []),
    ],
)
def test_files_that_programs_make(who: str, settings: Settings, paths: list[str]) -> None:
    """What a program keeps in its directory of certificates, while it is told of no other pair."""
    assert [each.path for each in implied_files(Process(name=who, source="/unit", settings=settings))] == paths


SECURITY: Tree = {"name": "cp-1", "client-transport-security": {"cert-file": "/file.crt", "client-cert-auth": "true"}}


@pytest.mark.parametrize(
    ("started", "config", "settings"),
    [
        (Started(process="etcd", source="/u", flags={"cert-file": ("/a",)}), None, {"cert-file": ("/a",)}),
        (
            Started(
                process="etcd",
                source="/u",
                flags={"cert-file": ("/flag",)},
                environment={"ETCD_CERT_FILE": "/env", "ETCD_KEY_FILE": "/env.key", "HOME": "/"},
            ),
            None,
            {"cert-file": ("/flag",), "key-file": ("/env.key",)},
        ),
        (
            Started(process="etcd", source="/u", flags={"config-file": ("/c",), "key-file": ("/flag",)}),
            SECURITY,
            {
                "client-transport-security.cert-file": ("/file.crt",),
                "client-transport-security.client-cert-auth": ("true",),
                "config-file": ("/c",),
                "name": ("cp-1",),
            },
        ),
        (
            Started(process="etcd", source="/u", flags={}, environment={"ETCD_CONFIG_FILE": "/c", "ETCD_NAME": "x"}),
            {"name": "cp-1"},
            {"config-file": ("/c",), "name": ("cp-1",)},
        ),
        (
            Started(process="kubelet", source="/u", flags={"config": ("/c",), "staticPodPath": ("/flag",)}),
            {"staticPodPath": "/file", "tlsCertFile": "/x"},
            {"config": ("/c",), "staticPodPath": ("/flag",), "tlsCertFile": ("/x",)},
        ),
        (
            Started(process="etcd", source="/u", flags={"cert-file": ("a.crt",)}, mounts=Mounts(working_directory="/w")),
            None,
            {"cert-file": ("/w/a.crt",)},
        ),
    ],
    ids=["flags", "flags before environment", "a file instead of flags", "a file by environment", "kubelet", "relative"],
)
def test_which_setting_counts(started: Started, config: Tree, settings: Settings) -> None:
    """Flags before a file for Kubernetes; for etcd the file alone, or flags before the environment."""
    assert started.finished(config) == Process(name=started.process, source="/u", settings=settings)


def test_secrets_are_no_settings() -> None:
    """The token by which nodes join stays in the file where it stands."""
    started = Started(process="k3s", source="/u", flags={"token": ("SECRET",), "agent-token": ("SECRET",), "node-name": ("a",)})
    assert started.finished() == Process(name="k3s", source="/u", settings={"node-name": ("a",)})


CONTAINER = Started(
    process="kube-apiserver",
    source="/m.yaml",
    version="1.31.4",
    flags={
        "client-ca-file": ("/pki/ca.crt",),
        "oidc-ca-file": ("/gone/ca.crt",),
        "cert-dir": ("/gone",),
        SNI: ("/pki/a.crt,/pki/a.key:a", "junk"),
        "v": ("2",),
    },
    mounts=Mounts(mounts=(Mount(inside="/pki", on_node="/etc/kubernetes/pki"),), container=True),
)


def test_paths_of_a_container_become_the_nodes() -> None:
    """What the node does not have stays as it is written, and is noted where a certificate was meant."""
    assert CONTAINER.finished() == Process(
        name="kube-apiserver",
        source="/m.yaml",
        version="1.31.4",
        settings={
            "cert-dir": ("/gone",),
            "client-ca-file": ("/etc/kubernetes/pki/ca.crt",),
            "oidc-ca-file": ("/gone/ca.crt",),
            SNI: ("/etc/kubernetes/pki/a.crt,/etc/kubernetes/pki/a.key:a", "junk"),
            "v": ("2",),
        },
    )
    assert list(CONTAINER.lost()) == [Lost("--oidc-ca-file", "/gone/ca.crt")]
