"""One ModelDeployment as a test handles it: apply and delete it, read all that is its own, wait for what it reports."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from serinus.api.names import API_VERSION, LABEL_DEPLOYMENT, LABEL_REVISION
from serinus.render.revision import revision_of
from tests.cluster.api import Api, Json
from tests.cluster.eventually import eventually

SECONDS: Final = 60
"""How long a test waits for something: far more than it takes, for the machine may be busy."""
GONE_SECONDS: Final = 90
"""The garbage collector looks for new kinds only every half minute, so on a young control plane it begins late."""

KINDS: Final = {
    "ModelRelease": API_VERSION,
    "Deployment": "apps/v1",
    "Service": "v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
}
"""What the operator makes, and the API version of each."""


UNMONITORED: Final[Json] = {"mode": "None"}


def spec(image: str = "model:1", *, replicas: int | None = 2, drain: int = 0, **fields: Any) -> Json:  # noqa: ANN401 - JSON
    """A ModelDeployment's spec; unless a test asks for more, a new revision takes over and an old one goes at once, and
    nothing is monitored."""
    container = {
        "name": "model",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "1000m"}},
    }
    size = {} if replicas is None else {"replicas": replicas}
    rollout = {"steps": [], "scaleDownDelaySeconds": drain, **fields.pop("rollout", {})}
    template = {"spec": {"containers": [container]}}
    return {"template": template, "monitoring": UNMONITORED, **size, "rollout": rollout, **fields}


@dataclass(frozen=True)
class Model:
    """A ModelDeployment by its address; there or not."""

    api: Api
    namespace: str
    name: str = "fraud"

    @classmethod
    def in_new_namespace(cls, api: Api) -> "Model":
        """One that is not there yet, in a namespace of its own."""
        namespace = f"n{secrets.token_hex(4)}"
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        return cls(api, namespace)

    def apply(self, wanted: Json) -> str:
        """Write a spec as a user does; returns its revision."""
        self.api.apply(self.manifest(wanted))
        return revision_of(wanted)

    def manifest(self, wanted: Json) -> Json:
        """The whole object."""
        metadata = {"name": self.name, "namespace": self.namespace}
        return {"apiVersion": API_VERSION, "kind": "ModelDeployment", "metadata": metadata, "spec": wanted}

    @staticmethod
    def revision(wanted: Json) -> str:
        """The revision that a spec will have."""
        return revision_of(wanted)

    def scale(self, replicas: int) -> None:
        """`kubectl scale`."""
        body = {"spec": {"replicas": replicas}}
        self.api.patch(API_VERSION, "ModelDeployment", self.name, body, self.namespace, part="scale")

    def delete(self) -> None:
        """`kubectl delete`, not waited for."""
        self.api.delete(API_VERSION, "ModelDeployment", self.name, self.namespace)

    def exists(self) -> bool:
        """Whether the object is there."""
        return self.api.read(API_VERSION, "ModelDeployment", self.name, self.namespace) is not None

    def read(self) -> Json:
        """The object as it is; a test that reads one knows that it is there."""
        found = self.api.read(API_VERSION, "ModelDeployment", self.name, self.namespace)
        assert found is not None, f"no ModelDeployment {self.name}"
        return found

    def status(self) -> Json:
        """What the operator reports."""
        status: Json = self.read()["status"]
        return status

    def says(self, kind: str) -> tuple[str, str] | None:
        """A condition's status and reason."""
        conditions = self.status().get("conditions", ())
        return next(((each["status"], each["reason"]) for each in conditions if each["type"] == kind), None)

    def child(self, kind: str, revision: str | None = None) -> Json | None:
        """A revision's object, or what stands at the model's own name."""
        name = f"{self.name}-{revision}" if revision else self.name
        return self.api.read(KINDS[kind], kind, name, self.namespace)

    def child_now(self, kind: str, revision: str | None = None) -> Json:
        """The same, where it must be there."""
        found = self.child(kind, revision)
        assert found is not None, f"no {kind} of {revision or 'the model'}"
        return found

    def belongings(self) -> dict[str, Json]:
        """Everything labelled as this model's, by `Kind name`; pods are left out."""
        return {
            f"{kind} {item['metadata']['name']}": item
            for kind, version in KINDS.items()
            for item in self.api.find(version, kind, self.namespace, labels=f"{LABEL_DEPLOYMENT}={self.name}")
        }

    def pods(self, revision: str | None = None) -> list[Json]:
        """Pods, those that are going included."""
        labels = f"{LABEL_DEPLOYMENT}={self.name}" + (f",{LABEL_REVISION}={revision}" if revision else "")
        return self.api.find("v1", "Pod", self.namespace, labels=labels)

    def pods_come(self, revision: str, count: int) -> list[str]:
        """Wait until a revision has so many pods, ready or not; returns their names."""
        self._until(lambda: len(self.pods(revision)), count, f"has pods of {revision}")
        return [pod["metadata"]["name"] for pod in self.pods(revision)]

    def pod_uids(self, revision: str) -> set[str]:
        """The identities of a revision's pods that stay."""
        return {pod["metadata"]["uid"] for pod in self.pods(revision) if "deletionTimestamp" not in pod["metadata"]}

    def scalers(self, revision: str) -> set[str]:
        """Who has said how many pods a revision is to have, as it stands."""
        entries = self.child_now("Deployment", revision)["metadata"]["managedFields"]
        return {entry["manager"] for entry in entries if "f:replicas" in entry["fieldsV1"].get("f:spec", {})}

    def serving(self) -> str | None:
        """The revision that the model's address leads to."""
        service = self.child("Service")
        return service["spec"].get("selector", {}).get(LABEL_REVISION) if service else None

    def settles(self, revision: str, *, reason: str = "Serving") -> Json:
        """Wait until the operator says that this revision is what was asked for; returns the status."""

        def settled() -> Json:
            seen = self.read()
            ready = self._current(seen, "Ready")
            assert (ready["status"], ready["reason"]) == ("True", reason), _told(seen)
            assert seen["status"]["stable"]["revision"] == revision, seen["status"]["stable"]
            assert "canary" not in seen["status"], seen["status"]["canary"]
            assert self.serving() == revision
            status: Json = seen["status"]
            return status

        return eventually(settled, SECONDS, f"{self.name} settles at {revision}")

    def reports(self, reason: str, *words: str) -> Json:
        """Wait until Ready is False for this reason, with these words in its message; returns the condition."""

        def reported() -> Json:
            seen = self.read()
            ready = self._current(seen, "Ready")
            assert (ready["status"], ready["reason"]) == ("False", reason), _told(seen)
            missing = [word for word in words if word not in ready["message"]]
            assert not missing, f"without {missing}: {ready['message']}"
            return ready

        return eventually(reported, SECONDS, f"{self.name} reports {reason}")

    def has(self, *belongings: str) -> None:
        """Wait until exactly these objects belong to it, as `Kind name`."""
        self._until(lambda: sorted(self.belongings()), sorted(belongings), "has what it should have and no more")

    def is_gone(self) -> None:
        """Wait until nothing of it is left, pods included."""
        self._until(self.belongings, {}, "leaves nothing", GONE_SECONDS)
        self._until(self.pods, [], "leaves no pod", GONE_SECONDS)

    def _until(self, read: Callable[[], object], wanted: object, message: str, seconds: float = SECONDS) -> None:
        def same() -> bool:
            seen = read()
            assert seen == wanted, seen
            return True

        eventually(same, seconds, f"{self.name} {message}")

    @staticmethod
    def _current(seen: Json, kind: str) -> Json:
        """A condition that speaks of the spec as it is now."""
        generation = seen["metadata"]["generation"]
        assert seen["status"]["observedGeneration"] == generation, seen["status"]
        for each in seen["status"].get("conditions", ()):
            if each["type"] == kind:
                assert each["observedGeneration"] == generation, each
                condition: Json = each
                return condition
        raise AssertionError(f"no condition {kind}: {seen['status']}")


def children_of(name: str, revision: str, *kinds: str) -> list[str]:
    """The `Kind name` of a revision's objects."""
    return [f"{kind} {name}-{revision}" for kind in kinds]


def _told(seen: Json) -> str:
    return "; ".join(
        f"{each['type']}={each['status']} {each['reason']}: {each['message']}"
        for each in seen["status"].get("conditions", ())
    )
