"""Who gets which part of the requests at a gateway. Decided by way of plan.py, drawn by render/route.py."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """A canary's part of the requests."""

    revision: str
    weight: int
    """In percent; at 0 only those come who ask for the canary."""
    stamp: str | None = None
    """What the gateway writes on every request that it splits: `<split number>-<nonce>`. Not written at weight 0."""


@dataclass(frozen=True, slots=True)
class Split:
    """Who gets which part of the requests."""

    stable: str
    """The revision that gets what the canary does not."""
    canary: Share | None = None

    @property
    def weights(self) -> dict[str, int]:
        """The part of every revision, in percent; a revision at 0 is among them."""
        if self.canary is None:
            return {self.stable: 100}
        return {self.stable: 100 - self.canary.weight, self.canary.revision: self.canary.weight}

    @property
    def stamp(self) -> str | None:
        """What the requests carry that count; None while there is nothing to compare."""
        return self.canary.stamp if self.canary and self.canary.weight else None
