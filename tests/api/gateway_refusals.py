"""The table of what `traffic.gateway` must not be. Part of SPEC_REFUSALS."""

from collections.abc import Iterator
from typing import Final

from tests.api.refusals import (
    Refusal,
    missing,
    too_few,
    too_large,
    too_long,
    too_many,
    too_short,
    too_small,
    unknown,
    wrong_type,
)
from tests.api.samples import ABSENT, Json

GATEWAY: Final = "spec.traffic.gateway"
MODIFIER: Final = f"{GATEWAY}.filters[0].requestHeaderModifier"

HOSTNAME: Final = (
    f"{GATEWAY}.hostnames[0]: Forbidden: must be a DNS name in lower case, without a port, for example "
    "'fraud.example.com' or '*.example.com'"
)
REDIRECT: Final = (
    f"{GATEWAY}.filters[0].type: Forbidden: a redirected request reaches no model; remove the filter, or redirect in "
    "an HTTPRoute of your own"
)
ONCE: Final = (
    f"{GATEWAY}.filters: Forbidden: of the filters only RequestMirror and ExtensionRef may occur more than once; "
    "merge those of the same type"
)
ONE_PREFIX: Final = (
    f"{GATEWAY}.filters: Forbidden: the filter URLRewrite with ReplacePrefixMatch needs exactly one match, of a "
    "PathPrefix; leave one match, or use ReplaceFullPath"
)
CANARY_MATCHED: Final = (
    f"{GATEWAY}.matches: Forbidden: the header canaryHeader.name leads to the canary and cannot be matched as well; "
    "choose another name for one of them"
)


def _header(index: int) -> Json:
    return {"name": f"x-{index}", "value": "1"}


def _name(index: int) -> str:
    return f"x-{index}"


def _mirror(index: int) -> Json:
    return {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": f"archive-{index}", "port": 80}}}


def _ours(path: str) -> Iterator[Refusal]:
    says = (
        f"{path}: Forbidden: headers that begin with 'x-serinus-' say which requests count in a rollout, and are set "
        "by Serinus alone; remove it from the filter"
    )
    for bad in ("x-serinus-split", "X-Serinus-Receipt", "x-serinus-"):
        yield Refusal(path, bad, says, ("x-serinu", "my-x-serinus-split"))
    yield too_short(path, 1)
    yield too_long(path, 256)


def _headers(path: str) -> Iterator[Refusal]:
    yield from _ours(f"{path}[0].name")
    yield missing(f"{path}[0].name")
    yield missing(f"{path}[0].value")
    yield too_short(f"{path}[0].value", 1)
    yield too_long(f"{path}[0].value", 4096)
    yield too_many(path, 15, _header)
    yield Refusal(
        path, [_header(1), _header(1)], f'{path}[1]: Duplicate value: {{"name":"x-1"}}', ([_header(1), _header(2)],)
    )


def _duration(path: str) -> Iterator[Refusal]:
    says = (
        f"{path}: Forbidden: must be whole numbers with a unit of h, m, s or ms, for example '500ms', '30s' or '1m30s'"
    )
    for bad in ("30", "1.5s", "", "1h1h1h1h1h", "1d"):
        yield Refusal(path, bad, says, ("500ms", "30s", "1m30s", "0s", ABSENT))
    yield Refusal(path, "1s" + "0" * 31, f"{path}: Too long: may not be more than 32 bytes")
    yield wrong_type(path, 30, 'string: "integer"')


GATEWAY_REFUSALS: Final = (
    unknown(f"{GATEWAY}.hostname"),
    missing(f"{GATEWAY}.parentRefs"),
    too_few(f"{GATEWAY}.parentRefs", 1, lambda _: {"name": "public"}),
    too_many(f"{GATEWAY}.parentRefs", 32, lambda index: {"name": f"public-{index}"}),
    unknown(f"{GATEWAY}.parentRefs[0].section"),
    missing(f"{GATEWAY}.parentRefs[0].name"),
    too_short(f"{GATEWAY}.parentRefs[0].name", 1),
    too_long(f"{GATEWAY}.parentRefs[0].name", 253),
    too_long(f"{GATEWAY}.parentRefs[0].group", 253),
    too_short(f"{GATEWAY}.parentRefs[0].kind", 1),
    too_long(f"{GATEWAY}.parentRefs[0].kind", 63),
    too_short(f"{GATEWAY}.parentRefs[0].namespace", 1),
    too_long(f"{GATEWAY}.parentRefs[0].namespace", 63),
    too_short(f"{GATEWAY}.parentRefs[0].sectionName", 1),
    too_long(f"{GATEWAY}.parentRefs[0].sectionName", 253),
    too_small(f"{GATEWAY}.parentRefs[0].port", 1),
    too_large(f"{GATEWAY}.parentRefs[0].port", 65535),
    wrong_type(f"{GATEWAY}.parentRefs[0].port", "https", 'integer: "string"'),
    *(
        Refusal(f"{GATEWAY}.hostnames[0]", bad, HOSTNAME, ("fraud.example.com", "*.example.com", "fraud"))
        for bad in ("Fraud.example.com", "fraud.example.com:80", "https://fraud", "a.*.com", "", "fraud_1", "*")
    ),
    Refusal(
        f"{GATEWAY}.hostnames[0]",
        "a" * 254,
        f"{GATEWAY}.hostnames[0]: Too long: may not be more than 253 bytes",
        ("a" * 253,),
    ),
    too_many(f"{GATEWAY}.hostnames", 16, lambda index: f"fraud-{index}.example.com"),
    too_few(f"{GATEWAY}.matches", 1, lambda _: {"path": {"value": "/"}}),
    too_many(f"{GATEWAY}.matches", 8, lambda index: {"path": {"value": f"/{index}"}}).given(
        {f"{GATEWAY}.filters": ABSENT}
    ),
    too_many(f"{GATEWAY}.matches[0].headers", 15, _header),
    missing(f"{GATEWAY}.matches[0].headers[0].name"),
    too_short(f"{GATEWAY}.matches[0].headers[0].name", 1),
    too_long(f"{GATEWAY}.matches[0].headers[0].name", 256),
    Refusal(f"{GATEWAY}.matches[0].headers[0].name", "X-Serinus-Canary", CANARY_MATCHED, ("x-canary",)),
    Refusal(f"{GATEWAY}.canaryHeader.name", "X-Tenant", CANARY_MATCHED, ("x-canary",)),
    Refusal(f"{GATEWAY}.matches[0].headers[0].name", "x-serinus-canary", CANARY_MATCHED, ("x-canary",)).given(
        {f"{GATEWAY}.canaryHeader": ABSENT}
    ),
    too_long(f"{GATEWAY}.matches[0].path.type", 64).given({f"{GATEWAY}.filters": ABSENT}),
    Refusal(f"{GATEWAY}.matches[0].path.type", "Exact", ONE_PREFIX, ("PathPrefix", ABSENT)),
    Refusal(
        f"{GATEWAY}.matches",
        [{"path": {"value": "/a"}}, {"path": {"value": "/b"}}],
        ONE_PREFIX,
        (ABSENT, [{"method": "GET"}]),
    ),
    Refusal(
        f"{GATEWAY}.filters[0].urlRewrite.path",
        {"type": "ReplacePrefixMatch"},
        ONE_PREFIX,
        ({"type": "ReplaceFullPath"}, ABSENT),
    ).given({f"{GATEWAY}.matches[0].path.type": "Exact"}),
    too_many(f"{GATEWAY}.filters", 15, _mirror),
    missing(f"{GATEWAY}.filters[0].type"),
    too_long(f"{GATEWAY}.filters[0].type", 64),
    Refusal(
        f"{GATEWAY}.filters[0]",
        {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}},
        REDIRECT,
        ({"type": "CORS"}, {"type": "ExtensionRef"}),
    ),
    *(
        Refusal(
            f"{GATEWAY}.filters",
            [{"type": kind}, {"type": kind}],
            ONCE,
            ([{"type": kind}], [_mirror(1), _mirror(2)], [{"type": "ExtensionRef"}] * 2),
        )
        for kind in ("RequestHeaderModifier", "URLRewrite", "CORS")
    ),
    *_headers(f"{MODIFIER}.set"),
    *_headers(f"{MODIFIER}.add"),
    *_ours(f"{MODIFIER}.remove[0]"),
    too_many(f"{MODIFIER}.remove", 15, _name),
    Refusal(f"{MODIFIER}.remove", ["cookie", "cookie"], f'{MODIFIER}.remove[1]: Duplicate value: "cookie"'),
    missing(f"{GATEWAY}.filters[0].urlRewrite.path.type"),
    too_long(f"{GATEWAY}.filters[0].urlRewrite.path.type", 64),
    *_duration(f"{GATEWAY}.timeouts.request"),
    *_duration(f"{GATEWAY}.timeouts.backendRequest"),
    unknown(f"{GATEWAY}.timeouts.idle"),
    *(
        Refusal(
            f"{GATEWAY}.canaryHeader.name",
            bad,
            f"{GATEWAY}.canaryHeader.name: Forbidden: may hold only letters, digits and '-'",
            ("X-Canary", "canary", ABSENT),
        )
        for bad in ("x canary", "x_canary", "x:")
    ),
    too_short(f"{GATEWAY}.canaryHeader.name", 1),
    too_long(f"{GATEWAY}.canaryHeader.name", 256),
    *(
        Refusal(
            f"{GATEWAY}.canaryHeader.name",
            bad,
            f"{GATEWAY}.canaryHeader.name: Forbidden: of the headers that begin with 'x-serinus-' only "
            "'x-serinus-canary' leads to the canary",
            ("X-Serinus-Canary",),
        )
        for bad in ("x-serinus-split", "X-SERINUS-receipt", "x-serinus-canary2")
    ),
    *(
        Refusal(
            f"{GATEWAY}.canaryHeader.value",
            bad,
            f"{GATEWAY}.canaryHeader.value: Forbidden: may hold only printable ASCII, with single spaces inside it",
            ("always", "a b", "=;,"),
        )
        for bad in ("ä", " a", "a\nb", "a  b")
    ),
    too_short(f"{GATEWAY}.canaryHeader.value", 1),
    too_long(f"{GATEWAY}.canaryHeader.value", 4096),
    wrong_type(f"{GATEWAY}.canaryHeader.value", 1, 'string: "integer"'),
    unknown(f"{GATEWAY}.canaryHeader.regex"),
)
