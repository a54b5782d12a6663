"""Objects as the cache keeps them, for the tests of the cache and of all that reads it."""

from datetime import UTC, datetime

from serinus.api.names import child_name
from serinus.cluster.objects import (
    Controller,
    Identity,
    Key,
    SeenChild,
    SeenModelDeployment,
    SeenPod,
    SeenRelease,
    SeenRoute,
)
from serinus.cluster.routestatus import Answer, Standing

CREATED = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
KEY = Key("risk", "fraud")
MODEL_UID = "0b3c7a52-6f0e-4c6c-9f5e-1d2f3a4b5c6d"
REVISION = "0123456789"

OURS = Controller("ModelDeployment", KEY.name, MODEL_UID)
NAMESAKE = Controller("ModelDeployment", KEY.name, "of-one-that-was-deleted")
SOMEBODY = Controller("Database", "ledger", "of-a-database")


def model(version: int = 1, *, uid: str = MODEL_UID, spec: bytes = b"{}") -> SeenModelDeployment:
    return SeenModelDeployment(
        identity=Identity("ModelDeployment", *KEY),
        uid=uid,
        version=version,
        deployment=KEY.name,
        created=CREATED,
        deleting=False,
        generation=1,
        revision=REVISION,
        spec=spec,
        status=b"{}",
    )


def child(
    kind: str = "Service",
    version: int = 1,
    *,
    name: str | None = None,
    uid: str | None = None,
    deployment: str = KEY.name,
    controller: Controller | None = OURS,
) -> SeenChild:
    name = name or child_name(KEY.name, REVISION)
    return SeenChild(
        identity=Identity(kind, KEY.namespace, name),
        uid=uid or f"{kind}-{name}",
        version=version,
        deployment=deployment,
        created=CREATED,
        deleting=False,
        revision=REVISION,
        controller=controller,
        intent=None,
        owned=b"{}",
    )


def route(version: int = 1) -> SeenRoute:
    return SeenRoute(
        identity=Identity("HTTPRoute", *KEY),
        uid="HTTPRoute-fraud",
        version=version,
        deployment=KEY.name,
        created=CREATED,
        deleting=False,
        revision=None,
        controller=OURS,
        intent=None,
        owned=b"{}",
        weights=((REVISION, 100),),
        stamp=None,
        written_at=CREATED,
        answers=(Answer(Standing.IN_FORCE),),
        controllers=(),
    )


def pod(name: str, version: int = 1) -> SeenPod:
    return SeenPod(
        identity=Identity("Pod", KEY.namespace, name),
        uid=f"Pod-{name}",
        version=version,
        deployment=KEY.name,
        created=CREATED,
        deleting=False,
        revision=REVISION,
        ready=True,
        failure=None,
    )


def release(
    revision: str = REVISION,
    version: int = 1,
    *,
    created: datetime = CREATED,
    controller: Controller | None = OURS,
    deployment: str = KEY.name,
    deleting: bool = False,
) -> SeenRelease:
    name = child_name(KEY.name, revision)
    return SeenRelease(
        identity=Identity("ModelRelease", KEY.namespace, name),
        uid=f"ModelRelease-{name}",
        version=version,
        deployment=deployment,
        created=created,
        deleting=deleting,
        revision=revision,
        controller=controller,
        version_label=None,
        promoted_at=None,
        result=None,
    )
