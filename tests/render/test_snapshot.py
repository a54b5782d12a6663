"""The snapshot of a revision: the user's template, and the little that is added to it."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.api.modelrelease import ModelReleaseSpec
from serinus.render.snapshot import RenderError
from tests.render.samples import MINIMAL, OWNER, RICH, Json, snapshot

LABELS = {"serinus.dev/deployment": "fraud", "serinus.dev/revision": "0123456789"}
DRAIN = {"preStop": {"sleep": {"seconds": 10}}}


def with_pod(**fields: Any) -> Json:  # noqa: ANN401 - any field of a pod
    return {"template": {"spec": {**MINIMAL["template"]["spec"], **fields}}}


def with_container(**fields: Any) -> Json:  # noqa: ANN401 - any field of a container
    (container,) = MINIMAL["template"]["spec"]["containers"]
    return with_pod(containers=[{**container, **fields}])


def containers(spec: Json) -> list[Json]:
    found: list[Json] = snapshot(spec).template["spec"]["containers"]
    return found


class TestTemplate:
    def test_gets_labels_a_drain_and_time_for_it_and_nothing_else(self) -> None:
        expected = copy.deepcopy(RICH["template"])
        expected["metadata"]["labels"] |= LABELS
        expected["spec"]["terminationGracePeriodSeconds"] = 70
        expected["spec"]["containers"][0]["lifecycle"] = DRAIN
        assert snapshot(RICH).template == expected

    def test_keeps_the_order_of_everything(self) -> None:
        """Byte for byte what was given, but for what was added."""
        template = snapshot(RICH).template
        template["metadata"]["labels"] = {"team": "risk"}
        template["spec"]["terminationGracePeriodSeconds"] = 60
        del template["spec"]["containers"][0]["lifecycle"]
        assert json.dumps(template) == json.dumps(RICH["template"])

    def test_of_the_user_is_not_changed_in_place(self) -> None:
        before = copy.deepcopy(RICH)
        snapshot(RICH)
        assert before == RICH

    def test_without_metadata_gets_the_labels(self) -> None:
        assert snapshot(MINIMAL).template["metadata"] == {"labels": LABELS}

    @pytest.mark.parametrize("metadata", [None, {}, {"labels": None}, {"annotations": None}], ids=str)
    def test_with_empty_metadata_gets_the_labels(self, metadata: Json | None) -> None:
        spec = {"template": {**MINIMAL["template"], "metadata": metadata}}
        assert snapshot(spec).template["metadata"] == {"labels": LABELS}

    def test_loses_its_nulls_as_the_server_drops_them(self) -> None:
        spec = with_container(env=[{"name": "A", "value": None}], resources=None, args=["x"])
        (container,) = containers(spec)
        assert container["env"] == [{"name": "A"}]
        assert "resources" not in container

    def test_keeps_what_is_empty_or_false(self) -> None:
        spec = with_pod(volumes=[{"name": "v", "emptyDir": {}}], shareProcessNamespace=False, tolerations=[])
        pod = snapshot(spec).template["spec"]
        assert (pod["volumes"], pod["shareProcessNamespace"], pod["tolerations"]) == (
            [{"name": "v", "emptyDir": {}}],
            False,
            [],
        )

    def test_keeps_fields_that_we_do_not_know(self) -> None:
        (container,) = containers(with_container(fieldOfAFutureKubernetes={"a": [1]}))
        assert container["fieldOfAFutureKubernetes"] == {"a": [1]}


class TestDrain:
    def test_lets_the_model_answer_while_routers_forget_its_pod(self) -> None:
        (container,) = containers(MINIMAL)
        assert container["lifecycle"] == DRAIN

    def test_of_the_users_own_is_left_alone(self) -> None:
        own = {"preStop": {"exec": {"command": ["drain"]}}}
        (container,) = containers(with_container(lifecycle=own))
        assert container["lifecycle"] == own

    @pytest.mark.parametrize("nothing", [None, {}, {"preStop": None}], ids=str)
    def test_that_is_named_but_empty_counts_as_none(self, nothing: Json | None) -> None:
        (container,) = containers(with_container(lifecycle=nothing))
        assert container["lifecycle"] == DRAIN

    def test_stands_beside_a_post_start(self) -> None:
        start = {"postStart": {"exec": {"command": ["warm-up"]}}}
        (container,) = containers(with_container(lifecycle=start))
        assert container["lifecycle"] == start | DRAIN

    def test_is_given_to_the_container_that_serves_and_to_no_other(self) -> None:
        model, metrics = containers(RICH)
        assert "lifecycle" in model
        assert "lifecycle" not in metrics

    @pytest.mark.parametrize(("asked", "rendered"), [(None, 40), (30, 40), (60, 70), (0, 10)])
    def test_comes_on_top_of_the_grace_period(self, asked: int | None, rendered: int) -> None:
        fields = {} if asked is None else {"terminationGracePeriodSeconds": asked}
        assert snapshot(with_pod(**fields)).template["spec"]["terminationGracePeriodSeconds"] == rendered

    def test_comes_on_top_of_the_default_where_the_grace_period_is_null(self) -> None:
        spec = with_pod(terminationGracePeriodSeconds=None)
        assert snapshot(spec).template["spec"]["terminationGracePeriodSeconds"] == 40


class TestEndpoint:
    def test_is_the_only_port_there_is(self) -> None:
        endpoint = snapshot(MINIMAL).endpoint
        assert (endpoint.port, endpoint.name, endpoint.container) == (8080, None, "model")

    def test_is_the_port_of_the_name_that_was_given(self) -> None:
        endpoint = snapshot({**RICH, "endpoint": {"port": "metrics"}}).endpoint
        assert (endpoint.port, endpoint.name, endpoint.container) == (9100, "metrics", "metrics")

    @pytest.mark.parametrize(
        ("ports", "endpoint", "message"),
        [
            ([], None, "the template has 0 container ports; name the one to use in endpoint.port"),
            ([1, 2], None, "the template has 2 container ports; name the one to use in endpoint.port"),
            ([1, 2], "p3", "0 container ports are named 'p3'; endpoint.port must name exactly one"),
        ],
        ids=["none", "two", "unknown name"],
    )
    def test_that_is_not_clear_is_an_error_that_says_what_to_do(
        self, ports: list[int], endpoint: str | None, message: str
    ) -> None:
        spec = with_container(ports=[{"name": f"p{number}", "containerPort": number} for number in ports])
        with pytest.raises(RenderError) as error:
            snapshot({**spec, **({"endpoint": {"port": endpoint}} if endpoint else {})})
        assert str(error.value) == message

    def test_that_two_containers_name_is_an_error(self) -> None:
        twice = copy.deepcopy(RICH)
        twice["template"]["spec"]["containers"][1]["ports"][0]["name"] = "http"
        with pytest.raises(RenderError, match="2 container ports are named 'http'"):
            snapshot(twice)

    def test_is_looked_for_in_a_container_without_ports_too(self) -> None:
        (container,) = MINIMAL["template"]["spec"]["containers"]
        spec = with_pod(containers=[{"name": "side", "image": "side:1", "ports": None}, container])
        assert snapshot(spec).endpoint.container == "model"


def test_a_snapshot_says_whose_it_is_and_who_rendered_it() -> None:
    found = snapshot(RICH)
    assert (found.deployment, found.revision, found.version, found.rendered_by) == ("fraud", "0123456789", "7", "0.1.0")
    assert snapshot(MINIMAL).version is None


def test_a_snapshot_reads_back_as_it_was_written() -> None:
    found = snapshot(RICH)
    text = json.dumps(found.model_dump(mode="json", by_alias=True, exclude_none=True))
    again = ModelReleaseSpec.model_validate_json(text)
    assert again == found
    assert json.dumps(again.template) == json.dumps(found.template)


names = st.sampled_from(["labels", "args", "image", "lifecycle", "ports", "spec", "containers"])
fields = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=10,
)


def without_nulls(node: object) -> object:
    if isinstance(node, dict):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    return [without_nulls(item) for item in node] if isinstance(node, list) else node


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.dictionaries(names.map(lambda name: f"x-{name}"), fields, max_size=4))
def test_whatever_else_is_in_the_pod_comes_through(others: Json) -> None:
    rendered = snapshot(with_pod(**others)).template["spec"]
    kept = {key: value for key, value in rendered.items() if key.startswith("x-")}
    assert kept == without_nulls(others)
    assert rendered.keys() - kept.keys() == {"containers", "terminationGracePeriodSeconds"}
    assert OWNER.name in snapshot(with_pod(**others)).template["metadata"]["labels"].values()
