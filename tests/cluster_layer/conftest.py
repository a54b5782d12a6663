"""The fixtures that these tests share."""

from tests.cluster_layer.clock import clock

__all__ = ["clock"]
