"""systemd units: drop-ins, resets, continuation, quoting, specifiers and variables."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cluster.units import EnvironmentFile, Unit, command_words, parse_unit
from reconciler.cluster.words import expanded, logical_lines, specified, split_words

KUBELET = """\
[Unit]
Description=kubelet: The Kubernetes Node Agent

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
"""
#: As the Debian package of kubeadm has it.
KUBEADM = """\
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/b --kubeconfig=/k"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# a comment
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""


def service(*lines: str) -> str:
    """A unit with a [Service] section."""
    return "\n".join(("[Service]", *lines, ""))


def test_kubeadms_drop_in() -> None:
    """An empty ExecStart= resets; environment and its files are collected."""
    unit = parse_unit("kubelet.service", [KUBELET, KUBEADM])
    assert unit == Unit(
        commands=("/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS",),
        environment={
            "KUBELET_KUBECONFIG_ARGS": "--bootstrap-kubeconfig=/b --kubeconfig=/k",
            "KUBELET_CONFIG_ARGS": "--config=/var/lib/kubelet/config.yaml",
        },
        environment_files=(
            EnvironmentFile(path="/var/lib/kubelet/kubeadm-flags.env", optional=True),
            EnvironmentFile(path="/etc/default/kubelet", optional=True),
        ),
        working_directory="/",
    )
    assert command_words(unit.commands[0], unit.environment) == (
        "/usr/bin/kubelet",
        "--bootstrap-kubeconfig=/b",
        "--kubeconfig=/k",
        "--config=/var/lib/kubelet/config.yaml",
    )


@pytest.mark.parametrize(
    ("texts", "commands"),
    [
        ([service("ExecStart=/a", "ExecStart=/b")], ("/a", "/b")),
        ([service("ExecStart=/a"), service("ExecStart=/b")], ("/a", "/b")),
        ([service("ExecStart=/a"), service("ExecStart=", "ExecStart=/b")], ("/b",)),
        ([service("ExecStart=/a \\", "  --b \\", "# in between", "  --c")], ("/a    --b    --c",)),
        ([service("ExecStart=/a %i %H %n %% %p %t %q")], ("/a 1 cp-1.internal e@1.service % e /run %q",)),
        (["[Unit]\nExecStart=/a\n[Service]\n"], ()),
        (["[Service]\n ExecStart = /a \n[Install]\nExecStart=/b\n"], ("/a",)),
        (["ExecStart=/a"], ()),
        ([], ()),
    ],
)
def test_commands(texts: Sequence[str], commands: tuple[str, ...]) -> None:
    """What a unit starts, with its specifiers replaced."""
    assert parse_unit("e@1.service", texts, host="cp-1.internal").commands == commands


def test_environment_is_collected_and_reset() -> None:
    """Several assignments a line, later ones over earlier ones; an empty line begins anew, for files too."""
    one = service("Environment=A=1 'B=x y'", "Environment=A=2", "EnvironmentFile=/a", "WorkingDirectory=/var/lib/etcd")
    two = service("Environment=", "Environment=C=3", "EnvironmentFile=", "EnvironmentFile=/b*.env")
    assert parse_unit("a.service", [one]).environment == {"A": "2", "B": "x y"}
    assert parse_unit("a.service", [one, two]) == Unit(
        commands=(),
        environment={"C": "3"},
        environment_files=(EnvironmentFile(path="/b*.env"),),
        working_directory="/var/lib/etcd",
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/a $ONE ${ONE}", ("/a", "x", "x")),
        ("/a $TWO", ("/a", "x", "y z")),
        ("/a ${TWO}", ("/a", 'x "y z"')),
        ("/a --b=${ONE}:1", ("/a", "--b=x:1")),
        ("/a $NONE ${NONE}", ("/a", "")),
        ("/a --b=$$ONE", ("/a", "--b=$ONE")),
        ("-/a $ONE", ("/a", "x")),
        ("+!!/a", ("/a",)),
        (":/a $ONE", ("/a", "$ONE")),
        ("@/a called --b", ("/a", "--b")),
        ("/a '--b=c d' \"e\"", ("/a", "--b=c d", "e")),
        ("", ()),
    ],
)
def test_words_of_a_command(command: str, words: tuple[str, ...]) -> None:
    """Prefixes are taken off; a variable that stands alone becomes words, in a word it stays one."""
    assert command_words(command, {"ONE": "x", "TWO": 'x "y z"'}) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b", ("a", "b")),
        ("'a b'c \"d\"", ("a bc", "d")),
        (r"a\tb \"x", ("a\tb", '"x')),
        (r"'a\tb'", (r"a\tb",)),
        ("''", ("",)),
        ("'not closed", ("not closed",)),
        ("a\\", ("a",)),
        ("", ()),
    ],
)
def test_words(line: str, words: tuple[str, ...]) -> None:
    """Quotes of both kinds and escapes."""
    assert split_words(line) == words


@given(st.text(max_size=200), st.dictionaries(st.text("AB", min_size=1, max_size=2), st.text(max_size=20)))
def test_nothing_is_refused(text: str, environment: dict[str, str]) -> None:
    """Any text at all is a unit, a line, a word."""
    unit = parse_unit(text, [text, service(f"ExecStart={text}", f"Environment={text}")])
    for command in unit.commands:
        command_words(command, environment)
    assert "\n" not in "".join(logical_lines(text))
    assert isinstance(specified(text, environment), str)
    expanded(split_words(text), environment)


@given(st.lists(st.text("abc", min_size=1, max_size=5), max_size=6))
def test_quoting_gives_words_back(words: list[str]) -> None:
    """What is quoted word by word is split into the same words."""
    assert split_words(" ".join(f"'{word}'" for word in words)) == tuple(words)
