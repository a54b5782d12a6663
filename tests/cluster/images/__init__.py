"""The images that the cluster runs, made without a registry; each function returns the path of an image archive."""

from tests.cluster.images.base import base_image
from tests.cluster.images.models import model_image
from tests.cluster.images.pause import pause_image
from tests.cluster.images.project import build_image, prepare_inputs

__all__ = ["base_image", "build_image", "model_image", "pause_image", "prepare_inputs"]
