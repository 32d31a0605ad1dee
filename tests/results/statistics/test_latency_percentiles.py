import numpy as np
import pytest
from scipy.stats import quantile_test
from wayshot.results.statistics.latency_percentiles import SECONDS, SHARES, fewest, percentiles


def milliseconds(*values):
    return (np.array(values) * 1e6).astype(np.int64)


@pytest.mark.parametrize("share", [*SHARES.values(), 0.01, 0.999])
def test_so_many_queries_have_an_interval_and_one_less_has_none(share):
    count = fewest(share)
    for queries, there in ((count, True), (count - 1, False)):
        ends = quantile_test(np.arange(queries), p=share).confidence_interval(0.95)
        assert np.isfinite(ends).all() == there


def test_a_percentile_is_a_latency_that_was_observed():
    """The mean of these is 10.9 ms, which no query took."""
    latency = milliseconds(*[1.0] * 90, *[100.0] * 10)
    found = percentiles(latency, SECONDS)
    assert [found[name]["ms"] for name in SHARES] == [1, 1, 100, 100]


def test_percentiles_are_those_of_the_definition():
    latency = np.random.default_rng(0).integers(1, 10**9, 1000)
    found = percentiles(latency, SECONDS)
    for name, share in SHARES.items():
        enough = [one for one in latency if (latency <= one).mean() >= share]
        one = found[name]
        assert one["ms"] == min(enough) / 1e6
        assert one["low_ms"] < one["ms"] < one["high_ms"]
        assert one["valid"] and one["reason"] is None


def test_intervals_enclose_the_percentile_as_often_as_they_say():
    rng = np.random.default_rng(1)
    drawn = (1e6 * rng.exponential(size=(150, 500))).astype(np.int64)
    found = [percentiles(latency, SECONDS) for latency in drawn]
    for name, truth in (("p50", np.log(2)), ("p95", np.log(20))):
        covered = np.mean([one[name]["low_ms"] <= truth <= one[name]["high_ms"] for one in found])
        assert 0.9 < covered < 1


def test_too_few_queries_are_invalid_where_they_are_too_few():
    found = percentiles(milliseconds(*range(1, 51)), SECONDS)
    assert [found[name]["valid"] for name in SHARES] == [True, True, False, False]
    assert found["p99"]["reason"] == "50 queries, expected at least 368"
    assert found["p99"]["high_ms"] is None and found["p50"]["high_ms"] is not None


def test_too_short_a_stream_is_invalid():
    found = percentiles(milliseconds(*range(1, 1001)), 0.9 * SECONDS)
    assert not any(one["valid"] for one in found.values())
    assert found["p50"]["reason"] == "4.5 s, expected at least 5 s"
