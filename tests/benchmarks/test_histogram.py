"""Quantiles from the operator's own histograms."""

import math

import pytest

from benchmarks.histogram import Histogram

EXPOSITION = """\
# TYPE work_seconds histogram
work_seconds_bucket{name="model",le="0.1"} 90.0
work_seconds_bucket{name="model",le="0.5"} 98.0
work_seconds_bucket{name="model",le="+Inf"} 100.0
work_seconds_count{name="model"} 100.0
other_work_seconds_bucket{le="0.1"} 7.0
"""


def test_a_histogram_is_read_by_its_whole_name() -> None:
    found = Histogram.read("work_seconds", EXPOSITION)
    assert found.counts == {0.1: 90, 0.5: 98, math.inf: 100}
    assert found.total == 100


@pytest.mark.parametrize(("percent", "value"), [(45, 0.05), (90, 0.1), (94, 0.3), (98, 0.5), (99, 0.5)])
def test_a_percentile_lies_within_its_bucket_and_never_beyond_the_last_bound(percent: float, value: float) -> None:
    assert Histogram.read("work_seconds", EXPOSITION).percentile(percent) == pytest.approx(value)


def test_what_was_observed_before_does_not_count() -> None:
    before = Histogram({0.1: 90, 0.5: 90, math.inf: 90})
    since = Histogram.read("work_seconds", EXPOSITION) - before
    assert (since.total, since.counts[0.1]) == (10, 0)


def test_without_observations_there_is_no_percentile() -> None:
    assert math.isnan(Histogram({0.1: 0, math.inf: 0}).percentile(99))
