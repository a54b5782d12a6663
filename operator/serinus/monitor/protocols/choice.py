"""The decoder of each protocol. Chosen by core.py."""

from collections.abc import Callable
from typing import Final

from serinus.monitor.protocols.bodies import Decoder
from serinus.monitor.protocols.inference_v2 import InferenceV2
from serinus.monitor.protocols.kserve_v1 import KServeV1
from serinus.monitor.protocols.openai import OpenAI
from serinus.monitor.protocols.plain_json import PlainJson
from serinus.monitor.serving import Protocol, Serving

DECODERS: Final[dict[Protocol, Callable[[Serving, tuple[str, ...]], Decoder]]] = {
    "JSON": PlainJson,
    "OpenInferenceV2": InferenceV2,
    "KServeV1": KServeV1,
    "OpenAI": OpenAI,
}


def decoder_for(serving: Serving, names: tuple[str, ...] = ()) -> Decoder:
    """Return what reads the protocol; `names` are those of the profile's features, in order."""
    return DECODERS[serving.protocol](serving, names)
