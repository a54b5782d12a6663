"""The HTTPRoute of a model: who gets which requests, and which of them count in a comparison."""

import copy
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.api.gateway import Gateway
from serinus.render.children import service
from serinus.render.route import gateway_of, http_route
from serinus.rollout.split import Share, Split
from tests.render.samples import OWNER, RICH, Json, snapshot

Rule = Callable[[Json, Split], Json]

STABLE: Final = "0123456789"
CANARY: Final = "abcdef0123"
STAMP: Final = "4-9f86d081884c7d65"

MINIMAL: Final[Json] = {"parentRefs": [{"name": "public"}]}
FULL: Final[Json] = {
    "parentRefs": [{"name": "public", "namespace": "infra", "sectionName": "https", "port": 443}],
    "hostnames": ["fraud.example.com", "*.models.example.com"],
    "matches": [
        {"path": {"type": "Exact", "value": "/predict"}, "method": "POST"},
        {
            "path": {"value": "/v2"},
            "headers": [{"name": "x-tenant", "type": "RegularExpression", "value": "a.*"}],
            "queryParams": [{"name": "mode", "value": "live"}],
        },
    ],
    "filters": [
        {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/infer"}}},
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {
                "set": [{"name": "x-model", "value": "fraud"}],
                "add": [{"name": "x-seen-by", "value": "gateway"}],
                "remove": ["cookie"],
            },
        },
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "archive", "port": 80}, "percent": 5}},
        {"type": "ExtensionRef", "extensionRef": {"group": "example.com", "kind": "RateLimit", "name": "fair"}},
    ],
    "timeouts": {"request": "10s", "backendRequest": "2s"},
}

PREFIX: Final = [{"path": {"type": "PathPrefix", "value": "/"}}]


def canary_at(weight: int, stamp: str | None = STAMP) -> Split:
    return Split(STABLE, Share(CANARY, weight, stamp))


SPLITS: Final = {
    "no canary": Split(STABLE),
    "canary waits": canary_at(0),
    "canary gets a part": canary_at(5),
    "canary gets all": canary_at(100),
}
with_any_split = pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
with_a_canary = pytest.mark.parametrize("split", [canary_at(0), canary_at(5), canary_at(100)], ids=["0", "5", "100"])


def spec(gateway: Json, split: Split) -> Json:
    rendered: Json = http_route(OWNER, Gateway.model_validate(gateway), split)["spec"]
    return rendered


def weighted(gateway: Json, split: Split) -> Json:
    """The rule for everybody."""
    rule: Json = spec(gateway, split)["rules"][-1]
    return rule


def pinned(gateway: Json, split: Split) -> Json:
    """The rule for those who ask for the canary."""
    rule, _ = spec(gateway, split)["rules"]
    assert isinstance(rule, dict)
    return rule


in_both_rules = pytest.mark.parametrize("rule", [weighted, pinned], ids=["weighted", "pinned"])


def backends(rule: Json) -> dict[str, int]:
    return {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}


def modifier(rule: Json) -> Json:
    """What the rule does to the headers of a request; Gateway API allows one such filter."""
    (only,) = (each for each in rule["filters"] if each["type"] == "RequestHeaderModifier")
    changes: Json = only["requestHeaderModifier"]
    return changes


def arriving(rule: Json, sent: str | None) -> str | None:
    """The stamp that a pod sees, as a gateway that obeys the rule passes the request on."""
    changes = modifier(rule)
    stamps = {header["name"].lower(): header["value"] for header in changes.get("set", ())}
    if "x-serinus-split" in (name.lower() for name in changes.get("remove", ())):
        return None
    return stamps.get("x-serinus-split", sent)


class TestObject:
    @with_any_split
    def test_has_the_models_name_and_goes_with_the_model_deployment(self, split: Split) -> None:
        manifest = http_route(OWNER, Gateway.model_validate(FULL), split)
        assert (manifest["apiVersion"], manifest["kind"]) == ("gateway.networking.k8s.io/v1", "HTTPRoute")
        metadata = manifest["metadata"]
        assert (metadata["name"], metadata["namespace"]) == ("fraud", "risk")
        assert metadata["labels"] == {"serinus.dev/deployment": "fraud"}
        assert [owner["uid"] for owner in metadata["ownerReferences"]] == [OWNER.uid]

    def test_is_the_same_when_it_is_made_again(self) -> None:
        gateway = Gateway.model_validate(FULL)
        first = copy.deepcopy(http_route(OWNER, gateway, canary_at(5)))
        assert http_route(OWNER, gateway, canary_at(5)) == first

    @pytest.mark.parametrize(
        "parents",
        [
            pytest.param([{"name": "public"}], id="gateway"),
            pytest.param(FULL["parentRefs"], id="listener of a gateway elsewhere"),
            pytest.param([{"group": "", "kind": "Service", "name": "fraud", "port": 80}], id="service of a mesh"),
            pytest.param([{"name": "public"}, {"name": "internal"}], id="two"),
        ],
    )
    def test_has_its_parents_as_they_were_given(self, parents: list[Json]) -> None:
        assert spec({"parentRefs": parents}, canary_at(5))["parentRefs"] == parents

    def test_has_its_hostnames_as_they_were_given(self) -> None:
        assert spec(FULL, canary_at(5))["hostnames"] == ["fraud.example.com", "*.models.example.com"]

    def test_leaves_hostnames_to_the_listeners_by_default(self) -> None:
        assert "hostnames" not in spec(MINIMAL, canary_at(5))

    @with_any_split
    def test_names_no_rule_because_older_gateway_apis_refuse_an_apply_with_names(self, split: Split) -> None:
        assert all("name" not in rule for rule in spec(FULL, split)["rules"])


class TestWeightedRule:
    @pytest.mark.parametrize(
        ("split", "weights"),
        [
            (Split(STABLE), {"fraud-0123456789": 100}),
            (canary_at(0), {"fraud-0123456789": 100, "fraud-abcdef0123": 0}),
            (canary_at(5), {"fraud-0123456789": 95, "fraud-abcdef0123": 5}),
            (canary_at(100), {"fraud-0123456789": 0, "fraud-abcdef0123": 100}),
        ],
        ids=SPLITS,
    )
    def test_gives_each_revision_its_weight_in_so_many_words_also_0(
        self, split: Split, weights: dict[str, int]
    ) -> None:
        """An absent weight is 1, and would be a share."""
        assert backends(weighted(MINIMAL, split)) == weights

    def test_leads_to_the_services_of_the_revisions(self) -> None:
        of_stable = service(OWNER, snapshot(RICH, revision=STABLE))
        backend, _ = weighted(MINIMAL, canary_at(5))["backendRefs"]
        assert backend["name"] == of_stable["metadata"]["name"]
        assert [backend["port"]] == [port["port"] for port in of_stable["spec"]["ports"]]

    def test_takes_every_path_by_default(self) -> None:
        assert weighted(MINIMAL, canary_at(5))["matches"] == PREFIX

    def test_takes_what_the_user_matches(self) -> None:
        assert weighted(FULL, canary_at(5))["matches"] == FULL["matches"]

    def test_stamps_what_it_splits_over_whatever_the_client_sent(self) -> None:
        rule = weighted(MINIMAL, canary_at(5))
        assert rule["filters"] == [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"set": [{"name": "x-serinus-split", "value": STAMP}]},
            }
        ]

    @pytest.mark.parametrize(
        "split",
        [Split(STABLE), canary_at(0), canary_at(5, stamp=None)],
        ids=["no canary", "canary waits", "nothing is compared"],
    )
    def test_removes_a_stamp_where_nothing_is_compared(self, split: Split) -> None:
        assert modifier(weighted(MINIMAL, split)) == {"remove": ["x-serinus-split"]}


class TestPinnedRule:
    @with_a_canary
    def test_leads_to_the_canary_whatever_its_weight(self, split: Split) -> None:
        assert backends(pinned(MINIMAL, split)) == {"fraud-abcdef0123": 100}

    def test_is_not_there_without_a_canary(self) -> None:
        """Whoever asks for the canary gets the stable revision then."""
        assert spec(MINIMAL, Split(STABLE))["rules"] == [weighted(MINIMAL, Split(STABLE))]

    def test_takes_those_who_send_the_header(self) -> None:
        assert pinned(MINIMAL, canary_at(5))["matches"] == [
            {**PREFIX[0], "headers": [{"name": "x-serinus-canary", "value": "true"}]}
        ]

    @pytest.mark.parametrize(
        ("asked", "header"),
        [
            ({"name": "x-preview"}, {"name": "x-preview", "value": "true"}),
            ({"value": "s3cret"}, {"name": "x-serinus-canary", "value": "s3cret"}),
        ],
        ids=["name", "value"],
    )
    def test_takes_the_header_that_the_user_chose(self, asked: Json, header: Json) -> None:
        (match,) = pinned(MINIMAL | {"canaryHeader": asked}, canary_at(0))["matches"]
        assert match["headers"] == [header]

    @with_a_canary
    def test_removes_a_stamp_because_nobody_drew_these_requests_by_lot(self, split: Split) -> None:
        assert modifier(pinned(MINIMAL, split)) == {"remove": ["x-serinus-split"]}

    def test_narrows_each_of_the_users_matches_by_the_header(self) -> None:
        """Each then goes before its twin in the weighted rule: it has one header more, and all else is the same."""
        header = {"name": "x-serinus-canary", "value": "true"}
        exact, prefix = FULL["matches"]
        assert pinned(FULL, canary_at(5))["matches"] == [
            {**exact, "headers": [header]},
            {**prefix, "headers": [*prefix["headers"], header]},
        ]


class TestFilters:
    @in_both_rules
    def test_of_the_user_stand_in_both_rules_in_their_order(self, rule: Rule) -> None:
        filters = rule(FULL, canary_at(5))["filters"]
        assert [each["type"] for each in filters] == [each["type"] for each in FULL["filters"]]
        assert [filters[i] for i in (0, 2, 3)] == [FULL["filters"][i] for i in (0, 2, 3)]

    def test_that_modify_headers_get_the_stamp_beside_what_the_user_sets(self) -> None:
        assert modifier(weighted(FULL, canary_at(5))) == {
            "set": [{"name": "x-model", "value": "fraud"}, {"name": "x-serinus-split", "value": STAMP}],
            "add": [{"name": "x-seen-by", "value": "gateway"}],
            "remove": ["cookie"],
        }

    def test_that_modify_headers_remove_the_stamp_beside_what_the_user_removes(self) -> None:
        assert modifier(pinned(FULL, canary_at(5))) == {
            "set": [{"name": "x-model", "value": "fraud"}],
            "add": [{"name": "x-seen-by", "value": "gateway"}],
            "remove": ["cookie", "x-serinus-split"],
        }

    def test_that_modify_nothing_get_the_stamp_alone(self) -> None:
        rule = weighted(MINIMAL | {"filters": [{"type": "RequestHeaderModifier"}]}, canary_at(5))
        assert modifier(rule) == {"set": [{"name": "x-serinus-split", "value": STAMP}]}

    def test_of_other_types_come_after_ours(self) -> None:
        rule = weighted(MINIMAL | {"filters": [FULL["filters"][0]]}, canary_at(5))
        assert [each["type"] for each in rule["filters"]] == ["RequestHeaderModifier", "URLRewrite"]

    def test_stay_as_the_user_wrote_them(self) -> None:
        gateway = Gateway.model_validate(FULL)
        http_route(OWNER, gateway, canary_at(5))
        assert gateway == Gateway.model_validate(FULL)


class TestTimeouts:
    @in_both_rules
    def test_of_the_user_stand_in_both_rules(self, rule: Rule) -> None:
        assert rule(FULL, canary_at(5))["timeouts"] == FULL["timeouts"]

    def test_are_the_gateways_own_by_default(self) -> None:
        assert all("timeouts" not in rule for rule in spec(MINIMAL, canary_at(5))["rules"])


# Whatever a user may write: every list up to its limit, every header but ours.

names = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=4).map("x-{}".format)
values = st.text("abc", min_size=1, max_size=3)


def headers(most: int) -> st.SearchStrategy[list[Json]]:
    return st.dictionaries(names, values, max_size=most).map(
        lambda pairs: [{"name": name, "value": value} for name, value in pairs.items()]
    )


modifiers = st.fixed_dictionaries(
    {},
    optional={"set": headers(15), "add": headers(15), "remove": st.lists(names, max_size=15, unique=True)},
).map(lambda changes: {"type": "RequestHeaderModifier", "requestHeaderModifier": changes})
mirrors = st.just({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "archive", "port": 80}}})
filter_lists = st.tuples(st.lists(mirrors, max_size=14), st.lists(modifiers, max_size=1)).flatmap(
    lambda parts: st.permutations([*parts[0], *parts[1]])
)
matches = st.fixed_dictionaries(
    {},
    optional={
        "path": st.fixed_dictionaries({"value": values.map("/{}".format)}),
        "headers": headers(15),
        "method": st.sampled_from(["GET", "POST"]),
    },
)
gateways = st.fixed_dictionaries(
    {"parentRefs": st.just([{"name": "public"}])},
    optional={
        "matches": st.lists(matches, min_size=1, max_size=8),
        "filters": filter_lists,
        "timeouts": st.just({"request": "1s"}),
    },
)
shares = st.builds(Share, st.just(CANARY), st.integers(0, 100), st.just(STAMP) | st.none())
splits = st.builds(Split, st.just(STABLE), shares | st.none())
forged = st.sampled_from(["1-0000000000000000", STAMP, None])

whatever_is_asked = settings(max_examples=150, deadline=None, derandomize=True)


@whatever_is_asked
@given(gateways, splits)
def test_every_weight_is_in_so_many_words_and_each_rules_weights_sum_to_100(gateway: Json, split: Split) -> None:
    for rule in spec(gateway, split)["rules"]:
        assert sum(backend["weight"] for backend in rule["backendRefs"]) == 100
        assert all(0 <= backend["weight"] <= 100 for backend in rule["backendRefs"])


@whatever_is_asked
@given(gateways, splits, forged)
def test_a_forged_stamp_reaches_no_pod(gateway: Json, split: Split, sent: str | None) -> None:
    *for_the_canary, for_all = spec(gateway, split)["rules"]
    assert all(arriving(rule, sent) is None for rule in for_the_canary)
    assert arriving(for_all, sent) == (split.canary.stamp if split.canary and split.canary.weight else None)


@whatever_is_asked
@given(gateways, splits)
def test_a_rule_modifies_headers_once_and_stays_within_gateway_apis_limits(gateway: Json, split: Split) -> None:
    rules = spec(gateway, split)["rules"]
    assert 1 <= len(rules) <= 16
    for rule in rules:
        assert 1 <= len(rule["matches"]) <= 8
        assert all(len(match.get("headers", ())) <= 16 for match in rule["matches"])
        assert len(rule["filters"]) <= 16
        assert all(len(changes) <= 16 for changes in modifier(rule).values())


@whatever_is_asked
@given(gateways, shares)
def test_the_canary_can_be_asked_for_wherever_the_model_answers(gateway: Json, share: Share) -> None:
    for_the_canary, for_all = spec(gateway, Split(STABLE, share))["rules"]
    header = {"name": "x-serinus-canary", "value": "true"}
    assert for_the_canary["matches"] == [
        {**match, "headers": [*match.get("headers", ()), header]} for match in for_all["matches"]
    ]


class TestBack:
    """What the parents carry can be written again with other weights."""

    @pytest.mark.parametrize("gateway", [MINIMAL, FULL], ids=["minimal", "full"])
    @with_any_split
    def test_a_route_tells_what_it_was_rendered_from(self, gateway: Json, split: Split) -> None:
        asked = Gateway.model_validate(gateway)
        route = http_route(OWNER, asked, split)
        for other in SPLITS.values():
            assert http_route(OWNER, gateway_of(route, asked.canary_header), other) == http_route(OWNER, asked, other)
