"""What is kept of the objects that are seen: few fields, and read with care, for other people write them too."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from serinus.cluster.objects import (
    Controller,
    Document,
    Key,
    PodCount,
    SeenChild,
    SeenModelDeployment,
    SeenPod,
    SeenRoute,
    release_row,
    seen,
    seen_release,
)
from serinus.cluster.resources import BY_KIND, EVENT, MODEL_DEPLOYMENT, POD
from serinus.render.revision import revision_of
from tests.cluster_layer.documents import LABELS, OWNER, child, metadata, model_deployment, pod
from tests.cluster_layer.documents import release_row as row


def seen_child(document: Document, kind: str = "Service") -> SeenChild:
    found = seen(kind, document)
    assert isinstance(found, SeenChild)
    return found


class TestEveryObject:
    def test_is_known_by_its_address_and_belongs_to_a_model_deployment(self) -> None:
        found = seen("Service", child(version=7))
        assert found.identity == ("Service", "risk", "fraud-r1")
        assert (found.uid, found.version, found.key) == ("u1", 7, Key("risk", "fraud"))
        assert found.created == datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def test_without_our_label_belongs_to_nobody(self) -> None:
        assert seen("Service", child(labels={})).deployment == ""
        document = child()
        del document["metadata"]["labels"]
        assert seen("Service", document).deployment == ""

    def test_is_deleting_from_the_moment_it_is_told_to_go(self) -> None:
        assert not seen("Service", child()).deleting
        assert seen("Service", child(deletionTimestamp="2026-11-21T12:00:05Z")).deleting


def test_a_key_is_written_as_people_write_it() -> None:
    assert str(Key("risk", "fraud")) == "risk/fraud"


class TestModelDeployment:
    SPEC: Final = {"template": {"spec": {"containers": [{"name": "Größe", "image": "a"}]}}, "replicas": 2}

    def found(self, **more: object) -> SeenModelDeployment:
        found = seen("ModelDeployment", {**model_deployment(generation=4, spec=self.SPEC), **more})
        assert isinstance(found, SeenModelDeployment)
        return found

    def test_belongs_to_itself(self) -> None:
        assert self.found().key == Key("risk", "fraud")

    def test_keeps_spec_and_status_as_they_were(self) -> None:
        assert json.loads(self.found().spec) == self.SPEC
        assert json.loads(self.found().status) == {"observedGeneration": -1}
        assert (self.found().generation, self.found().revision) == (4, revision_of(self.SPEC))

    def test_may_have_no_status(self) -> None:
        document = model_deployment(spec=self.SPEC)
        del document["status"]
        found = seen("ModelDeployment", document)
        assert isinstance(found, SeenModelDeployment)
        assert found.status == b"{}"


class TestChild:
    def test_has_a_revision_an_intent_and_an_owner(self) -> None:
        document = child(annotations={"serinus.dev/intent": "0123456789abcdef"}, ownerReferences=[OWNER])
        found = seen_child(document)
        assert (found.revision, found.intent) == ("r1", "0123456789abcdef")
        assert found.controller == Controller("ModelDeployment", "fraud", "owner")

    @pytest.mark.parametrize(
        "references", [None, [], [{**OWNER, "controller": False}], [{"kind": "X", "name": "x", "uid": "x"}]], ids=str
    )
    def test_may_have_no_controller(self, references: list[Document] | None) -> None:
        document = child()
        if references is not None:
            document["metadata"]["ownerReferences"] = references
        assert seen_child(document).controller is None

    def test_has_one_controller_among_its_owners(self) -> None:
        others = {"kind": "X", "name": "x", "uid": "x"}
        found = seen_child(child(ownerReferences=[others, {**OWNER, "kind": "Other", "name": "n", "uid": "u"}]))
        assert found.controller == Controller("Other", "n", "u")

    def test_at_the_models_address_has_no_revision_but_selects_one(self) -> None:
        document = child("fraud", labels={"serinus.dev/deployment": "fraud"})
        found = seen_child({**document, "spec": {"selector": LABELS}})
        assert (found.revision, found.selects) == (None, "r1")

    @pytest.mark.parametrize("spec", [{}, {"selector": {}}, {"selector": {"app": "x"}}], ids=str)
    def test_may_select_nothing_of_ours(self, spec: Document) -> None:
        assert seen_child({**child(), "spec": spec}).selects is None

    def test_that_is_no_service_selects_nothing_though_it_has_a_selector(self) -> None:
        document = {**child(), "spec": {"selector": {"matchLabels": LABELS}}}
        assert seen_child(document, "PodDisruptionBudget").selects is None


class TestOwnedFields:
    OURS: Final = {"manager": "serinus", "operation": "Apply", "fieldsV1": {"f:spec": {"f:a": {}}}}

    def owned(self, *entries: Document) -> Document:
        owned: Document = json.loads(seen_child(child(managedFields=list(entries))).owned)
        return owned

    def test_are_what_we_applied(self) -> None:
        assert self.owned({"manager": "x", "operation": "Apply", "fieldsV1": {}}, self.OURS) == {"f:spec": {"f:a": {}}}

    @pytest.mark.parametrize(
        "change",
        [{"manager": "serinus-handover"}, {"operation": "Update"}, {"subresource": "status"}],
        ids=lambda change: next(iter(change)),
    )
    def test_are_nothing_that_was_written_in_another_way(self, change: Document) -> None:
        assert self.owned(self.OURS | change) == {}

    def test_are_none_where_nobody_kept_count(self) -> None:
        assert json.loads(seen_child(child()).owned) == {}
        assert self.owned() == {}


class TestPodCount:
    def count(self, spec: Document, status: Document | None) -> PodCount | None:
        document = {**child(generation=2), "spec": spec, **({} if status is None else {"status": status})}
        return seen_child(document, "Deployment").pods

    @pytest.mark.parametrize(
        ("spec", "status", "expected"),
        [
            ({"replicas": 3}, None, PodCount(3, 0, None)),
            ({"replicas": 3}, {}, PodCount(3, 0, None)),
            ({"replicas": 3}, {"observedGeneration": 2, "readyReplicas": 2}, PodCount(3, 2, None)),
            ({}, {"observedGeneration": 2}, PodCount(1, 0, None)),
            ({"replicas": 0}, {"observedGeneration": 2}, PodCount(0, 0, None)),
            ({"replicas": 5}, {"observedGeneration": 1, "readyReplicas": 3}, PodCount(5, 3, None)),
        ],
        ids=["just made", "no status", "some ready", "replicas left to others", "zero", "scaled a moment ago"],
    )
    def test_is_what_the_deployment_says(self, spec: Document, status: Document | None, expected: PodCount) -> None:
        assert self.count(spec, status) == expected

    @pytest.mark.parametrize("manager", ["serinus", "serinus-handover", "kube-controller-manager"])
    def test_tells_whether_somebody_has_said_how_many(self, manager: str) -> None:
        entry = {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
        for entries, sized in (([{"manager": "x", "fieldsV1": {"f:spec": {}}}], False), ([{}, entry], True)):
            count = seen_child({**child(managedFields=entries), "spec": {"replicas": 1}}, "Deployment").pods
            assert count == PodCount(1, 0, None, sized=sized)

    def test_of_what_is_no_deployment_there_is_none(self) -> None:
        assert seen_child(child()).pods is None

    @pytest.mark.parametrize(
        ("status", "trouble"), [("True", 'pods "x" is forbidden: exceeded quota'), ("False", None)]
    )
    def test_tells_why_no_pod_can_be_made(self, status: str, trouble: str | None) -> None:
        conditions = [
            {"type": "Available", "status": "False", "message": "Deployment does not have minimum availability."},
            {"type": "ReplicaFailure", "status": status, "message": 'pods "x" is forbidden: exceeded quota'},
        ]
        count = self.count({"replicas": 1}, {"conditions": conditions})
        assert count is not None
        assert count.trouble == trouble


def test_a_pod_is_kept_as_ready_or_not_and_why_not() -> None:
    waiting = {"name": "model", "state": {"waiting": {"reason": "InvalidImageName", "message": "m"}}}
    found = seen("Pod", pod(status={"containerStatuses": [waiting]}))
    assert isinstance(found, SeenPod)
    assert (found.revision, found.ready) == ("r1", False)
    assert found.failure == "pod fraud-r1-x: InvalidImageName: container model: m"


class TestRelease:
    def test_is_read_from_the_rows_of_a_table(self) -> None:
        found = seen_release(row(promoted_at="2026-11-21T12:00:00.000001Z", version=9))
        assert (found.revision, found.version_label, found.version) == ("r1", "7", 9)
        assert found.promoted_at == datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)
        assert found.key == Key("risk", "fraud")

    @pytest.mark.parametrize("nothing", [None, ""])
    def test_may_have_neither_version_nor_promotion(self, nothing: str | None) -> None:
        found = seen_release(row(promoted_at=nothing, model_version=nothing))
        assert (found.version_label, found.promoted_at) == (None, None)

    @pytest.mark.parametrize("status", [None, {}, {"promotedAt": "2026-11-21T12:00:00Z"}], ids=str)
    def test_is_the_same_from_the_reply_to_a_write(self, status: Document | None) -> None:
        spec = {"deployment": "fraud", "revision": "r1", "version": "7", "template": {}}
        document = {"metadata": metadata(uid="u-r1"), "spec": spec, **({} if status is None else {"status": status})}
        promoted_at = (status or {}).get("promotedAt")
        assert seen_release(release_row(document)) == seen_release(row(promoted_at=promoted_at))


class TestAddress:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            (POD.path(), "/api/v1/pods"),
            (POD.path("risk"), "/api/v1/namespaces/risk/pods"),
            (MODEL_DEPLOYMENT.path(), "/apis/serinus.dev/v1alpha1/modeldeployments"),
            (
                MODEL_DEPLOYMENT.path("risk", "fraud", "status"),
                "/apis/serinus.dev/v1alpha1/namespaces/risk/modeldeployments/fraud/status",
            ),
        ],
        ids=["of all", "of a namespace", "of a group", "of a part"],
    )
    def test_is_where_the_server_keeps_it(self, path: str, expected: str) -> None:
        assert path == expected

    def test_cannot_be_led_astray_by_a_name(self) -> None:
        assert POD.path("risk", "a b?c#d%") == "/api/v1/namespaces/risk/pods/a%20b%3Fc%23d%25"

    def test_has_a_group_or_is_of_the_core(self) -> None:
        assert (POD.group, EVENT.group, MODEL_DEPLOYMENT.group) == ("", "events.k8s.io", "serinus.dev")

    def test_is_known_of_every_kind_that_is_written_by_kind(self) -> None:
        assert {"Deployment", "Service", "ModelRelease", "PodDisruptionBudget"} <= BY_KIND.keys()


class TestRoute:
    SPLIT: Final = {
        "filters": [
            {"type": "URLRewrite", "urlRewrite": {}},
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"set": [{"name": "x-model", "value": "fraud"}]},
            },
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"set": [{"name": "X-Serinus-Split", "value": "2-ab"}]},
            },
        ],
        "backendRefs": [{"name": "fraud-r1", "weight": 90}, {"name": "fraud-r2", "weight": 10}, {"name": "elsewhere"}],
    }
    PINNED: Final = {"backendRefs": [{"name": "fraud-r2", "weight": 100}]}

    @staticmethod
    def of(rules: list[Document], **others: Any) -> SeenRoute:  # noqa: ANN401 - JSON
        about = metadata("fraud", generation=3, **others)
        found = seen("HTTPRoute", {"metadata": about, "spec": {"parentRefs": [{"name": "public"}], "rules": rules}})
        assert isinstance(found, SeenRoute)
        return found

    def test_holds_the_weights_and_the_stamp_of_the_rule_for_everybody(self) -> None:
        found = self.of([self.PINNED, self.SPLIT])
        assert found.weights == (("r1", 90), ("r2", 10), ("elsewhere", 1))
        assert found.stamp == "2-ab"

    @pytest.mark.parametrize("rules", [[], [{}], [PINNED]])
    def test_that_was_not_made_by_us_has_no_stamp(self, rules: list[Document]) -> None:
        assert self.of(rules).stamp is None

    def test_is_as_old_as_our_last_apply(self) -> None:
        entry = {"manager": "serinus", "operation": "Apply", "time": "2026-11-21T12:30:00Z", "fieldsV1": {"f:spec": {}}}
        found = self.of([], managedFields=[{"manager": "traefik", "time": "2026-11-21T12:40:00Z"}, entry])
        assert found.written_at == datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
        assert self.of([]).written_at == self.of([]).created

    def test_knows_what_its_parents_say(self) -> None:
        (answer,) = self.of([]).answers
        assert "nothing has answered yet for Gateway risk/public" in answer.says
