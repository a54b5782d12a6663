"""What the tests serve."""

import msgspec

from serinus.monitor.serving import Protocol, Serving


def serving(protocol: Protocol = "JSON", **changes: object) -> Serving:
    """Return a model that speaks the protocol; changes are fields."""
    return msgspec.structs.replace(Serving("fraud", "risk", "3f9a0c11d2", 8080, protocol), **changes)
