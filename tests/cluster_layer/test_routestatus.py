"""Whether the parents of an HTTPRoute carry it as it stands, from the statuses that gateway controllers write."""

from typing import Any, Final

import pytest

from serinus.cluster.podfailures import DETAIL_LIMIT
from serinus.cluster.routestatus import Answer, Standing, answer_of

Document = dict[str, Any]

CONTROLLER: Final = "example.com/gateway"
NOW: Final = 5
PUBLIC: Final = {"name": "public", "namespace": "infra"}


def condition(kind: str, status: str, reason: str = "", message: str = "", seen: int | None = NOW) -> Document:
    return {
        "type": kind,
        "status": status,
        "reason": reason or kind,
        "message": message,
        "lastTransitionTime": "2026-11-21T12:00:00Z",
        **({} if seen is None else {"observedGeneration": seen}),
    }


def accepted(seen: int | None = NOW) -> Document:
    return condition("Accepted", "True", message="Route is accepted", seen=seen)


def resolved(seen: int | None = NOW) -> Document:
    return condition("ResolvedRefs", "True", seen=seen)


def entry(*conditions: Document, of: Document = PUBLIC, by: str = CONTROLLER) -> Document:
    return {"parentRef": of, "controllerName": by, "conditions": list(conditions)}


def route(*entries: Document, parents: tuple[Document, ...] = (PUBLIC,)) -> Document:
    return {
        "metadata": {"namespace": "risk", "name": "fraud", "generation": NOW},
        "spec": {"parentRefs": list(parents)},
        "status": {"parents": list(entries)},
    }


GOOD: Final = (accepted(), resolved())
BAD: Final = (condition("Accepted", "False", "NoMatchingParent"), resolved())


@pytest.mark.parametrize(
    ("document", "standing", "says"),
    [
        pytest.param(
            {key: value for key, value in route().items() if key != "status"},
            Standing.UNANSWERED,
            "nothing has answered yet for Gateway infra/public, which HTTPRoute risk/fraud names: "
            "it must exist, and the controller of its class must run",
            id="just made",
        ),
        pytest.param(
            route(parents=({"group": "", "kind": "Service", "name": "fraud", "port": 80},)),
            Standing.UNANSWERED,
            "nothing has answered yet for Service risk/fraud, port 80, which HTTPRoute risk/fraud names: "
            "it must exist, and the controller of its class must run",
            id="no mesh",
        ),
        pytest.param(
            route(entry(condition("Accepted", "Unknown", "Pending", "Waiting for controller"))),
            Standing.UNANSWERED,
            "Gateway infra/public does not say yet whether it accepts HTTPRoute risk/fraud (Pending: Waiting for "
            "controller): if that stays so, look at its controller example.com/gateway",
            id="not decided",
        ),
        pytest.param(
            route(entry(accepted())),
            Standing.UNANSWERED,
            "Gateway infra/public does not say yet whether it can use all that is named in HTTPRoute risk/fraud: "
            "if that stays so, look at its controller example.com/gateway",
            id="half an answer",
        ),
        pytest.param(
            route(entry(condition("Accepted", "False", "NotAllowedByListeners", "No listener takes it."), resolved())),
            Standing.REJECTED,
            "Gateway infra/public does not accept HTTPRoute risk/fraud: NotAllowedByListeners: No listener takes it; "
            "let a listener's allowedRoutes admit namespace risk, or name another parent in traffic.gateway.parentRefs",
            id="rejected",
        ),
        pytest.param(
            route(entry(condition("Accepted", "False", "QuotaExceeded"))),
            Standing.REJECTED,
            "Gateway infra/public does not accept HTTPRoute risk/fraud: QuotaExceeded; change traffic.gateway, or ask "
            "whoever runs the parent",
            id="rejected for a reason of the controller's own",
        ),
        pytest.param(
            route(
                entry(accepted(), condition("ResolvedRefs", "False", "BackendNotFound", "service\n  archive not found"))
            ),
            Standing.UNRESOLVED,
            "Gateway infra/public cannot use all that is named in HTTPRoute risk/fraud: BackendNotFound: service "
            "archive not found; what traffic.gateway.filters names must exist; the Services of revisions are made by "
            "Serinus",
            id="references unresolved",
        ),
        pytest.param(
            route(entry(*GOOD, condition("PartiallyInvalid", "True", "UnsupportedValue", "Dropped Rule 1: CORS"))),
            Standing.PARTIAL,
            "Gateway infra/public leaves out a part of HTTPRoute risk/fraud: UnsupportedValue: Dropped Rule 1: CORS; "
            "take out of traffic.gateway what this controller does not support",
            id="in force in part",
        ),
        pytest.param(
            route(entry(accepted(4), resolved(3))),
            Standing.OUTDATED,
            "Gateway infra/public speaks of generation 3 of HTTPRoute risk/fraud, which is at 5: if that stays so, "
            "its controller example.com/gateway does not run or cannot keep up",
            id="only an older generation",
        ),
        pytest.param(
            route(entry(accepted(None), resolved(None))),
            Standing.UNVERIFIED,
            "Gateway infra/public accepts HTTPRoute risk/fraud, but its controller example.com/gateway does not tell "
            "which generation of it: a change may take a while to be in force",
            id="of no generation",
        ),
        pytest.param(route(entry(*GOOD)), Standing.IN_FORCE, "", id="in force"),
        pytest.param(
            route(parents=()),
            Standing.UNANSWERED,
            "HTTPRoute risk/fraud has lost its parents: Serinus will write it again",
            id="changed by somebody",
        ),
    ],
)
def test_a_route_is_told_of_in_a_sentence(document: Document, standing: Standing, says: str) -> None:
    assert answer_of(document) == Answer(standing, says)


class TestGeneration:
    """Controllers set it on conditions, each on its own, and some never do."""

    @pytest.mark.parametrize(
        ("conditions", "standing"),
        [
            pytest.param((accepted(NOW), resolved(4)), Standing.OUTDATED, id="accepted now, resolved before"),
            pytest.param((accepted(4), resolved(NOW)), Standing.OUTDATED, id="accepted before, resolved now"),
            pytest.param((accepted(4),), Standing.OUTDATED, id="accepted before, never resolved"),
            pytest.param((condition("Accepted", "False", seen=4),), Standing.OUTDATED, id="rejected before"),
            pytest.param(
                (condition("Accepted", "False"), resolved(4)), Standing.REJECTED, id="rejected now, resolved before"
            ),
            pytest.param(
                (condition("Accepted", "False", seen=None), resolved(None)), Standing.REJECTED, id="rejected, of none"
            ),
            pytest.param((accepted(0), resolved(0)), Standing.UNVERIFIED, id="0 is none"),
            pytest.param((accepted(NOW), resolved(None)), Standing.UNVERIFIED, id="one of two is of none"),
            pytest.param((accepted(None), resolved(4)), Standing.OUTDATED, id="one of two is old"),
            pytest.param((accepted(6), resolved(6)), Standing.IN_FORCE, id="the controller saw more than we did"),
            pytest.param(
                (*GOOD, condition("PartiallyInvalid", "True", seen=4)), Standing.IN_FORCE, id="partial before"
            ),
            pytest.param((*GOOD, condition("PartiallyInvalid", "False")), Standing.IN_FORCE, id="not partial"),
            pytest.param(
                (accepted(None), resolved(None), condition("PartiallyInvalid", "True", seen=None)),
                Standing.PARTIAL,
                id="partial, of none",
            ),
            pytest.param((*GOOD, condition("example.com/Programmed", "False")), Standing.IN_FORCE, id="of its own"),
        ],
    )
    def test_that_counts_is_the_one_that_is_there(self, conditions: tuple[Document, ...], standing: Standing) -> None:
        assert answer_of(route(entry(*conditions))).standing is standing


class TestParent:
    @pytest.mark.parametrize(
        ("asked", "answered"),
        [
            pytest.param({"name": "public"}, {"name": "public", "namespace": "risk"}, id="namespace"),
            pytest.param(
                {"name": "public"},
                {"name": "public", "group": "gateway.networking.k8s.io", "kind": "Gateway"},
                id="kind",
            ),
            pytest.param(
                {"name": "public", "namespace": "risk", "kind": "Gateway"}, {"name": "public"}, id="the other way"
            ),
        ],
    )
    def test_is_the_same_with_its_defaults_and_without(self, asked: Document, answered: Document) -> None:
        assert answer_of(route(entry(*GOOD, of=answered), parents=(asked,))).standing is Standing.IN_FORCE

    @pytest.mark.parametrize(
        "other",
        [
            {"name": "internal", "namespace": "infra"},
            {"name": "public"},
            {**PUBLIC, "sectionName": "https"},
            {**PUBLIC, "port": 443},
            {**PUBLIC, "kind": "ListenerSet"},
            {**PUBLIC, "group": ""},
        ],
        ids=["name", "namespace", "section", "port", "kind", "group"],
    )
    def test_that_is_another_answers_for_itself_alone(self, other: Document) -> None:
        assert answer_of(route(entry(*GOOD, of=other))).standing is Standing.UNANSWERED

    def test_that_is_no_longer_asked_for_does_not_count(self) -> None:
        assert answer_of(route(entry(*GOOD), entry(*BAD, of={"name": "former"}))).standing is Standing.IN_FORCE

    def test_is_named_with_its_listener(self) -> None:
        listener = {**PUBLIC, "sectionName": "https", "port": 443}
        says = answer_of(route(entry(*BAD, of=listener), parents=(listener,))).says
        assert says.startswith("Gateway infra/public, section https, port 443 does not accept HTTPRoute risk/fraud")


class TestSeveralParents:
    INTERNAL: Final = {"name": "internal"}

    def test_must_all_carry_the_route(self) -> None:
        both = (PUBLIC, self.INTERNAL)
        assert answer_of(route(entry(*GOOD), parents=both)).standing is Standing.UNANSWERED
        document = route(entry(*GOOD), entry(*GOOD, of=self.INTERNAL), parents=both)
        assert answer_of(document).standing is Standing.IN_FORCE

    @pytest.mark.parametrize("parents", [(PUBLIC, INTERNAL), (INTERNAL, PUBLIC)], ids=["first", "last"])
    def test_are_spoken_for_by_the_one_that_needs_a_person_most(self, parents: tuple[Document, ...]) -> None:
        waits, rejects = entry(accepted(4), resolved(4)), entry(*BAD, of=self.INTERNAL)
        answer = answer_of(route(waits, rejects, parents=parents))
        assert answer.standing is Standing.REJECTED
        assert answer.says.startswith("Gateway risk/internal does not accept")

    def test_that_need_the_same_are_spoken_for_by_the_first(self) -> None:
        entries = (entry(*BAD, of=self.INTERNAL), entry(*BAD))
        says = {answer_of(route(*order, parents=(PUBLIC, self.INTERNAL))).says for order in (entries, entries[::-1])}
        assert len(says) == 1
        assert says.pop().startswith("Gateway infra/public does not accept")


class TestSeveralControllers:
    """The status of a parent keeps what a controller said that has been replaced."""

    def test_do_not_count_where_another_one_speaks_of_the_route_as_it_stands(self) -> None:
        former = entry(condition("Accepted", "False", seen=2), by="example.com/former")
        assert answer_of(route(former, entry(*GOOD))).standing is Standing.IN_FORCE

    def test_must_agree_where_both_speak_of_the_route_as_it_stands(self) -> None:
        assert answer_of(route(entry(*GOOD), entry(*BAD, by="example.com/mesh"))).standing is Standing.REJECTED

    def test_that_all_speak_of_an_older_generation_are_waited_for(self) -> None:
        old = (accepted(4), resolved(4))
        assert answer_of(route(entry(*old), entry(*old, by="example.com/former"))).standing is Standing.OUTDATED


def test_a_long_message_is_cut() -> None:
    says = answer_of(route(entry(condition("Accepted", "False", "Other", "x" * 32_768)))).says
    assert len(says) < DETAIL_LIMIT + 300
    assert "x..." in says
