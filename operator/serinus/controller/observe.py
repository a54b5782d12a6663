"""Gathers what is known about a ModelDeployment into a View. The first step of a reconcile."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from serinus.api.modeldeployment import ModelDeploymentSpec
from serinus.api.modelrelease import Attempt
from serinus.api.names import child_name
from serinus.cluster.cache import Cache
from serinus.cluster.objects import Identity, Key, SeenChild, SeenModelDeployment, SeenRoute
from serinus.cluster.resources import HTTP_ROUTE
from serinus.cluster.routestatus import Standing
from serinus.controller.ownership import is_ours
from serinus.controller.releases import releases_of
from serinus.rollout.plan import SETTLE_SECONDS
from serinus.rollout.view import Pods, RevisionView, RouteView, Size, View, served_by


def observe(
    cache: Cache,
    model: SeenModelDeployment,
    spec: ModelDeploymentSpec,
    attempt: Attempt | None,
    now: datetime,
    *,
    nonce: str = "",
) -> View:
    """Return everything that decides about a ModelDeployment; `attempt` is the asked revision's last one."""
    revisions = _revisions(cache, model)
    asked = revisions.get(model.revision) or RevisionView(
        model.revision, version=spec.model.version if spec.model else None
    )
    if attempt:
        asked = revisions[asked.revision] = replace(asked, attempt=attempt)
    address = _address(cache, model)
    view = View(
        now=now,
        asked=asked,
        size=Size(spec.replicas, spec.autoscaling),
        policy=spec.rollout,
        revisions=revisions,
        serving=address,
        address=address,
        gateway=bool(spec.traffic and spec.traffic.gateway),
        route=_route(cache, model, now),
        nonce=nonce,
    )
    return replace(view, serving=served_by(view.route) or address) if view.by_gateway and view.route else view


def spec_document(model: SeenModelDeployment) -> dict[str, Any]:
    """Return the spec as the user gave it."""
    document: dict[str, Any] = json.loads(model.spec)
    return document


def children_of_revisions(cache: Cache, model: SeenModelDeployment) -> list[SeenChild]:
    """Return the objects of a ModelDeployment's revisions, known by label and name: a copy has our labels too."""
    return [
        child
        for child in cache.children(model.key)
        if child.revision
        and child.identity.name == child_name(model.key.name, child.revision)
        and is_ours(model, child)
    ]


def _deployments(cache: Cache, model: SeenModelDeployment) -> dict[str, SeenChild]:
    return {
        child.revision: child
        for child in children_of_revisions(cache, model)
        if child.revision and child.identity.kind == "Deployment" and not child.deleting
    }


def _revisions(cache: Cache, model: SeenModelDeployment) -> dict[str, RevisionView]:
    """Return all revisions, the one that was asked for or promoted longest ago first."""
    pods = {revision: _pods(cache, model.key, child) for revision, child in _deployments(cache, model).items()}
    releases = {release.revision: release for release in releases_of(cache, model)}
    views = [
        RevisionView(
            release.revision,
            release.version_label,
            release.promoted_at,
            pods.get(release.revision),
            result=release.result,
        )
        for release in sorted(releases.values(), key=lambda release: release.promoted_at or release.created)
    ]
    unrecorded = [
        RevisionView(revision, pods=count, recorded=False)
        for revision, count in pods.items()
        if revision not in releases
    ]
    return {view.revision: view for view in (*unrecorded, *views)}


def _pods(cache: Cache, key: Key, deployment: SeenChild) -> Pods:
    count = deployment.pods
    assert count is not None  # noqa: S101 - every Deployment has one
    failures = (pod.failure for pod in cache.pods(key) if pod.revision == deployment.revision and pod.failure)
    return Pods(
        wanted=count.wanted,
        ready=count.ready,
        started_at=deployment.created,
        failure=count.trouble or next(failures, None),
    )


def route_of(cache: Cache, model: SeenModelDeployment) -> SeenRoute | None:
    """Return the HTTPRoute of a ModelDeployment, if it is the ModelDeployment's own."""
    route = cache.find(Identity(HTTP_ROUTE.kind, *model.key))
    return route if isinstance(route, SeenRoute) and is_ours(model, route) else None


def _route(cache: Cache, model: SeenModelDeployment, now: datetime) -> RouteView | None:
    route = route_of(cache, model)
    if route is None:
        return None
    settled = now >= route.written_at + timedelta(seconds=SETTLE_SECONDS)
    worst = max(route.answers, key=lambda answer: answer.standing)
    unsure = worst.standing is Standing.UNVERIFIED and not settled
    return RouteView(
        weights=dict(route.weights),
        stamp=route.stamp,
        accepted=worst.standing <= Standing.UNVERIFIED and not unsure,
        written_at=route.written_at,
        says=worst.says,
        pending=unsure or worst.standing in (Standing.OUTDATED, Standing.UNANSWERED),
        lags=unsure or any(answer.standing is Standing.OUTDATED for answer in route.answers),
    )


def _address(cache: Cache, model: SeenModelDeployment) -> str | None:
    service = cache.find(Identity("Service", *model.key))
    return service.selects if isinstance(service, SeenChild) and is_ours(model, service) else None
