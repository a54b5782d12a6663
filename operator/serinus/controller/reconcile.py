"""One reconcile: observe, decide, plan, apply, report. The worker calls it with a key and knows nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from serinus.api.modeldeployment import LastCommand, ModelDeploymentSpec, ModelDeploymentStatus, spec_of
from serinus.api.modelrelease import ModelReleaseSpec
from serinus.api.names import child_name
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.client import Client
from serinus.cluster.errors import ConflictError, NotFoundError, Refused, Retry
from serinus.cluster.events import Events
from serinus.cluster.objects import Identity, Key, SeenModelDeployment, seen
from serinus.cluster.resources import DEPLOYMENT, HTTP_ROUTE, MODEL_DEPLOYMENT, SERVICE
from serinus.controller.address import Address
from serinus.controller.children import Children
from serinus.controller.gatewayclasses import GatewayClasses
from serinus.controller.keys import Keys
from serinus.controller.observe import children_of_revisions, command_of, observe, route_of, spec_document
from serinus.controller.ownership import check_claims
from serinus.controller.releases import Releases
from serinus.controller.room import Room
from serinus.render.children import Owner, address, children
from serinus.render.route import gateway_of, http_route
from serinus.render.snapshot import Renderer, RenderError
from serinus.rollout.commands import is_refusal
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.plan import Plan, plan
from serinus.rollout.report import Obstacle, Subject, report
from serinus.rollout.rules import decide
from serinus.rollout.split import Split
from serinus.rollout.view import NO_GATES, NOBODY, Judgement, Size, View

Document = dict[str, Any]
Judge = Callable[[Key, View], Judgement]
"""Says what the evidence is worth that is there about a rollout. It answers at once."""

_DECISIONS: Final = 4
"""Records that one reconcile writes at most: a rollout begins, takes its share, is promoted."""


def ask_nothing(_key: Key, _view: View) -> Judgement:
    """Judge where there is no source of evidence: then there are no gates."""
    return NO_GATES


class Reconciler:
    """Brings one ModelDeployment a step nearer to its spec, from whatever state it is in."""

    def __init__(
        self,
        cache: Cache,
        client: Client,
        events: Events,
        *,
        room: Room,
        keys: Keys,
        renderer: Renderer,
        clock: Callable[[], datetime],
        nonce: Callable[[], str],
        obstacle_seconds: float,
        judge: Judge = ask_nothing,
    ) -> None:
        self._cache = cache
        self._client = client
        self._events = events
        self._room = room
        self._clock = clock
        self._nonce = nonce
        self._judge = judge
        self._obstacle_seconds = obstacle_seconds
        """When to try again what was refused: nobody tells us when a foreign object goes or a quota grows."""
        self._keys = keys
        self._releases = Releases(cache, client, renderer)
        self._children = Children(cache, client)
        self._address = Address(cache, client, self._children)
        self._classes = GatewayClasses(client)

    async def reconcile(self, key: Key) -> float | None:
        """Do what is to be done now; return after how many seconds to look again though nothing happened."""
        model = self._cache.model(key)
        if model is None or model.deleting:  # its children go by their owner references
            self._room.leave(key)
            self._releases.drop(key)
            await self._address.leave(key)
            return None
        spec = spec_of(spec_document(model))
        await self._releases.adopt(model)
        await self._address.put_back_if_unserved(model)
        unrecorded = await self._record(model, spec)
        view, intent = await self._decide(model, spec)
        brought = plan(view, intent)
        refusal = await self._bring_up(model, spec, brought) or unrecorded
        view, intent = await self._decide(model, spec)  # who is served may have changed, and so who may go
        if intent.is_to_record and not unrecorded:  # nothing goes for a reason that is not on record yet
            raise Retry(f"{view.asked} has gone on")
        planned = plan(view, intent)
        refusal = await self._take_down(model, planned, view.now) or refusal
        view, intent = await self._decide(model, spec)
        if not refusal and (intent.is_to_record or not plan(view, intent).asks_for_the_same(brought)):
            # Its pods became ready meanwhile, or what we wrote has let it go on: that is told when it is done.
            raise Retry(f"{view.asked} has gone on")
        self._room.note(model.key, view, intent)
        await self._report(model, spec, view, intent, _obstacle(refusal) if refusal else None)
        return self._obstacle_seconds if refusal else _seconds_until(planned, view.now)

    async def _decide(self, model: SeenModelDeployment, spec: ModelDeploymentSpec) -> tuple[View, Intent]:
        asked = command_of(model) is not None
        attempts = await self._releases.attempts(model, model.revision, also_promoted=asked)
        view = observe(self._cache, model, spec, attempts, self._clock(), nonce=self._nonce())
        if view.route and (complaint := await self._complaint(model, spec, view.now)):
            view = replace(view, route=replace(view.route, accepted=False, pending=False, says=complaint))
        if view.attempt:
            view = replace(view, judgement=self._judge(model.key, view))
        if view.wants_room:
            since = view.attempt.started_at if view.attempt else view.now
            view = replace(view, crowd=self._room.crowd(model.key, since))
        return view, decide(view)

    async def _complaint(self, model: SeenModelDeployment, spec: ModelDeploymentSpec, now: datetime) -> str | None:
        route = route_of(self._cache, model)
        gateway = spec.traffic.gateway if spec.traffic else None
        return await self._classes.complaint(gateway, route.controllers, now) if route and gateway else None

    async def _record(self, model: SeenModelDeployment, spec: ModelDeploymentSpec) -> Refused | None:
        """Write down what was decided before it is done, and ask again, until there is nothing to write."""
        for _ in range(_DECISIONS):
            view, intent = await self._decide(model, spec)
            if not intent.is_to_record:
                break
            revision = intent.serve if intent.promote else view.asked.revision
            try:
                await self._releases.snapshot(model, spec, revision)
            except Refused as refusal:
                return refusal
            promoted_at = view.promotion_time if intent.promote else None
            await self._releases.record(model, revision, intent.attempt, promoted_at)
        return None

    async def _bring_up(self, model: SeenModelDeployment, spec: ModelDeploymentSpec, planned: Plan) -> Refused | None:
        """Capacity first, then the route, then the address. A refusal stops nothing else; the first is returned."""
        refusals = []
        for revision, size in planned.run:
            try:
                await self._run(model, await self._releases.snapshot(model, spec, revision), size)
            except Refused as refusal:
                refusals.append(refusal)
        for direct in (self._split, self._point):
            try:
                await direct(model, spec, planned)
            except Refused as refusal:
                refusals.append(refusal)
        self._releases.drop(model.key, keep=planned.keep | {model.revision})
        return refusals[0] if refusals else None

    async def _split(self, model: SeenModelDeployment, spec: ModelDeploymentSpec, planned: Plan) -> None:
        gateway = spec.traffic.gateway if spec.traffic else None
        if planned.split is None or gateway is None or not self._has_backends(model, planned.split):
            return
        check_claims(self._cache, model)
        complaint = await self._complaint(model, spec, self._clock())
        if complaint:  # its requests would be answered with errors; weight moves in the route as it stands
            standing = await self._client.find(HTTP_ROUTE, model.key.namespace, model.key.name)
            if standing is None:
                raise Refused(Reason.ROUTE_NOT_ACCEPTED, complaint)
            gateway = gateway_of(standing, gateway.canary_header)
        owner = Owner(model.key.name, model.key.namespace, model.uid)
        await self._children.ensure(model, http_route(owner, gateway, planned.split), named_by_user=True)
        if complaint:
            raise Refused(Reason.ROUTE_NOT_ACCEPTED, complaint)

    def _has_backends(self, model: SeenModelDeployment, split: Split) -> bool:
        """Return whether whoever is to get requests has a Service; why one could not be made is told by itself."""
        names = (child_name(model.key.name, revision) for revision, weight in split.weights.items() if weight)
        return all(self._cache.find(Identity(SERVICE.kind, model.key.namespace, name)) for name in names)

    async def _point(self, model: SeenModelDeployment, spec: ModelDeploymentSpec, planned: Plan) -> None:
        if planned.serve == NOBODY:
            return
        owner = Owner(model.key.name, model.key.namespace, model.uid)
        try:
            served = await self._releases.snapshot(model, spec, planned.serve)
            beside = await self._releases.snapshot(model, spec, planned.beside) if planned.beside else None
            await self._address.ensure(model, address(owner, served, beside), planned.serve)
        except RenderError as error:
            raise Refused(Reason.RENDER_FAILED, str(error)) from error

    async def _take_down(self, model: SeenModelDeployment, planned: Plan, now: datetime) -> Refused | None:
        """Remove what no longer runs, its pods last: as long as they are there we know that something is left."""
        refusals = []
        goes = [child for child in children_of_revisions(self._cache, model) if child.revision not in planned.keep]
        route = route_of(self._cache, model)
        if route and planned.split is None:
            goes.append(route)
        for child in reversed(goes):
            try:
                await self._children.delete(model, child)
            except Refused as refusal:
                refusals.append(refusal)
        for revision in planned.leave:
            await self._releases.leave(model, revision, now)
        for revision in planned.forget:
            await self._releases.forget(model, revision)
        return refusals[0] if refusals else None

    async def _run(self, model: SeenModelDeployment, snapshot: ModelReleaseSpec, size: Size) -> None:
        owner = Owner(model.key.name, model.key.namespace, model.uid)
        try:
            manifests = children(owner, snapshot, size)
        except RenderError as error:
            raise Refused(Reason.RENDER_FAILED, str(error)) from error
        kinds = {manifest["kind"] for manifest in manifests}
        for child in children_of_revisions(self._cache, model):
            if child.revision == snapshot.revision and child.identity.kind not in kinds:
                await self._children.delete(model, child)
        name = child_name(model.key.name, snapshot.revision)
        if self._cache.find(Identity(DEPLOYMENT.kind, model.key.namespace, name)) is None:
            await self._keys.ensure(model, snapshot)
        for manifest in manifests:
            autoscaled = manifest["kind"] == "Deployment" and size.autoscaling
            if autoscaled:
                await self._children.hand_over(model, manifest, size.least)
            await self._children.ensure(model, manifest)
            if autoscaled:
                await self._children.hand_over(model, manifest, size.least)

    async def _report(
        self,
        model: SeenModelDeployment,
        spec: ModelDeploymentSpec,
        view: View,
        intent: Intent,
        obstacle: Obstacle | None,
    ) -> None:
        """Write the status, if a person would see a difference, and an Event, if Ready or its reason changed."""
        before = json.loads(model.status)
        subject = Subject(
            model.key.name,
            model.key.namespace,
            model.generation,
            ModelDeploymentStatus.model_validate(before),
            hostname=_hostname(spec),
        )
        status = report(subject, view, intent, obstacle)
        after = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        if after == before:
            return
        told = obstacle or Obstacle(intent.stage, intent.reason, intent.message)
        if _headline(before) != _headline(after):
            warning = told.stage is Stage.STUCK or told.reason is Reason.PODS_FAILING
            await self._events.send(model, "Reconcile", told.reason, told.message, warning=warning)
        if status.last_command and before.get("lastCommand") != after["lastCommand"]:
            await self._tell_of_command(model, status.last_command)
        try:
            document = await self._client.patch_status(MODEL_DEPLOYMENT, model, _merge_patch(before, after))
        except ConflictError as error:
            # With the reply we would take in a change that we have not acted on, and never hear of it again.
            raise Retry("the ModelDeployment changed meanwhile") from error
        except NotFoundError:  # deleted, and the watch has not said so: the sweep will find out if it never does
            self._cache.remove(model)
            return
        self._cache.put(seen(MODEL_DEPLOYMENT.kind, document))

    async def _tell_of_command(self, model: SeenModelDeployment, command: LastCommand) -> None:
        refused = is_refusal(command.result)
        reason = Reason.COMMAND_REFUSED if refused else Reason.COMMAND_OBEYED
        by = f" by {command.by}" if command.by else ""
        note = f"{command.verb} {command.revision} {command.nonce}{by}: {command.result}"
        await self._events.send(model, "Command", reason, note, warning=refused)


def _obstacle(refusal: Refused) -> Obstacle:
    stage = Stage.MOVING if refusal.reason is Reason.REQUEST_REFUSED else Stage.STUCK
    return Obstacle(stage, refusal.reason, refusal.message)


def _hostname(spec: ModelDeploymentSpec) -> str | None:
    """Return the first name by which the model is called from outside, where it is the name of one host."""
    hostnames = (spec.traffic and spec.traffic.gateway and spec.traffic.gateway.hostnames) or []
    return next((name for name in hostnames if not name.startswith("*")), None)


def _headline(status: Document) -> tuple[object, ...]:
    """Return what an Event goes out for when it changes: Ready, its reason, and the canary's share."""
    ready: Document = next((each for each in status.get("conditions", ()) if each["type"] == "Ready"), {})
    canary = status.get("canary", {})
    return ready.get("status"), ready.get("reason"), canary.get("step"), canary.get("weight")


def _merge_patch(before: Document, after: Document) -> Document:
    """Return the JSON merge patch that turns one document into another."""
    patch: Document = dict.fromkeys(before.keys() - after.keys())
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif before[key] != value:
            both = isinstance(value, dict) and isinstance(before[key], dict)
            patch[key] = _merge_patch(before[key], value) if both else value
    return patch


def _seconds_until(planned: Plan, now: datetime) -> float | None:
    return max(0.0, (planned.wake_at - now).total_seconds()) if planned.wake_at else None
