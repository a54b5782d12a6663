"""The pytest plugin of the clusters: options, the order of the tests, fixtures, and what a failed test leaves to read.

def test_pods_come(cluster: Backend, namespace: str) -> None: ...            # a whole cluster
def test_spec_is_refused(control_plane: ControlPlane, namespace: str) -> None: ...   # an API server without nodes
"""

import os
import re
import secrets
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import diagnosis, machine
from tests.cluster.addons import condition
from tests.cluster.api import APPLY, Api
from tests.cluster.backends import Backend, Capability
from tests.cluster.bare import bare_control_plane
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.instance import CHECKOUT, DEFAULT, Instance
from tests.cluster.local_backend import local_backend
from tests.cluster.simulated_nodes import SimulatedNodes

BACKENDS: Final = ("local", "kind", "existing")
RANKS: Final = ("control_plane", "cluster")
"""Tests come in this order after all others: what needs more of the machine comes later."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("serinus")
    group.addoption(
        "--cluster", choices=BACKENDS, help="where cluster tests run (default: local, or kind where local cannot be)"
    )
    group.addoption("--kubeconfig-context", help="the context for --cluster=existing")
    group.addoption("--instance", default=DEFAULT, help="the name of the local cluster, if not the usual one")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requires(capability): what a cluster must offer, see backends.Capability")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test by the fixture it uses, so that `-m "not cluster"` needs no further word, and sorts."""
    for item in items:
        for fixture in RANKS:
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(fixture)
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    return max((rank for rank, name in enumerate(RANKS, start=1) if item.get_closest_marker(name)), default=0)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """A whole cluster, of the kind that --cluster says."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with ExitStack() as stack:
        # Building and starting may take minutes: people see how it goes.
        with capture.global_and_fixture_disabled():
            running = stack.enter_context(_backend(request.config))
        yield running


def _backend(config: pytest.Config) -> AbstractContextManager[Backend]:
    chosen = config.getoption("--cluster")
    obstacle = machine.why_not()
    if chosen is None:
        chosen = "kind" if obstacle and machine.docker_runs() else "local"
    if chosen == "local":
        if obstacle:
            pytest.fail(obstacle, pytrace=False)
        return local_backend(Instance(config.getoption("--instance")), end_always=_in_ci())
    from tests.cluster import other_backends  # noqa: PLC0415 -- kind's client takes a second to import

    if chosen == "kind":
        return other_backends.kind_backend(end_always=_in_ci())
    return other_backends.existing_backend(config.getoption("--kubeconfig-context"))


def _in_ci() -> bool:
    return os.environ.get("CI") == "true"


@pytest.fixture(autouse=True)
def _requirements(request: pytest.FixtureRequest) -> None:
    """Skips, with a sentence, what the chosen cluster cannot do. The local one can do everything."""
    for marker in request.node.iter_markers("requires"):
        backend: Backend = request.getfixturevalue("cluster")
        for capability in marker.args:
            if reason := backend.why_lacking(Capability(capability)):
                assert backend.name != "local", reason
                pytest.skip(reason)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """etcd, API server and controller manager with the project's definitions, shared by the session's tests."""
    with bare_control_plane() as plane:
        apply_definitions(plane.api)
        yield plane


@pytest.fixture(scope="session")
def _simulated_nodes(control_plane: ControlPlane) -> Iterator[SimulatedNodes]:
    with SimulatedNodes(control_plane) as nodes:
        yield nodes


@pytest.fixture
def simulated_nodes(_simulated_nodes: SimulatedNodes) -> Iterator[SimulatedNodes]:
    """Makes the control plane's pods run, as the test decides; the next test starts without decisions."""
    yield _simulated_nodes
    _simulated_nodes.forget_decisions()


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace in the cluster that the test uses; deleted afterwards without waiting."""
    api = _target(request).api
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    name = f"{words[:40].strip('-')}-{secrets.token_hex(3)}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    eventually(lambda: api.read("v1", "ServiceAccount", "default", name), 20, f"{name} has its service account")
    yield name
    api.delete("v1", "Namespace", name)


def _target(request: pytest.FixtureRequest) -> Backend | ControlPlane:
    target: Backend | ControlPlane = request.getfixturevalue(
        "cluster" if "cluster" in request.fixturenames else "control_plane"
    )
    return target


@pytest.fixture(scope="session")
def failure_logs() -> list[Path]:
    """Log files whose ends a failed test shows; whoever starts a process for tests adds its log."""
    return []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    used = getattr(item, "funcargs", {})
    target = used.get("cluster") or used.get("control_plane")
    if report.failed and report.when != "teardown" and target is not None and "namespace" in used:
        logs = used.get("failure_logs", ())
        report.sections += diagnosis.sections(target.kubeconfig, used["namespace"], logs)
    return report


def apply_definitions(api: Api) -> None:
    """Brings the project's own kinds to a cluster and waits until they are served."""
    for file in sorted((CHECKOUT / "crds").glob("*.yaml")):
        text = file.read_text()
        name = re.search(r"^  name: (\S+)$", text, re.MULTILINE)
        assert name, f"{file} names no definition"
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name[1]}"
        api.request("PATCH", path, text, content_type=APPLY, query={"fieldManager": "tests", "force": "true"})
        eventually(partial(_established, api, path), 20, f"{name[1]} is served")


def _established(api: Api, path: str) -> bool:
    return condition(api.request("GET", path), "Established")
