"""The chart's policies in force: a model, people with and without rights, and how they change it.

Used by the tests of the policies. Changes are tried with dryRun unless a test says otherwise: the server judges them
and stores nothing.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import pytest

from tests.api.samples import ABSENT, changed, minimal_deployment
from tests.chart.rendering import Objects
from tests.cluster.api import APPLY, MERGE, Api, ApiError, Json
from tests.cluster.eventually import eventually

KINDS: Final = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
RBAC: Final = "rbac.authorization.k8s.io"
GROUP: Final = "serinus.dev"
ANNOTATION: Final = "serinus.dev/command"
SECONDS: Final = 20

EDITOR: Final = "eve"
"""May edit models, as everybody may here, and no more."""
PROMOTER: Final = "pat"
"""Was given the chart's ClusterRole besides."""

Changes = Mapping[str, object]
"""Values by their paths, as `changed` takes them."""


@dataclass(frozen=True)
class Guarded:
    """A ModelDeployment in a namespace where everybody may edit and the policies are in force."""

    api: Api
    namespace: str
    name: str = "fraud"

    def read(self) -> Json | None:
        return self.api.read("serinus.dev/v1alpha1", "ModelDeployment", self.name, self.namespace)

    def path(self) -> str:
        return self.api.path("serinus.dev/v1alpha1", "ModelDeployment", self.namespace, self.name)

    def manifest(self, changes: Changes) -> Json:
        """What a user's file says, which holds no more than is needed."""
        document = changed(minimal_deployment(self.name), {"metadata.namespace": self.namespace})
        return changed(document, changes)

    def another(self, name: str) -> "Guarded":
        """A further ModelDeployment there."""
        other = Guarded(self.api, self.namespace, name)
        self.api.create(other.manifest({}))
        return other

    def grant(self, user: str, *verbs: str, resource: str = "modeldeployments", name: str = "") -> None:
        """Gives a user rights in the namespace, for one name only if it says so."""
        rule = {"apiGroups": [GROUP], "resources": [resource], "verbs": verbs}
        role = self._rbac("Role") | {"rules": [rule | ({"resourceNames": [name]} if name else {})]}
        self.api.create(role)
        self.bind(role, {"kind": "User", "name": user})
        for verb in verbs:
            eventually(partial(self.may, user, verb, resource, name), SECONDS, f"{user} may {verb}")

    def bind(self, role: Json, subject: Json) -> None:
        reference = {"apiGroup": RBAC, "kind": role["kind"], "name": role["metadata"]["name"]}
        binding = self._rbac("RoleBinding") | {"roleRef": reference, "subjects": [subject | {"apiGroup": RBAC}]}
        self.api.create(binding)

    def may(self, user: str, verb: str, resource: str = "modeldeployments", name: str = "") -> bool:
        plural, _, part = resource.partition("/")
        asked = {"namespace": self.namespace, "group": GROUP, "resource": plural, "subresource": part, "verb": verb}
        spec = {"user": user, "groups": ["system:authenticated"], "resourceAttributes": asked | {"name": name}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = self.api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    def _rbac(self, kind: str) -> Json:
        metadata = {"name": f"test-{secrets.token_hex(4)}", "namespace": self.namespace}
        return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata}


class Way(Protocol):
    """How a user changes a model, and what comes of it."""

    __name__: str

    def __call__(self, model: Guarded, user: str, changes: Changes, /) -> Json:
        """Return the object as it would be stored."""


def patch(model: Guarded, user: str, changes: Changes, *, part: str = "", dry: bool = True) -> Json:
    """A JSON merge patch, as `kubectl annotate` sends it; `part` is a subresource."""
    query = {"dryRun": "All"} if dry else {}
    path = f"{model.path()}/{part}" if part else model.path()
    return model.api.as_user(user).request("PATCH", path, changed({}, changes), content_type=MERGE, query=query)


def apply(model: Guarded, user: str, changes: Changes) -> Json:
    """Server-side, as a GitOps controller does it."""
    query = {"dryRun": "All", "fieldManager": "git", "force": "true"}
    document = model.manifest(changes)
    return model.api.as_user(user).request("PATCH", model.path(), document, content_type=APPLY, query=query)


def replace(model: Guarded, user: str, changes: Changes) -> Json:
    document = changed(model.read() or {}, changes)
    return model.api.as_user(user).request("PUT", model.path(), document, query={"dryRun": "All"})


def create(model: Guarded, user: str, changes: Changes) -> Json:
    """Another one, whose name is left to the server."""
    document = changed(model.manifest(changes), {"metadata.name": ABSENT, "metadata.generateName": "new-"})
    path, _, _ = model.path().rpartition("/")
    return model.api.as_user(user).request("POST", path, document, query={"dryRun": "All"})


def apply_new(model: Guarded, user: str, changes: Changes) -> Json:
    """Server-side apply where nothing is."""
    return apply(Guarded(model.api, model.namespace, "new"), user, changes)


UPDATES: Final[tuple[Way, ...]] = (patch, apply, replace)
CREATIONS: Final[tuple[Way, ...]] = (create, apply_new)


def ways(*functions: Way) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", functions, ids=[function.__name__ for function in functions])


def refusal(request: Callable[[], object]) -> str:
    """What the user reads if a policy refuses; empty if nothing was refused."""
    try:
        request()
    except ApiError as error:
        _, policy, sentence = error.message.partition(" denied request: ")
        if policy:
            return sentence
        raise
    return ""


@contextmanager
def in_force(api: Api, chart: Objects) -> Iterator[Guarded]:
    """Puts the chart's policies into force, and out of it again."""
    policies = [item for kind in KINDS for item in chart.of(kind)]
    roles = view, edit, promoter = [
        chart.one("ClusterRole", f"serinus-{name}") for name in ("view", "edit", "promoter")
    ]
    model = Guarded(api, f"policies-{secrets.token_hex(3)}")
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": model.namespace}})
    for item in (*roles, *policies, model.manifest({})):
        api.apply(item)
    for role in (view, edit):
        model.bind(role, {"kind": "Group", "name": "system:authenticated"})
    model.bind(promoter, {"kind": "User", "name": PROMOTER})
    eventually(lambda: model.may(EDITOR, "get") and model.may(EDITOR, "patch"), SECONDS, "everybody may edit")
    eventually(lambda: model.may(PROMOTER, "promote"), SECONDS, "one may promote")
    eventually(lambda: all(_guards(model)), SECONDS, "the policies are in force")
    yield model
    for item in policies:
        api.delete(item["apiVersion"], item["kind"], item["metadata"]["name"])
    eventually(lambda: not any(_guards(model)), SECONDS, "the policies are out of force")
    api.delete("v1", "Namespace", model.namespace)
    for item in roles:
        api.delete(item["apiVersion"], item["kind"], item["metadata"]["name"])


def _guards(model: Guarded) -> Iterator[bool]:
    """Whether each of the two policies refuses what it must."""
    yield bool(refusal(lambda: patch(model, EDITOR, {"metadata.annotations": {ANNOTATION: ""}})))
    yield bool(refusal(lambda: patch(model, EDITOR, {"spec.rollout.progressDeadlineSeconds": 1})))
