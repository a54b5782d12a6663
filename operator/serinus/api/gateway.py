"""`traffic.gateway`: how requests from outside reach the model. Open where Gateway API's own fields pass through.

The limits leave room for what render/route.py adds: a header to every match, a filter and a header to every rule.
"""

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from serinus.api.model import ApiModel, OpenModel, rule, rules

HEADER_PREFIX: Final = "x-serinus-"
SPLIT_HEADER: Final = f"{HEADER_PREFIX}split"
"""Says under which split of the traffic the gateway sent a request: `<split number>-<nonce>`."""
CANARY_HEADER: Final = f"{HEADER_PREFIX}canary"

HEADER_MODIFIER: Final = "RequestHeaderModifier"

MAX_MATCHES: Final = 8
"""The first versions of Gateway API allow no more in one rule."""
MAX_ADDED_TO: Final = 15
"""Gateway API allows 16 headers and 16 filters; one is ours."""

_ATOMIC: Final = {"x-kubernetes-list-type": "atomic"}
_BY_NAME: Final = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}

_IS_OURS: Final = f"self.matches('(?i)^{HEADER_PREFIX}')"

HeaderName = Annotated[str, Field(min_length=1, max_length=256)]
HeaderValue = Annotated[str, Field(min_length=1, max_length=4096)]
GuardedHeaderName = Annotated[
    HeaderName,
    Field(
        json_schema_extra=rules(
            rule(
                f"!{_IS_OURS}",
                f"headers that begin with '{HEADER_PREFIX}' say which requests count in a rollout, and are set by "
                "Serinus alone; remove it from the filter",
            )
        )
    ),
]
Hostname = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=rules(
            rule(
                "self.matches('^([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
                "must be a DNS name in lower case, without a port, for example 'fraud.example.com' or '*.example.com'",
            )
        ),
    ),
]
Duration = Annotated[
    str,
    Field(
        max_length=32,
        json_schema_extra=rules(
            rule(
                "self.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$')",
                "must be whole numbers with a unit of h, m, s or ms, for example '500ms', '30s' or '1m30s'",
            )
        ),
    ),
]


class ParentRef(ApiModel):
    """A Gateway that takes requests for the model, or for a service mesh a Service."""

    group: Annotated[str, Field(max_length=253)] | None = None
    """API group of the parent; '' for a Service. Default: gateway.networking.k8s.io."""
    kind: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Gateway, or Service for a service mesh. Default: Gateway."""
    namespace: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Namespace of the parent. Default: the ModelDeployment's own."""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the parent."""
    section_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Name of one listener of the Gateway, or of one port of the Service. Default: all that allow the route."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Number of one port of the parent. Default: all that allow the route."""


class PathMatch(OpenModel):
    """Which paths match."""

    type: Annotated[str, Field(max_length=64)] | None = None
    """How the path is compared. Default: PathPrefix."""


class HeaderMatch(OpenModel):
    """A header that a request must have."""

    name: HeaderName
    """Name of the header."""


class Match(OpenModel):
    """Which requests are for the model, as in `kubectl explain httproute.spec.rules.matches`."""

    path: PathMatch | None = None
    """Which paths match. Default: every path."""
    headers: Annotated[list[HeaderMatch] | None, Field(max_length=MAX_ADDED_TO, json_schema_extra=_BY_NAME)] = None
    """Headers that a request must have, all of them."""


class Header(OpenModel):
    """A header and its value."""

    name: GuardedHeaderName
    """Name of the header. Names that begin with `x-serinus-` are taken."""
    value: HeaderValue
    """Value of the header."""


class HeaderModifier(OpenModel):
    """Headers of the request to set, add and remove."""

    set: Annotated[list[Header] | None, Field(max_length=MAX_ADDED_TO, json_schema_extra=_BY_NAME)] = None
    """Headers that replace those of the same name."""
    add: Annotated[list[Header] | None, Field(max_length=MAX_ADDED_TO, json_schema_extra=_BY_NAME)] = None
    """Headers that come beside those of the same name."""
    remove: Annotated[
        list[GuardedHeaderName] | None,
        Field(max_length=MAX_ADDED_TO, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = None
    """Names of headers to remove. Names that begin with `x-serinus-` are taken."""


class PathRewrite(OpenModel):
    """How the path is rewritten."""

    type: Annotated[str, Field(max_length=64)]
    """ReplaceFullPath or ReplacePrefixMatch."""


class UrlRewrite(OpenModel):
    """How hostname and path are rewritten."""

    path: PathRewrite | None = None
    """How the path is rewritten."""


class Filter(OpenModel):
    """What is done to a request or its response, as in `kubectl explain httproute.spec.rules.filters`."""

    type: Annotated[
        str,
        Field(
            max_length=64,
            json_schema_extra=rules(
                rule(
                    "self != 'RequestRedirect'",
                    "a redirected request reaches no model; remove the filter, or redirect in an HTTPRoute of your own",
                )
            ),
        ),
    ]
    """Kind of the filter; the field of that name says more. RequestRedirect is not allowed."""
    request_header_modifier: HeaderModifier | None = None
    """Headers of the request to set, add and remove."""
    url_rewrite: UrlRewrite | None = None
    """How hostname and path are rewritten."""


class Timeouts(ApiModel):
    """How long a request may take."""

    request: Duration | None = None
    """From the client's request to the end of the response, tries again included; 0s is no limit.
    Default: the gateway's own."""
    backend_request: Duration | None = None
    """One try at a pod; at most as long as `request`. Default: the gateway's own."""


class CanaryHeader(ApiModel):
    """The header that leads a request to the canary."""

    name: Annotated[
        HeaderName,
        Field(
            json_schema_extra=rules(
                rule("self.matches('^[A-Za-z0-9-]+$')", "may hold only letters, digits and '-'"),
                rule(
                    f"!{_IS_OURS} || self.lowerAscii() == '{CANARY_HEADER}'",
                    f"of the headers that begin with '{HEADER_PREFIX}' only '{CANARY_HEADER}' leads to the canary",
                ),
            )
        ),
    ] = CANARY_HEADER
    """Name of the header. Default: x-serinus-canary."""
    value: Annotated[
        HeaderValue,
        Field(
            json_schema_extra=rules(
                rule(
                    "self.matches('^[!-~]+( [!-~]+)*$')", "may hold only printable ASCII, with single spaces inside it"
                )
            )
        ),
    ] = "true"
    """Value that the header must have, to the letter. Default: true."""


_ONCE: Final = rules(
    rule(
        "self.all(f, f.type in ['RequestMirror', 'ExtensionRef'] || self.exists_one(other, other.type == f.type))",
        "of the filters only RequestMirror and ExtensionRef may occur more than once; merge those of the same type",
    )
)
_REWRITES_A_PREFIX: Final = (
    "has(self.filters) && self.filters.exists(f, has(f.urlRewrite) && has(f.urlRewrite.path) && "
    "f.urlRewrite.path.type == 'ReplacePrefixMatch')"
)
_HAS_ONE_PREFIX: Final = (
    "!has(self.matches) || (size(self.matches) == 1 && self.matches.all(m, "
    "!has(m.path) || !has(m.path.type) || m.path.type == 'PathPrefix'))"
)


class Gateway(ApiModel):
    """An HTTPRoute that splits the requests of a Gateway between the stable revision and the canary."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.matches) || self.matches.all(m, !has(m.headers) || "
                "m.headers.all(h, h.name.lowerAscii() != self.canaryHeader.name.lowerAscii()))",
                "the header canaryHeader.name leads to the canary and cannot be matched as well; "
                "choose another name for one of them",
                field=".matches",
            ),
            rule(
                f"!({_REWRITES_A_PREFIX}) || {_HAS_ONE_PREFIX}",
                "the filter URLRewrite with ReplacePrefixMatch needs exactly one match, of a PathPrefix; "
                "leave one match, or use ReplaceFullPath",
                field=".filters",
            ),
        )
    )

    parent_refs: Annotated[list[ParentRef], Field(min_length=1, max_length=32, json_schema_extra=_ATOMIC)]
    """Gateways that take requests for the model; for a service mesh Services. All of them must accept the route before
    a rollout goes on."""
    hostnames: Annotated[list[Hostname] | None, Field(max_length=16, json_schema_extra=_ATOMIC)] = None
    """Names by which the model is called, for example fraud.example.com. Default: those of the Gateway's listeners."""
    matches: Annotated[list[Match] | None, Field(min_length=1, max_length=MAX_MATCHES, json_schema_extra=_ATOMIC)] = (
        None
    )
    """Which requests are for the model: those that satisfy one of them. Default: every path."""
    filters: Annotated[list[Filter] | None, Field(max_length=MAX_ADDED_TO, json_schema_extra={**_ATOMIC, **_ONCE})] = (
        None
    )
    """What is done to every request or its response, whichever revision it goes to."""
    timeouts: Timeouts | None = None
    """How long a request may take. Default: the gateway's own limits."""
    canary_header: CanaryHeader = CanaryHeader()
    """Whoever sends this header, by default `x-serinus-canary: true`, gets the answer of the canary while there is one,
    also before it has any weight. Such requests do not count in the comparison. Choose a value that is hard to guess
    where not everybody may do that."""
