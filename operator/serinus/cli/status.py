"""`kubectl serinus status`: one page about a ModelDeployment. Pure; called by ask.py."""

from collections.abc import Iterator
from typing import Any, Final

from serinus.api.names import LABEL_REVISION
from serinus.cli.command import named
from serinus.cli.table import table

Document = dict[str, Any]

NONE: Final = "-"
HEADINGS: Final = ("REVISION", "VERSION", "ROLE", "RESULT", "PROMOTED", "PODS")


def page(model: Document, releases: list[Document], pods: list[Document]) -> str:
    """Return the page."""
    return "\n".join((*_head(model), "", *table(HEADINGS, *_revisions(model, releases, pods))))


def _head(model: Document) -> Iterator[str]:
    metadata, status = model["metadata"], model.get("status", {})
    yield f"ModelDeployment {metadata['namespace']}/{metadata['name']}"
    if status.get("observedGeneration", -1) < metadata["generation"]:
        yield "  not seen by the operator yet: is it running? (kubectl get pods -A -l app.kubernetes.io/name=serinus)"
        return
    for condition in status.get("conditions", ()):
        yield _line(condition["type"], f"{condition['status']:<6} {condition['reason']}")
        yield _line("", condition["message"])
    yield _line("Address", status.get("url", NONE))
    if canary := status.get("canary"):
        yield _line("Canary", _progress(canary))
    if command := status.get("lastCommand"):
        by = f" by {command['by']}" if command.get("by") else ""
        yield _line("Command", f"{command['verb']} {command['revision']}{by}")
        yield _line("", command["result"])


def _line(title: str, text: str) -> str:
    return f"  {title:<12} {text}"


def _progress(canary: Document) -> str:
    step = f"step {canary['step']} of {canary['steps']}, " if canary.get("steps") else ""
    return (
        f"{named(canary)}: {step}{canary['weight']} % of the traffic asked for, {canary['weightInForce']} % in force, "
        f"{canary['readyReplicas']} of {canary['replicas']} pods ready"
    )


def _revisions(model: Document, releases: list[Document], pods: list[Document]) -> Iterator[tuple[str, ...]]:
    status = model.get("status", {})
    roles = {status[role]["revision"]: role for role in ("canary", "stable") if status.get(role)}
    for release in sorted(releases, key=lambda item: str(item["metadata"]["creationTimestamp"]), reverse=True):
        spec, record = release["spec"], release.get("status", {})
        revision = spec["revision"]
        of_revision = [pod for pod in pods if pod["metadata"]["labels"].get(LABEL_REVISION) == revision]
        yield (
            revision,
            spec.get("version", NONE),
            roles.get(revision, NONE),
            record.get("result", NONE),
            record.get("promotedAt", "never"),
            f"{sum(map(_is_ready, of_revision))} of {len(of_revision)} ready" if of_revision else "none",
        )


def _is_ready(pod: Document) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
