"""Command lines: the same flags in any order and spelling are the same, whatever starts the program."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cluster.flags import Command, parse_command, parse_flags, shell_words

ETCD = Command("etcd", {"name": ("cp-1",)})


@pytest.mark.parametrize(
    ("words", "settings", "others"),
    [
        (["--a=1"], {"a": ("1",)}, ()),
        (["--a", "1"], {"a": ("1",)}, ()),
        (["-a=1"], {"a": ("1",)}, ()),
        (["--a=1", "--a", "2"], {"a": ("1", "2")}, ()),
        (["--a=b=c"], {"a": ("b=c",)}, ()),
        (["--a="], {"a": ("",)}, ()),
        (["--a", ""], {"a": ("",)}, ()),
        (["--tls_cert_file=x"], {"tls-cert-file": ("x",)}, ()),
        (["--a"], {"a": ("true",)}, ()),
        (["--a", "--b=1"], {"a": ("true",), "b": ("1",)}, ()),
        (["--client-cert-auth", "more"], {"client-cert-auth": ("true",)}, ("more",)),
        (["--client-cert-auth=false"], {"client-cert-auth": ("false",)}, ()),
        (["-v", "2"], {"v": ("2",)}, ()),
        (["--cluster-init", "--server", "https://x"], {"cluster-init": ("true",), "server": ("https://x",)}, ()),
        (["server", "--a=1", "-", "x"], {"a": ("1",)}, ("server", "-", "x")),
        (["--a=1", "--", "--b=2"], {"a": ("1",)}, ()),
        ([], {}, ()),
    ],
)
def test_flags(words: Sequence[str], settings: dict[str, tuple[str, ...]], others: tuple[str, ...]) -> None:
    """Values by name, in their order; words that belong to no flag apart."""
    assert parse_flags(words) == (settings, others)


@pytest.mark.parametrize(
    "words",
    [
        ("etcd", "--name=cp-1"),
        ("/usr/local/bin/etcd", "-name", "cp-1"),
        ("/bin/sh", "-c", "exec /usr/local/bin/etcd --name=cp-1"),
        ("/bin/bash", "-ec", "exec etcd \\\n  --name 'cp-1'"),
        ("/bin/sh", "-c", 'GOMAXPROCS="$(nproc)" etcd --name="cp-1"'),
        ("/go-runner", "--log-file=/var/log/etcd.log", "/usr/local/bin/etcd", "--name=cp-1"),
        ("/usr/bin/docker", "run", "--name", "etcd", "quay.io/coreos/etcd:v3.5.15", "/usr/local/bin/etcd", "--name", "cp-1"),
    ],
)
def test_wrappers_are_looked_through(words: tuple[str, ...]) -> None:
    """A shell, a log runner and a container runtime are not the program."""
    assert parse_command(words) == ETCD


@pytest.mark.parametrize(
    ("words", "process"),
    [
        (("kube-apiserver", "--v=2"), "kube-apiserver"),
        (("/hyperkube", "apiserver", "--v=2"), "kube-apiserver"),
        (("/hyperkube", "kube-scheduler", "--v=2"), "kube-scheduler"),
        (("/usr/local/bin/k3s", "server", "--v=2"), "k3s"),
        (("/usr/sbin/scheduler", "--v=2"), None),
        (("/usr/bin/nginx", "-g", "daemon off;"), None),
        (("sh", "-c"), None),
        (("sh",), None),
        ((), None),
    ],
)
def test_which_program_it_is(words: tuple[str, ...], process: str | None) -> None:
    """The programs of a cluster are known by their names; all others are nobody's business."""
    command = parse_command(words)
    assert (command.process if command else None) == process


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b", ("a", "b")),
        ("'a b' \"c d\"", ("a b", "c d")),
        ("--a='b c'd", ("--a=b cd",)),
        (r"a\ b \'", ("a b", "'")),
        ("''", ("",)),
        ("", ()),
    ],
)
def test_words_of_a_shell(text: str, words: tuple[str, ...]) -> None:
    """Quotes hold words together and are not part of them."""
    assert shell_words(text) == words


NAMES = st.sampled_from(["tls-cert-file", "client-ca-file", "etcd-servers", "advertise-address", "client-cert-auth"])
VALUES = st.text("abc/.:,0123456789", min_size=1, max_size=8)
SPELLINGS = st.sampled_from(["--{0}={1}", "-{0}={1}", "--{0}\0{1}", "-{0}\0{1}"])


@given(flags=st.dictionaries(NAMES, st.tuples(VALUES, SPELLINGS)), data=st.data())
def test_order_and_spelling_do_not_matter(flags: dict[str, tuple[str, str]], data: st.DataObject) -> None:
    """The same flags in another order, with ``=`` or a space, with one dash or two, give the same settings."""
    order = data.draw(st.permutations(sorted(flags)))
    words = [
        word
        for name in order
        # A boolean takes its value behind = only.
        for word in (flags[name][1] if name != "client-cert-auth" else "--{0}={1}").format(name, flags[name][0]).split("\0")
    ]
    assert parse_flags(words) == ({name: (value,) for name, (value, _) in flags.items()}, ())


@given(st.lists(st.text(max_size=12), max_size=8))
def test_nothing_is_refused(words: list[str]) -> None:
    """Any words at all are a command line of somebody's."""
    parse_flags(words)
    parse_command(words)
    parse_command(["sh", "-c", " ".join(words)])
