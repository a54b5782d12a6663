"""/metrics: what Prometheus reads, and how long nobody else gets a turn."""

import asyncio
import gc
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from serinus.monitor.endpoints.exposition import Exposition, Family, Sample, Slices
from serinus.monitor.endpoints.metrics import Metrics
from serinus.monitor.exchange import Outcome
from serinus.monitor.labels.outcomes import PARTS, Outcomes
from tests.monitor.watching import SPLIT, NoSource, core, exchange

GOOD_ROW = {"amount": 2.0, "country": "DE", "member": True}


async def parsed(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the value of every series, by name and labels but those that all have."""
    text = (await metrics.text()).decode()
    series = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            labels = dict(sample.labels)
            common = [labels.pop(name) for name in ("namespace", "deployment", "revision")]
            assert common == ["risk", "fraud", "3f9a0c11d2"]
            key = (sample.name, frozenset(labels.items()))
            assert key not in series
            series[key] = sample.value
    return series


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"serinus_{name}", frozenset(labels.items())


async def test_what_was_counted_is_shown_by_split_without_the_secret_of_its_stamp(tmp_path: Path) -> None:
    watched = core(tmp_path)
    watched.ledger.collect("", [SPLIT])
    watched.count(exchange({"features": GOOD_ROW}, {"label": 1, "score": 0.9}))
    watched.count(exchange({"features": GOOD_ROW | {"amount": 99}}, stamp=""))
    watched.count(exchange(stamp="9-forged", outcome=Outcome.SERVER_ERROR))
    metrics = Metrics(watched, NoSource())
    assert SPLIT not in (await metrics.text()).decode()
    series = await parsed(metrics)
    expected = {
        key("model_routed_total", split="3"): 1,
        key("model_routed_total", split=""): 1,
        key("model_routed_total", split="unknown"): 1,
        key("model_requests_total", split="3", outcome="answered"): 1,
        key("model_requests_total", split="unknown", outcome="server_error"): 1,
        key("model_request_seconds_bucket", split="3", le="+Inf"): 1,
        key("model_request_seconds_count", split="3"): 1,
        key("model_predictions_total", split="3", prediction="1"): 1,
        key("model_contract_checked_total", split="3"): 1,
        key("model_contract_violating_total", split=""): 1,
        key("model_contract_violations_total", rule="amount:range"): 1,
        key("model_feature_total", feature="country", bin="DE"): 2,
        key("model_score_total", prediction="1", bin="from 0.8"): 1,
        key("monitor_records_total", what="lost"): 2,
        key("monitor_faults_total"): 0,
        key("monitor_profile_ok", state="Loaded"): 1,
    }
    assert {name: series.get(name) for name in expected} == expected


async def test_what_labels_say_is_shown_by_split(tmp_path: Path) -> None:
    watched = core(tmp_path)
    watched.ledger.collect("", [SPLIT])
    watched.ledger.outcomes_of(SPLIT).add(Outcomes(trials=3 * PARTS, errors=PARTS // 2))
    series = await parsed(Metrics(watched, NoSource(), restarts=2))
    assert series[key("model_labelled_total", split="3")] == 3
    assert series[key("model_label_errors_total", split="3")] == 0.5
    assert series[key("monitor_restarts_total")] == 2


async def test_what_was_given_as_evidence_stays_in_the_metrics(tmp_path: Path) -> None:
    watched = core(tmp_path)
    watermark = ""
    for _ in range(4):
        watched.count(exchange())
        watermark = watched.ledger.collect(watermark, [SPLIT]).watermark
    assert (await parsed(Metrics(watched, NoSource())))[key("model_routed_total", split="3")] == 4


async def test_two_stamps_of_one_number_are_one_split(tmp_path: Path) -> None:
    watched = core(tmp_path)
    watched.ledger.collect("", ["3-aa", "3-bb"])
    for stamp in ("3-aa", "3-bb"):
        watched.count(exchange(stamp=stamp))
    assert (await parsed(Metrics(watched, NoSource())))[key("model_routed_total", split="3")] == 2


async def test_a_histogram_is_one(tmp_path: Path) -> None:
    watched = core(tmp_path, warm_up_seconds=0)
    for seconds in (0.0005, 0.05, 2.0, 100.0):
        watched.count(exchange(seconds=seconds, stamp=""))
    series = await parsed(Metrics(watched, NoSource()))
    buckets = {
        float(dict(labels)["le"]): value
        for (name, labels), value in series.items()
        if name.endswith("seconds_bucket") and dict(labels)["split"] == ""
    }
    assert [buckets[edge] for edge in sorted(buckets)] == sorted(buckets.values())
    assert buckets[0.001] == 1
    assert buckets[float("inf")] == 4
    assert series[key("model_request_seconds_sum", split="")] == pytest.approx(62.05, rel=0.1)


@pytest.mark.parametrize("profile", [None, {"version": 7}], ids=["none", "wrong"])
async def test_whether_the_profile_is_used_is_said(tmp_path: Path, profile: object) -> None:
    series = await parsed(Metrics(core(tmp_path, profile), NoSource()))
    assert series[key("monitor_profile_ok", state="Refused" if profile else "None")] == (0 if profile else 1)


@given(st.text())
async def test_any_label_is_escaped(value: str) -> None:
    exposition = Exposition((("deployment", "fraud"),))
    text = await exposition.write([Family("a_total", "counter", "Help.", [Sample((("x", value),), 1)])], Slices())
    (family,) = text_string_to_metric_families(text.decode())
    assert [sample.labels["x"] for sample in family.samples] == [value]


MOST_SECONDS = 0.005


async def test_ten_thousand_series_leave_the_loop_its_turns() -> None:
    names = [(f"f{number // 20}", str(number % 20)) for number in range(10_000)]
    samples = [Sample((("feature", name), ("bin", place)), 1 / 3) for name, place in names]
    exposition = Exposition((("namespace", "risk"), ("deployment", "fraud"), ("revision", "3f9a0c11d2")))
    gc.collect()
    gc.freeze()  # as process.py does; the tests' own objects are many
    turns = [time.thread_time()]  # of this thread alone: the machine has other work, too

    async def take_turns() -> None:
        while True:
            turns.append(time.thread_time())
            await asyncio.sleep(0)

    others = asyncio.create_task(take_turns())
    text = await exposition.write([Family("a_total", "counter", "Help.", samples)], Slices())
    turns.append(time.thread_time())
    others.cancel()
    gc.unfreeze()
    assert text.count(b"\n") == 10_002
    assert max(after - before for before, after in pairwise(turns)) < MOST_SECONDS
