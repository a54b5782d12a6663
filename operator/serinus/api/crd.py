"""The CustomResourceDefinitions, made from the models. `python -m serinus.api.crd` writes them into the tree."""

import sys
from pathlib import Path
from typing import Any, Final

import yaml

from serinus.api import modeldeployment, modelrelease
from serinus.api.modeldeployment import ModelDeploymentSpec, ModelDeploymentStatus
from serinus.api.modelrelease import ModelReleaseSpec, ModelReleaseStatus
from serinus.api.names import GROUP, VERSION
from serinus.api.schema import Schema, structural_schema

DIRECTORIES: Final = ("crds", "charts/serinus/files/crds")
"""Where the files stand: once for `kubectl apply`, once inside the chart, which can only read its own folder."""

_HEADER: Final = "# Made from operator/serinus/api by `make generate`; edit the models there.\n"


def _condition(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


def _column(name: str, path: str, kind: str = "string", *, wide: bool = False, description: str) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path, "description": description}
    return column | ({"priority": 1} if wide else {})


def _definition(kind: str, plural: str, short: str, version: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["serinus"],
            },
            "versions": [{"name": VERSION, "served": True, "storage": True, **version}],
        },
    }


def _kind_schema(description: str, spec: Schema, status: Schema, **root: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "openAPIV3Schema": {
            "type": "object",
            "description": description,
            "required": ["spec"],
            "properties": {
                "apiVersion": {"type": "string", "description": "Version of the API."},
                "kind": {"type": "string", "description": "Kind of the object."},
                # Rules on the name point at it, and may only point at a field that is declared.
                "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
                "spec": spec,
                "status": status,
            },
            **root,
        }
    }


def modeldeployment_definition() -> dict[str, Any]:
    """Return the CRD of ModelDeployment."""
    status = structural_schema(ModelDeploymentStatus)
    status["default"] = {"observedGeneration": -1}  # without any status kstatus would call a new object Current
    schema = _kind_schema(
        "A model that serves. Serinus keeps pods for it, moves traffic to new revisions and reports what it sees.",
        structural_schema(ModelDeploymentSpec),
        status,
        **modeldeployment.NAME_RULES,
    )
    columns = [
        _column("Ready", _condition("Ready", "status"), description="Whether the asked revision serves at full size."),
        _column("Reason", _condition("Ready", "reason"), description="Why it is ready or not."),
        _column("Stable", ".status.stable.revision", description="The revision that serves."),
        _column("Canary", ".status.canary.revision", description="The revision that is to replace it."),
        _column("Weight", ".status.canary.weight", "integer", description="The canary's share of traffic, in percent."),
        _column("Accuracy", ".status.accuracy.value", "number", description="Accuracy of the stable revision."),
        _column("Drift", ".status.drift.state", description="Drift of the inputs against the profile."),
        _column("Message", _condition("Ready", "message"), wide=True, description="What was seen and what comes next."),
        _column("URL", ".status.url", wide=True, description="Where the model answers."),
        _column("Replicas", ".status.replicas", "integer", wide=True, description="Pods of all revisions."),
        _column("Age", ".metadata.creationTimestamp", "date", description="Time since it was created."),
    ]
    version = {
        "schema": schema,
        "additionalPrinterColumns": columns,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
    }
    return _definition(modeldeployment.KIND, modeldeployment.PLURAL, "mdep", version)


def modelrelease_definition() -> dict[str, Any]:
    """Return the CRD of ModelRelease."""
    schema = _kind_schema(
        "One revision of a ModelDeployment: the snapshot it is made of, and the record of what became of it. "
        "Written by Serinus.",
        structural_schema(ModelReleaseSpec),
        structural_schema(ModelReleaseStatus),
    )
    columns = [
        _column("Deployment", ".spec.deployment", description="The ModelDeployment."),
        _column("Revision", ".spec.revision", description="The revision."),
        _column("Version", ".spec.version", description="The model version."),
        # A string and not a date: the operator reads this column, and a date comes as "5m".
        _column("Promoted", ".status.promotedAt", description="When it last became the stable revision."),
        _column("Result", ".status.result", description="What became of the last attempt to bring it into service."),
        _column("Age", ".metadata.creationTimestamp", "date", description="Time since it was created."),
    ]
    version = {"schema": schema, "additionalPrinterColumns": columns, "subresources": {"status": {}}}
    return _definition(modelrelease.KIND, modelrelease.PLURAL, "mrel", version)


class _PlainDumper(yaml.SafeDumper):
    """Writes a part that occurs twice twice: anchors are no fun to review."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def definitions() -> dict[str, str]:
    """Return the text of every CRD file by its name."""
    return {
        f"{document['metadata']['name'].split('.')[0]}.yaml": _HEADER
        + yaml.dump(document, Dumper=_PlainDumper, sort_keys=False, width=120, allow_unicode=True)
        for document in (modeldeployment_definition(), modelrelease_definition())
    }


def main() -> int:
    """Write the files below the current folder; with `--check` only say which ones differ."""
    check = "--check" in sys.argv[1:]
    stale = []
    for directory in DIRECTORIES:
        for name, text in definitions().items():
            path = Path(directory, name)
            if path.is_file() and path.read_text() == text:
                continue
            stale.append(path)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    for path in stale:
        print(f"{path} {'differs from the models: run `make generate`' if check else 'written'}")  # noqa: T201 - its job
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
