"""What a user may set, and that a slip is refused before anything reaches the cluster."""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart import manifests
from tests.chart.rendering import Objects, RefusedError, render
from tests.cluster.install import CHART, NAMESPACE, helm_program

pytestmark = pytest.mark.control_plane


def values() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return content


def schema() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return content


def test_helm_finds_nothing_to_complain_about() -> None:
    done = subprocess.run([helm_program(), "lint", "--strict", CHART], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("replica=2", "additional properties 'replica' not allowed"),
        ('image={"tags": "1"}', "additional properties 'tags' not allowed"),
        ('operator={"worker": 1}', "additional properties 'worker' not allowed"),
        ('metrics={"serviceMonitor": {"enable": true}}', "additional properties 'enable' not allowed"),
        ('resources={"limit": {}}', "additional properties 'limit' not allowed"),
        ('affinity={"nodeAfinity": {}}', "additional properties 'nodeAfinity' not allowed"),
        ('replicas="2"', "got string, want integer"),
        ("replicas=-1", "minimum: got -1, want 0"),
        ('image.tag="latest"', "'not' failed"),
        ('image.tag="a b"', "does not match pattern"),
        ('image.digest="sha256:12"', "does not match pattern"),
        ('image.repository=""', "minLength: got 0, want 1"),
        ('image.pullPolicy="ifNotPresent"', "value must be one of"),
        ('operator.logLevel="verbose"', "value must be one of"),
        ("operator.workers=0", "minimum: got 0, want 1"),
        ("operator.leaseSeconds=1", "minimum: got 1, want 5"),
        ('crds.install="yes"', "got string, want boolean"),
        ('admissionPolicies={"enable": true}', "additional properties 'enable' not allowed"),
        ('imagePullSecrets=["registry"]', "got string, want object"),
        ("networkPolicy.apiServerPorts=[]", "minItems: got 0, want 1"),
        ('nodeSelector={"disk": 1}', "got number, want string"),
    ],
)
def test_a_slip_is_refused(value: str, complaint: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(complaint)):
        render(value)


def test_the_schema_knows_every_value_and_no_other() -> None:
    def unknown(given: dict[str, Any], properties: dict[str, Any], path: str = "") -> list[str]:
        missing = [f"{path}{name}" for name in given.keys() ^ properties.keys()]
        nested = (
            unknown(value, properties[name]["properties"], f"{path}{name}.")
            for name, value in given.items()
            if isinstance(value, dict) and value and "properties" in properties.get(name, {}) and name != "resources"
        )
        return [*missing, *(path for paths in nested for path in paths)]

    properties = schema()["properties"]
    assert properties.pop("global") == {"type": "object"}, "helm gives every chart this one"
    assert unknown(values(), properties) == []


def test_every_value_is_described_in_one_sentence() -> None:
    assert list(undescribed((CHART / "values.yaml").read_text())) == []


def undescribed(text: str) -> Iterator[str]:
    """The lines that set a value which has no sentence above it, nor above what it is a part of."""
    described: int | None = None
    for previous, line in itertools.pairwise(["", *text.splitlines()]):
        key = re.match(r"( *)\w+:(.*)", line)
        if key is None or (described is not None and len(key[1]) > described):
            continue
        described = len(key[1]) if re.fullmatch(r" *# -- [A-Z].*\.", previous) else None
        if described is None and key[2]:
            yield line


@pytest.mark.parametrize(
    ("values_", "image"),
    [
        ((), "serinus:0.1.0"),
        (('image.repository="registry.example/serinus"', 'image.tag="1.2"'), "registry.example/serinus:1.2"),
        ((f'image.digest="sha256:{"a" * 64}"', 'image.tag="1.2"'), f"serinus@sha256:{'a' * 64}"),
    ],
)
def test_the_image_is_named_by_digest_tag_or_chart_version(values_: tuple[str, ...], image: str) -> None:
    assert render(*values_).container["image"] == image


def test_settings_reach_the_operator() -> None:
    operator = {
        "workers": 3,
        "leaseSeconds": 30,
        "sweepSeconds": 60,
        "maxRollouts": 20,
        "maxRolloutsPerNamespace": 5,
        "logLevel": "debug",
    }
    image = '{"repository": "registry.example/serinus", "tag": "1.2"}'
    container = render(f"operator={json.dumps(operator)}", f"image={image}").container
    settings = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    assert settings == {
        "SERINUS_WORKERS": "3",
        "SERINUS_LEASE_SECONDS": "30",
        "SERINUS_SWEEP_SECONDS": "60",
        "SERINUS_MAX_ROLLOUTS": "20",
        "SERINUS_MAX_ROLLOUTS_PER_NAMESPACE": "5",
        "SERINUS_LOG_LEVEL": "debug",
        "SERINUS_IMAGE": container["image"],
    }
    assert container["image"] == "registry.example/serinus:1.2"


def test_plain_manifests_are_current() -> None:
    assert manifests.FILE.read_text() == manifests.plain_manifests(), "run `make generate`"


def test_plain_manifests_hold_what_the_chart_does(default: Objects) -> None:
    plain = Objects(list(yaml.safe_load_all(manifests.FILE.read_text())))
    assert [item["kind"] for item in plain.items] == ["Namespace", *(item["kind"] for item in default.items)]
    assert plain.one("Deployment")["spec"]["template"]["spec"] == default.pod["spec"]
    assert "helm" not in manifests.FILE.read_text().lower().removeprefix(manifests.HEADER.lower())


def test_objects_are_in_the_release_namespace(default: Objects) -> None:
    cluster_wide = {
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
    assert {item["metadata"].get("namespace") for item in default.items if item["kind"] not in cluster_wide} == {
        NAMESPACE
    }
