"""The bounds of a rollout's policy: in a spec, and where an attempt has kept it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.api.refusals import Refusal, not_among, too_large, too_small

A_WEEK: Final = 604_800
THIRTY_DAYS: Final = 2_592_000
A_YEAR: Final = 31_536_000


def rollout(path: str) -> Iterator[Refusal]:
    """Every number that has a bound."""
    yield too_small(f"{path}.steps[0].weight", 1)
    yield too_large(f"{path}.steps[0].weight", 100)
    yield too_small(f"{path}.steps[0].minSeconds", 0)
    yield too_large(f"{path}.steps[0].minSeconds", THIRTY_DAYS)
    yield too_small(f"{path}.steps[0].replicas", 1)
    yield too_large(f"{path}.steps[0].replicas", 10_000)
    yield not_among(f"{path}.approval", "NotRequired", "Required")
    yield too_small(f"{path}.deadlineSeconds", 1)
    yield too_large(f"{path}.deadlineSeconds", A_YEAR)
    yield not_among(f"{path}.onInconclusive", "Hold", "Rollback")
    yield too_small(f"{path}.progressDeadlineSeconds", 1)
    yield too_large(f"{path}.progressDeadlineSeconds", A_WEEK)
    yield too_small(f"{path}.scaleDownDelaySeconds", 0)
    yield too_large(f"{path}.scaleDownDelaySeconds", A_WEEK)
    yield replace(not_among(f"{path}.surge", "100%", "0"), good=("100%",))
    yield too_small(f"{path}.history", 1)
    yield too_large(f"{path}.history", 100)
