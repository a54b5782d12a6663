"""Objects that the API accepts, and how to change one place in them. Used by tests/api and tests/chart."""

import copy
import re
from collections.abc import Mapping
from typing import Any, Final

Json = dict[str, Any]

ABSENT: Final = object()
"""Stands for a field that is not there."""

A_YEAR: Final = 31_536_000
TIME: Final = "2026-11-21T10:00:00Z"


def minimal_deployment(name: str = "fraud") -> Json:
    """No more than a ModelDeployment must have."""
    container = {"name": "model", "image": "model:7", "ports": [{"containerPort": 8080}]}
    return _object("ModelDeployment", name, {"template": {"spec": {"containers": [container]}}})


def full_deployment(name: str = "fraud") -> Json:
    """Every field that the schema knows; `replicas` is 1, the only value that autoscaling lets stand."""
    spec: Json = {
        "model": {"version": "2026-11-21"},
        "template": {
            "metadata": {"labels": {"team": "risk"}, "annotations": {"example.com/owner": "risk"}},
            "spec": {
                "containers": [full_container("model")],
                "initContainers": [full_container("fetch")],
                "hostNetwork": False,
                "restartPolicy": "Always",
                "terminationGracePeriodSeconds": 60,
                "securityContext": {"runAsNonRoot": True},
            },
        },
        "endpoint": {
            "port": "http",
            "protocol": "JSON",
            "features": "instance",
            "prediction": "class",
            "score": "probability",
        },
        "monitoring": full_monitoring(),
        "replicas": 1,
        "autoscaling": {
            "minReplicas": 1,
            "maxReplicas": 5,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Value", "value": "2"}}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
        },
        "traffic": {"gateway": full_gateway()},
        "rollout": full_rollout(),
        "paused": True,
    }
    return _object("ModelDeployment", name, spec)


def full_monitoring() -> Json:
    """Every field of what is counted that goes together: `tolerance` is for regression, which assumes no label."""
    return {
        "mode": "Middleware",
        "task": "Binary",
        "profileRef": {"name": "fraud-profile-0123456789"},
        "contract": "Reject",
        "warmUpSeconds": 30,
        "feedback": {
            "maxAgeSeconds": 1_209_600,
            "maturitySeconds": 604_800,
            "assume": {"label": "0", "afterSeconds": 604_800},
            "public": False,
        },
    }


def full_gateway() -> Json:
    """Every field of the way through a Gateway."""
    return {
        "parentRefs": [
            {
                "group": "gateway.networking.k8s.io",
                "kind": "Gateway",
                "namespace": "infra",
                "name": "public",
                "sectionName": "https",
                "port": 443,
            }
        ],
        "hostnames": ["fraud.example.com"],
        "matches": [
            {
                "path": {"type": "PathPrefix", "value": "/v2"},
                "headers": [{"name": "x-tenant", "value": "a"}],
                "method": "POST",
            }
        ],
        "filters": [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {
                    "set": [{"name": "x-model", "value": "fraud"}],
                    "add": [{"name": "x-seen-by", "value": "gateway"}],
                    "remove": ["cookie"],
                },
                # Not of this type, and so nothing that Gateway API takes; here every field is to be in the first item.
                "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
            },
        ],
        "timeouts": {"request": "10s", "backendRequest": "2s"},
        "canaryHeader": {"name": "x-serinus-canary", "value": "true"},
    }


def full_rollout() -> Json:
    """Every field of a rollout's policy."""
    return {
        "steps": [{"weight": 5, "minSeconds": 300, "pause": True, "replicas": 2}],
        "approval": "Required",
        "deadlineSeconds": 7200,
        "onInconclusive": "Rollback",
        "surge": "100%",
        "progressDeadlineSeconds": 300,
        "scaleDownDelaySeconds": 0,
        "history": 3,
    }


def full_container(name: str) -> Json:
    """A container with two ports; `http` is the second, so that a test may change the first as it likes."""
    return {
        "name": name,
        "image": "model:7",
        "ports": [
            {"name": "metrics", "containerPort": 9090, "protocol": "TCP"},
            {"name": "http", "containerPort": 8080},
        ],
        "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi"}},
        "lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
    }


def full_status() -> Json:
    """Every field of a ModelDeployment's status."""
    pods = {"replicas": 3, "readyReplicas": 3}
    return {
        "observedGeneration": 1,
        "conditions": [condition("Ready", "False"), condition("Available", "True")],
        "stable": {"revision": "0123456789", "version": "7", "weight": 95, **pods},
        "canary": {
            "revision": "abcdef0123",
            "version": "8",
            "step": 1,
            "steps": 3,
            "weight": 5,
            "weightInForce": 5,
            "verdict": "Undecided",
            "forecast": {"labels": 400, "seconds": 3600},
            **pods,
        },
        "accuracy": {"value": 0.91, "low": 0.89, "high": 0.93, "labels": 612, "estimated": False},
        "drift": {"score": 0.25, "state": "Drifted", "features": ["amount"]},
        "metrics": [
            {
                "name": "errors",
                "stable": {"value": 0.01, "low": 0.005, "high": 0.02, "samples": 4000},
                "canary": {"value": 0.02, "low": 0.01, "high": 0.04, "samples": 200},
                "verdict": "Undecided",
                "p": 0.4,
            }
        ],
        "url": "http://fraud.risk.svc",
        "selector": "serinus.dev/deployment=fraud",
        "lastCommand": {
            "verb": "promote",
            "revision": "abcdef0123",
            "nonce": "1",
            "by": "ada",
            "result": "Promoted abcdef0123.",
        },
        **pods,
    }


def condition(kind: str, status: str) -> Json:
    return {
        "type": kind,
        "status": status,
        "reason": "RolloutInProgress",
        "message": "1 of 3 pods of 8 (abcdef0123) are ready",
        "observedGeneration": 1,
        "lastTransitionTime": TIME,
    }


def full_release(name: str = "fraud-0123456789") -> Json:
    """Every field of a ModelRelease's spec."""
    spec: Json = {
        "deployment": "fraud",
        "revision": "0123456789",
        "version": "7",
        "endpoint": {"port": 8080, "name": "http", "container": "model"},
        "template": {"metadata": {"labels": {"team": "risk"}}, "spec": {"containers": [full_container("model")]}},
        "renderedBy": "0.1.0",
    }
    return _object("ModelRelease", name, spec)


def full_release_status() -> Json:
    """Every field of a ModelRelease's status."""
    return {"promotedAt": TIME, "result": "RolledBack", "attempts": [attempt(1)]}


def attempt(number: int) -> Json:
    return {
        "number": number,
        "startedAt": TIME,
        "policy": full_rollout(),
        "stable": "abcdef0123",
        "stableReplicas": 3,
        "step": 1,
        "weight": 0,
        "since": TIME,
        "waitedSeconds": 12.5,
        "trialSince": TIME,
        "stoppedSince": TIME,
        "stoppedSeconds": 2.5,
        "nonce": "9f86d081884c7d65",
        "split": 2,
        "gateway": True,
        "held": [held(1)],
        "queued": True,
        "paused": True,
        "released": 1,
        "approved": True,
        "full": True,
        "commands": [obeyed(1)],
        "outcome": {"result": "RolledBack", "reason": "ProgressDeadlineExceeded", "message": "too late", "at": TIME},
    }


def obeyed(number: int) -> Json:
    return {"verb": "pause", "nonce": str(number), "by": "ada", "at": TIME, "result": "it stays at 5 % until resume"}


def held(step: int) -> Json:
    return {"step": step, "weight": 5, "since": TIME, "until": TIME}


def changed(document: Json, changes: Mapping[str, object]) -> Json:
    """A copy with other values at paths such as `spec.template.spec.containers[0].name`; parents are made."""
    copied = copy.deepcopy(document)
    for path, value in changes.items():
        steps = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]
        place: Any = copied
        for step in steps[:-1]:
            place = place[step] if isinstance(step, int) else place.setdefault(step, {})
        if value is ABSENT:
            place.pop(steps[-1], None)
        else:
            place[steps[-1]] = copy.deepcopy(value)
    return copied


def _object(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": "serinus.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
