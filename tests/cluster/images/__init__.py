"""The images that the cluster runs, made without a registry; each function returns the path of an image archive."""

from tests.cluster.images.pause import pause_image

__all__ = ["pause_image"]
