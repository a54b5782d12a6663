"""What the tests with real pods share: the operator as users install it, by helm, and a model to try."""

from collections.abc import Iterator

import pytest

from tests.cluster.backends import Backend
from tests.cluster.install import install
from tests.e2e.models import Model


@pytest.fixture(scope="session")
def installed(cluster: Backend) -> Backend:
    """A cluster with the operator in it."""
    install(cluster)
    return cluster


@pytest.fixture
def model(installed: Backend, namespace: str) -> Iterator[Model]:
    """A ModelDeployment that is not there yet."""
    model = Model(installed.api, namespace)
    yield model
    model.delete()


@pytest.fixture
def image(installed: Backend) -> str:
    """An image with Python in it."""
    return installed.python_image()
