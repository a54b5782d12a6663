"""Whether the parents of an HTTPRoute carry it as it stands, and if not why, in a sentence for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple

from serinus.cluster.podfailures import _short

Document = dict[str, Any]


class Standing(IntEnum):
    """What the parents say of a route, from the best to what most needs a person."""

    IN_FORCE = 0
    """Every parent carries the route as it stands."""
    UNVERIFIED = 1
    """Every parent carries the route, but one does not tell which generation of it."""
    OUTDATED = 2
    """A parent speaks of an older generation."""
    UNANSWERED = 3
    """A parent has said nothing yet, or not enough."""
    PARTIAL = 4
    """A parent leaves part of the route out."""
    UNRESOLVED = 5
    """A parent does not find what the route refers to."""
    REJECTED = 6
    """A parent does not accept the route."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the parents say of a route."""

    standing: Standing
    says: str = ""
    """The sentence for people; empty where the route is in force."""


class Parent(NamedTuple):
    """A parentRef with its defaults: so they compare."""

    group: str
    kind: str
    namespace: str
    name: str
    section: str | None
    port: int | None

    def __str__(self) -> str:
        section = f", section {self.section}" if self.section else ""
        port = f", port {self.port}" if self.port else ""
        return f"{self.kind} {self.namespace}/{self.name}{section}{port}"


class Route(NamedTuple):
    """The route that is spoken of."""

    namespace: str
    name: str
    generation: int

    def __str__(self) -> str:
        return f"HTTPRoute {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one controller says of a route for one parent: conditions by their type."""

    route: Route
    parent: Parent
    controller: str
    current: Mapping[str, Document]
    """Those about the route as it stands, or about no generation in particular."""
    older: Mapping[str, Document]
    """Those about the route as it was."""

    def status(self, condition: str) -> str | None:
        """Return whether a condition of the route as it stands is True, False or Unknown."""
        return self.current[condition]["status"] if condition in self.current else None


def answer_of(route: Document) -> Answer:
    """Return what needs a person most among the answers of all parents."""
    return max(answers_of(route), key=lambda answer: answer.standing)


def answers_of(route: Document) -> list[Answer]:
    """Return what each parent says."""
    metadata = route["metadata"]
    known = Route(metadata["namespace"], metadata["name"], metadata["generation"])
    entries = [_entry(known, entry) for entry in route.get("status", {}).get("parents", ())]
    parents = [parent_of(known.namespace, reference) for reference in route["spec"].get("parentRefs", ())]
    if not parents:
        return [Answer(Standing.UNANSWERED, f"{known} has lost its parents: Serinus will write it again")]
    return [_answer(known, parent, [entry for entry in entries if entry.parent == parent]) for parent in parents]


def _answer(route: Route, parent: Parent, entries: list[Entry]) -> Answer:
    if not entries:
        return Answer(
            Standing.UNANSWERED,
            f"nothing has answered yet for {parent}, which {route} names: "
            "it must exist, and the controller of its class must run",
        )
    answers = [_judged(entry) for entry in entries]
    # What a controller left behind that is no longer in charge stays in the status for ever.
    current = [answer for answer in answers if answer.standing is not Standing.OUTDATED]
    return max(current or answers, key=lambda answer: answer.standing)


def not_accepted(entry: Entry) -> Answer | None:
    """The parent does not accept the route."""
    if entry.status("Accepted") != "False":
        return None
    return _complaint(Standing.REJECTED, entry, "does not accept", "Accepted")


def references_unresolved(entry: Entry) -> Answer | None:
    """The parent does not find what the route refers to, or may not use it."""
    if entry.status("ResolvedRefs") != "False":
        return None
    return _complaint(Standing.UNRESOLVED, entry, "cannot use all that is named in", "ResolvedRefs")


def not_seen_yet(entry: Entry) -> Answer | None:
    """The controller speaks of an older generation."""
    seen = [_generation(entry.older[condition]) for condition in REQUIRED if condition in entry.older]
    if not seen:
        return None
    return Answer(
        Standing.OUTDATED,
        f"{entry.parent} speaks of generation {min(seen)} of {entry.route}, which is at {entry.route.generation}: "
        f"if that stays so, its controller {entry.controller} does not run or cannot keep up",
    )


def not_decided_yet(entry: Entry) -> Answer | None:
    """The controller has an entry for the route and has not made up its mind."""
    undecided = [condition for condition in REQUIRED if entry.status(condition) != "True"]
    if not undecided:
        return None
    condition = undecided[0]
    told = f" ({_told(entry.current[condition])})" if condition in entry.current else ""
    return Answer(
        Standing.UNANSWERED,
        f"{entry.parent} does not say yet whether it {REQUIRED[condition]} {entry.route}{told}: "
        f"if that stays so, look at its controller {entry.controller}",
    )


def left_out_in_part(entry: Entry) -> Answer | None:
    """The parent carries only those rules that it understands."""
    if entry.status("PartiallyInvalid") != "True":
        return None
    return _complaint(Standing.PARTIAL, entry, "leaves out a part of", "PartiallyInvalid")


def of_no_generation(entry: Entry) -> Answer | None:
    """The controller does not tell which generation it speaks of."""
    if all(_generation(entry.current[condition]) for condition in REQUIRED):
        return None
    return Answer(
        Standing.UNVERIFIED,
        f"{entry.parent} accepts {entry.route}, but its controller {entry.controller} does not tell "
        "which generation of it: a change may take a while to be in force",
    )


REQUIRED: Final = {"Accepted": "accepts", "ResolvedRefs": "can use all that is named in"}
"""Conditions that must be True, and what the parent then does with the route."""

CHECKS: Final[tuple[Callable[[Entry], Answer | None], ...]] = (
    not_accepted,
    references_unresolved,
    not_seen_yet,
    not_decided_yet,
    left_out_in_part,
    of_no_generation,
)

ADVICE: Final = {
    "NotAllowedByListeners": "let a listener's allowedRoutes admit namespace {namespace}, or name another parent in "
    "traffic.gateway.parentRefs",
    "NoMatchingListenerHostname": "traffic.gateway.hostnames must fit the hostname of a listener",
    "NoMatchingParent": "sectionName and port in traffic.gateway.parentRefs must be those of a listener",
    "UnsupportedValue": "take out of traffic.gateway what this controller does not support",
    "IncompatibleFilters": "this controller cannot do all of traffic.gateway.filters in one rule",
    "RefNotPermitted": "what traffic.gateway.filters names in another namespace needs a ReferenceGrant there",
    "InvalidKind": "this controller does not know a kind that traffic.gateway.filters names",
    "BackendNotFound": "what traffic.gateway.filters names must exist; the Services of revisions are made by Serinus",
}
"""What to do, by the reasons that Gateway API defines: https://gateway-api.sigs.k8s.io/reference/spec/"""

OTHERWISE: Final = "change traffic.gateway, or ask whoever runs the parent"


def _judged(entry: Entry) -> Answer:
    answers = (answer for check in CHECKS if (answer := check(entry)) is not None)
    return next(answers, Answer(Standing.IN_FORCE))


def _complaint(standing: Standing, entry: Entry, does: str, condition: str) -> Answer:
    found = entry.current[condition]
    advice = ADVICE.get(found["reason"], OTHERWISE).format(namespace=entry.route.namespace)
    return Answer(standing, f"{entry.parent} {does} {entry.route}: {_told(found)}; {advice}")


def _told(condition: Document) -> str:
    message = " ".join(condition.get("message", "").split()).rstrip(".")
    return _short(f"{condition['reason']}: {message}" if message else condition["reason"])


def parent_of(namespace: str, reference: Document) -> Parent:
    """Return whom a parentRef of an object in a namespace means."""
    return Parent(
        group=reference.get("group", "gateway.networking.k8s.io"),
        kind=reference.get("kind", "Gateway"),
        namespace=reference.get("namespace", namespace),
        name=reference["name"],
        section=reference.get("sectionName"),
        port=reference.get("port"),
    )


def _entry(route: Route, entry: Document) -> Entry:
    conditions = {condition["type"]: condition for condition in entry.get("conditions", ())}
    older = {kind: condition for kind, condition in conditions.items() if _is_older(condition, route)}
    return Entry(
        route,
        parent_of(route.namespace, entry["parentRef"]),
        entry["controllerName"],
        current={kind: condition for kind, condition in conditions.items() if kind not in older},
        older=older,
    )


def _is_older(condition: Document, route: Route) -> bool:
    return 0 < _generation(condition) < route.generation


def _generation(condition: Document) -> int:
    """Return which generation a condition speaks of; 0 where the controller does not tell."""
    return condition.get("observedGeneration") or 0
