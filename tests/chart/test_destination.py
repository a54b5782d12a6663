"""Where `make install` goes, and what it says where it cannot."""

from pathlib import Path

import pytest
import yaml

from tests.cluster.install import Kind, Local, Remote, destination
from tests.cluster.instance import Instance
from tests.cluster.local import LocalCluster
from tests.cluster.parts import NotBuiltError

pytestmark = pytest.mark.control_plane


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    file = tmp_path / "kubeconfig"
    write(file, "production")
    return file


def write(file: Path, context: str) -> None:
    file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": context}))


def test_a_cluster_of_kind_is_known_by_its_context(kubeconfig: Path) -> None:
    write(kubeconfig, "kind-models")
    assert destination(str(kubeconfig), Instance()) == Kind(kubeconfig, "models")


def test_any_other_cluster_pulls_its_images(kubeconfig: Path) -> None:
    cluster = destination(str(kubeconfig), Instance())
    assert cluster == Remote(kubeconfig, "production")
    with pytest.raises(NotBuiltError, match="push image there and name it in SERINUS_IMAGE=REPOSITORY:TAG"):
        cluster.load_image(Path("image"))


def test_one_existing_file_of_several_is_enough(kubeconfig: Path) -> None:
    both = f"/missing:{kubeconfig}"
    assert destination(both, Instance()) == Remote(Path(both), "production")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(NotBuiltError, match="KUBECONFIG is /missing, and there is no such file"):
        destination("/missing", Instance())


@pytest.mark.parametrize("named", [True, False])
def test_the_local_cluster_is_started(monkeypatch: pytest.MonkeyPatch, *, named: bool) -> None:
    started: list[LocalCluster] = []

    def up(cluster: LocalCluster) -> None:
        started.append(cluster)

    monkeypatch.setattr(LocalCluster, "up", up)
    monkeypatch.setattr("tests.cluster.machine.why_not", lambda: None)
    instance = Instance()
    found = destination(str(instance.kubeconfig) if named else None, instance)
    assert found == Local(LocalCluster(instance))
    assert started == [LocalCluster(instance)]


def test_a_machine_that_cannot_is_told_what_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cluster.machine.why_not", lambda: "There is no root.")
    with pytest.raises(NotBuiltError, match=r"There is no root\.\nOr take a cluster that you have.*KUBECONFIG=FILE"):
        destination(None, Instance())
