"""The parts of a desired-state document that its sections share: patterns, names, selections, hooks.

No ``from __future__ import annotations`` here: msgspec would compile every annotation from its text at each start.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
DURATION_PATTERN = r"^([0-9]+(y|d|h|m|s))+$"
PERCENT_PATTERN = r"^([1-9]|[1-9][0-9])%$"
UNIT_PATTERN = r"^[A-Za-z0-9:_.\\@{}-]{1,255}$"

Name = Annotated[str, Meta(pattern=NAME_PATTERN, description="Lower-case letters, digits and hyphens, at most 63.")]
Duration = Annotated[
    str,
    Meta(pattern=DURATION_PATTERN, description="A duration: 90d, 8760h, 1y (365d), 10m, or a sum such as 1d12h."),
]
RenewBefore = Annotated[
    str,
    Meta(
        pattern=f"({DURATION_PATTERN})|({PERCENT_PATTERN})",
        description='How long before expiry to renew: a duration, or a share of the lifetime such as "33%".',
    ),
]
Mode = Annotated[
    str,
    Meta(pattern=r"^0?[0-7]{3}$", description='File mode of the private key, quoted octal: "0600", "0640".'),
]
Account = (
    Annotated[
        str,
        Meta(pattern=r"^([a-z_][a-z0-9_-]*|[0-9]+)$", description="A user or group of the machine: a name, or a quoted number."),
    ]
    | Annotated[int, Meta(ge=0, description="A user or group id.")]
)
RelativePath = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1024,
        description="A path under the store's root, without a suffix for pairs; no leading slash, no `..`.",
    ),
]
ENDING_PATTERN = r"^[-._][A-Za-z0-9._-]{1,31}$"
Ending = Annotated[str, Meta(pattern=ENDING_PATTERN)]
KeyType = Annotated[
    Literal["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"],
    Meta(description="Key algorithm and size."),
]
Usage = Annotated[
    Literal[
        "server auth",
        "client auth",
        "code signing",
        "email protection",
        "s/mime",
        "timestamping",
        "ocsp signing",
        "signing",
        "digital signature",
        "content commitment",
        "key encipherment",
        "data encipherment",
        "key agreement",
    ],
    Meta(description="A usage, spelled as in the Kubernetes CertificateSigningRequest API."),
]
Output = Annotated[
    Literal["pem", "fullchain", "combined", "der", "pkcs12"],
    Meta(
        description=(
            "What is written: pem (.crt, .key), fullchain (.fullchain.crt), combined (.pem: chain and key in one file), "
            "der (.der), pkcs12 (.p12)."
        )
    ),
]
NODE_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"
NodeName = Annotated[
    str, Meta(max_length=253, pattern=NODE_PATTERN, description="Its name in the cluster, an RFC 1123 subdomain.")
]
Role = Annotated[Literal["control-plane", "worker", "etcd"], Meta(description="A node's role.")]


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Base of every part of the document: unknown fields are refused, names are camelCase."""


class SubjectSpec(Spec, frozen=True, kw_only=True):
    """A distinguished name (RFC 5280 section 4.1.2.6)."""

    common_name: Annotated[str, Meta(max_length=64, description="CN, at most 64 characters.")] | UnsetType = UNSET
    organizations: Annotated[list[str], Meta(description="O; Kubernetes reads them as groups.")] | UnsetType = UNSET
    organizational_units: Annotated[list[str], Meta(description="OU.")] | UnsetType = UNSET
    countries: Annotated[list[str], Meta(description="C, two letters each.")] | UnsetType = UNSET
    provinces: Annotated[list[str], Meta(description="ST.")] | UnsetType = UNSET
    localities: Annotated[list[str], Meta(description="L.")] | UnsetType = UNSET


class SansSpec(Spec, frozen=True, kw_only=True):
    """Subject alternative names, by kind. `{node}` and `{node.addresses}` stand for the node of a `forEach`."""

    dns: Annotated[list[str], Meta(description="DNS names; a wildcard only as the whole leftmost label.")] | UnsetType = UNSET
    ip: Annotated[list[str], Meta(description="IP addresses, one each, no prefix length, no zone.")] | UnsetType = UNSET
    uri: Annotated[list[str], Meta(description="URIs, for example SPIFFE ids.")] | UnsetType = UNSET
    email: Annotated[list[str], Meta(description="Mailboxes.")] | UnsetType = UNSET


class ForEach(Spec, frozen=True, kw_only=True):
    """Selects nodes: one instance for each node that has one of the roles and, if given, one of the names."""

    roles: Annotated[list[Role], Meta(description="Any of these roles.")] | UnsetType = UNSET
    nodes: Annotated[list[NodeName], Meta(description="Only these nodes.")] | UnsetType = UNSET


class ConstrainedNames(Spec, frozen=True, kw_only=True):
    """Names for one side of nameConstraints (RFC 5280 section 4.2.1.10)."""

    dns: Annotated[list[str], Meta(description="DNS suffixes: example.com covers itself and all below it.")] | UnsetType = UNSET
    ip: Annotated[list[str], Meta(description="CIDR ranges.")] | UnsetType = UNSET
    uri: Annotated[list[str], Meta(description="Host names of URIs; .example.com covers all hosts below it.")] | UnsetType = UNSET
    email: Annotated[list[str], Meta(description="Mailboxes, hosts, or .domains.")] | UnsetType = UNSET


class NameConstraintsSpec(Spec, frozen=True, kw_only=True):
    """Which names certificates below this CA may hold."""

    permitted: Annotated[ConstrainedNames, Meta(description="Only these.")] | UnsetType = UNSET
    excluded: Annotated[ConstrainedNames, Meta(description="None of these.")] | UnsetType = UNSET


PhaseName = Literal["stage", "clients", "servers", "soak", "distrust"]
Soak = Annotated[Duration, Meta(description="How long both generations stay trusted after the last switch.")]
Hold = Annotated[PhaseName, Meta(description="Stop before this phase.")]
Proceed = Annotated[
    PhaseName,
    Meta(
        description="With --node, or where nodes hold copies: the last phase that may be entered, because somebody saw that "
        "all nodes are ready."
    ),
]
Retired = Annotated[Literal["keep", "destroy"], Meta(description="What becomes of an old key that nobody trusts any more.")]


class RotationSpec(Spec, frozen=True, kw_only=True):
    """How a new generation of a CA is phased in."""

    strategy: (
        Annotated[
            Literal["staged", "renew", "manual"],
            Meta(description="What falling due starts: a new key in phases, the same key with new dates, or only a warning."),
        ]
        | UnsetType
    ) = UNSET
    soak: Soak | UnsetType = UNSET
    hold: Hold | UnsetType = UNSET
    proceed: Proceed | UnsetType = UNSET
    retired: Retired | UnsetType = UNSET
    numbered_names: (
        Annotated[
            bool,
            Meta(
                description='Whether later generations have their number in the common name ("kubernetes g2"). '
                "Default: yes, unless subject.commonName is written by hand."
            ),
        ]
        | UnsetType
    ) = UNSET


class KeypairRotationSpec(Spec, frozen=True, kw_only=True):
    """How a new generation of a keypair is phased in."""

    soak: (
        Annotated[
            Duration, Meta(description="How long signatures of the old key are accepted after the switch; default 1y: tokens.")
        ]
        | UnsetType
    ) = UNSET
    hold: Hold | UnsetType = UNSET
    proceed: Proceed | UnsetType = UNSET
    retired: Retired | UnsetType = UNSET


class CrlCopiesSpec(Spec, frozen=True, kw_only=True):
    """Copies of a revocation list, for the nodes that read it."""

    for_each: Annotated[ForEach, Meta(description="One copy per matching node.")]
    store: Annotated[Name, Meta(description="The store of the copies.")] | UnsetType = UNSET
    path: Annotated[RelativePath, Meta(description="The file of the first format, with its suffix.")]


class CrlSpec(Spec, frozen=True, kw_only=True):
    """Where and how a CA's revocation list is published."""

    path: Annotated[RelativePath, Meta(description="The file of the first format, with its suffix, under the CA's store.")]
    formats: (
        Annotated[
            list[Literal["pem", "der"]],
            Meta(min_length=1, description="The first stands at `path`, a further one at `path` with .pem or .der added."),
        ]
        | UnsetType
    ) = UNSET
    validity: Annotated[Duration, Meta(description="How long a list may be relied on; default 7d.")] | UnsetType = UNSET
    copies: Annotated[CrlCopiesSpec, Meta(description="Copies on nodes.")] | UnsetType = UNSET


class NamingSpec(Spec, frozen=True, kw_only=True):
    """What the names of a pair's files end with, such as cfssl's .pem and -key.pem."""

    certificate: Annotated[Ending, Meta(description="Default .crt.")] | UnsetType = UNSET
    key: Annotated[Ending, Meta(description="Default .key.")] | UnsetType = UNSET


class CopiesSpec(Spec, frozen=True, kw_only=True):
    """Copies of a CA's certificate and key, for nodes that sign by themselves."""

    for_each: Annotated[ForEach, Meta(description="One copy per matching node.")]
    store: Annotated[Name, Meta(description="The store of the copies.")] | UnsetType = UNSET
    path: Annotated[RelativePath, Meta(description="Path of each copy, without suffix.")]


class NodeCopiesSpec(Spec, frozen=True, kw_only=True):
    """Copies on nodes of what is made in one place: each node's own reconciler fetches its copy, and signs nothing."""

    for_each: (
        Annotated[ForEach, Meta(description="One copy per matching node, of what has no forEach of its own.")] | UnsetType
    ) = UNSET
    store: Annotated[Name, Meta(description="The store of the copies, of type file.")] | UnsetType = UNSET
    path: Annotated[RelativePath, Meta(description="Path of each copy; default the path of the original.")] | UnsetType = UNSET


class SignalTarget(Spec, frozen=True, kw_only=True):
    """A process and a signal."""

    pidfile: Annotated[str, Meta(min_length=1, description="Absolute path of the file that holds the process id.")]
    name: Annotated[Literal["HUP", "USR1", "USR2", "WINCH", "INT", "TERM", "QUIT"], Meta(description="Which signal.")]


class SystemdTarget(Spec, frozen=True, kw_only=True):
    """A unit and what to do with it."""

    unit: Annotated[str, Meta(pattern=UNIT_PATTERN, description="Unit name; may hold {node}.")]
    action: Annotated[Literal["reload", "restart", "reload-or-restart", "try-restart"], Meta(description="systemctl verb.")]


class HttpTarget(Spec, frozen=True, kw_only=True):
    """An HTTP request."""

    url: Annotated[str, Meta(description="Where to; http or https.")]
    method: Annotated[Literal["GET", "POST", "PUT"], Meta(description="Default POST.")] | UnsetType = UNSET
    ca_file: Annotated[str, Meta(description="Absolute path of the CAs that an https server is checked against.")] | UnsetType = (
        UNSET
    )


#: The actions of a hook, of which it has exactly one.
ACTIONS = ("exec", "signal", "systemd", "http", "touch")


class Hook(Spec, frozen=True, kw_only=True):
    """What to do after a change: exactly one action, and how."""

    exec: (
        Annotated[
            list[Annotated[str, Meta(min_length=1)]],
            Meta(min_length=1, description="Program and arguments, run without a shell; may hold {node}."),
        ]
        | UnsetType
    ) = UNSET
    signal: Annotated[SignalTarget, Meta(description="Signal the process of a pid file.")] | UnsetType = UNSET
    systemd: Annotated[SystemdTarget, Meta(description="Reload or restart a unit.")] | UnsetType = UNSET
    http: Annotated[HttpTarget, Meta(description="Call an endpoint.")] | UnsetType = UNSET
    touch: Annotated[str, Meta(min_length=1, description="Touch a file, absolute.")] | UnsetType = UNSET
    timeout: Annotated[Duration, Meta(description="How long it may take; default 60s.")] | UnsetType = UNSET
    only_if_running: (
        Annotated[
            bool,
            Meta(description="Leave alone what is not running (default true): it reads the new files when it starts."),
        ]
        | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        """Holds the rule that types cannot express; the schema has it as oneOf."""
        if sum(getattr(self, field) is not UNSET for field in ACTIONS) != 1:
            msg = "a hook has exactly one action"
            raise ValueError(msg)


class Probe(Spec, frozen=True, kw_only=True):
    """A live check of what an endpoint presents."""

    address: (
        Annotated[str, Meta(description="host:port to connect to; IPv6 in brackets; may hold {node}, {node.host}.")] | UnsetType
    ) = UNSET
    server_name: Annotated[str, Meta(description="SNI; default the host, when it is a name.")] | UnsetType = UNSET
    starttls: Annotated[Literal["smtp", "imap", "postgresql", "ldap"], Meta(description="Protocol before TLS.")] | UnsetType = (
        UNSET
    )
    client: (
        Annotated[Name, Meta(description="The component whose certificate is presented when the server asks for one.")]
        | UnsetType
    ) = UNSET
    timeout: Annotated[Duration, Meta(description="How long it may take; default 5s.")] | UnsetType = UNSET


class Pkcs12Spec(Spec, frozen=True, kw_only=True):
    """Options of the pkcs12 output."""

    password_file: Annotated[str, Meta(min_length=1, description="Absolute path of the file that holds the password.")]
