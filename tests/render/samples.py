"""Specs and owners that the tests of the renderer share."""

from typing import Any, Final

from serinus.api.modeldeployment import ModelDeploymentSpec
from serinus.api.modelrelease import ModelReleaseSpec
from serinus.render.children import Owner
from serinus.render.snapshot import Renderer, snapshot_of

Json = dict[str, Any]

OWNER: Final = Owner("fraud", "risk", "0b3c7a52-6f0e-4c6c-9f5e-1d2f3a4b5c6d")

UNMONITORED: Final[Json] = {"monitoring": {"mode": "None"}}
"""What a spec has in these tests unless it says otherwise."""

MINIMAL: Final[Json] = {
    "template": {"spec": {"containers": [{"name": "model", "image": "fraud:7", "ports": [{"containerPort": 8080}]}]}}
}

RICH: Final[Json] = {
    "model": {"version": "7"},
    "endpoint": {"port": "http"},
    "template": {
        "metadata": {"labels": {"team": "risk"}, "annotations": {"example.org/owner": "Zoë"}},
        "spec": {
            "serviceAccountName": "models",
            "terminationGracePeriodSeconds": 60,
            "imagePullSecrets": [{"name": "registry"}],
            "nodeSelector": {"kubernetes.io/arch": "amd64"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"team": "risk"}},
                }
            ],
            "hostAliases": [{"ip": "198.18.0.9", "hostnames": ["features"]}],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532},
            "initContainers": [
                {
                    "name": "fetch",
                    "image": "fetch:1",
                    "args": ["--to", "/models"],
                    "volumeMounts": [{"name": "models", "mountPath": "/models"}],
                }
            ],
            "containers": [
                {
                    "name": "model",
                    "image": "fraud:7",
                    "command": ["serve"],
                    "args": ["--model", "/models/fraud"],
                    "ports": [
                        {"name": "http", "containerPort": 8080},
                        {"name": "grpc", "containerPort": 9000, "protocol": "TCP"},
                    ],
                    "env": [
                        {"name": "THREADS", "value": "4"},
                        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                    ],
                    "envFrom": [{"configMapRef": {"name": "settings", "optional": True}}],
                    "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"memory": "1Gi"}},
                    "volumeMounts": [
                        {"name": "models", "mountPath": "/models", "readOnly": True},
                        {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - of the container
                    ],
                    "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 2},
                    "securityContext": {"capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True},
                },
                {"name": "metrics", "image": "metrics:2", "ports": [{"name": "metrics", "containerPort": 9100}]},
            ],
            "volumes": [
                {"name": "models", "emptyDir": {}},
                {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}},
                {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "a", "path": "a"}]}},
            ],
        },
    },
}

SCALING: Final[Json] = {
    "minReplicas": 2,
    "maxReplicas": 6,
    "metrics": [
        {
            "type": "Pods",
            "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "1000m"}},
        }
    ],
    "behavior": {
        "scaleDown": {"stabilizationWindowSeconds": 60, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    },
}

MONITORED: Final[Json] = {
    **RICH,
    "endpoint": {"port": "http", "prediction": "label"},
    "monitoring": {
        "mode": "Sidecar",
        "task": "Binary",
        "profileRef": {"name": "fraud-profile-0123456789"},
        "feedback": {"maturitySeconds": 60, "assume": {"label": "0", "afterSeconds": 600}},
    },
}


def parsed(spec: Json) -> ModelDeploymentSpec:
    return ModelDeploymentSpec.model_validate(UNMONITORED | spec)


RENDERER: Final = Renderer("0.1.0", "serinus:0.1.0")


def snapshot(spec: Json, *, revision: str = "0123456789", renderer: Renderer = RENDERER) -> ModelReleaseSpec:
    return snapshot_of(OWNER.name, OWNER.namespace, revision, parsed(spec), renderer)
