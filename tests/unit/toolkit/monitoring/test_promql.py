"""Which metrics and labels a query names."""

from __future__ import annotations

import pytest

from toolkit.domain.errors import ConfigError
from toolkit.monitoring.promql import grouping_labels, selectors


@pytest.mark.parametrize(
    ("query", "named", "grouped"),
    [
        ("up", [("up", ())], ()),
        ('up{job="x", instance=~"a.*"} > 0', [("up", ("job", "instance"))], ()),
        ("sum by (venue) (rate(a_total[5m]))", [("a_total", ())], ("venue",)),
        ("sum(rate(a_total[5m])) by (venue, le)", [("a_total", ())], ("venue", "le")),
        ("a and on (venue) b unless ignoring (kind) c", [("a", ()), ("b", ()), ("c", ())], ("venue", "kind")),
        ("time() - max(a_seconds offset 5m)", [("a_seconds", ())], ()),
        ("a * on (x) group_left (y) b{z!=\"}\"}", [("a", ()), ("b", ("z",))], ("x", "y")),
        ("histogram_quantile(0.9, sum by (le) (rate(h_bucket[$__rate_interval])))", [("h_bucket", ())], ("le",)),
        ("quantile_over_time(0.5, sum by (v) (a)[1h:5m]) or vector(0)", [("a", ())], ("v",)),
        ("1e3 * a:b:c >= bool Inf", [("a:b:c", ())], ()),
    ],
)  # fmt: skip
def test_metrics_and_labels_are_found(query: str, named: list[tuple[str, tuple[str, ...]]], grouped: object) -> None:
    assert (selectors(query), grouping_labels(query)) == (named, grouped)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sum(a", "lacks a )"),
        ("a)", "closes a )"),
        ("a{b=\"c\")", "closes a )"),
        ("a ; b", "cannot be read from '; b' on"),
        ("1 + 1", "asks for no metric"),
    ],
)  # fmt: skip
def test_what_is_no_query_is_refused(query: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(").replace(")", r"\)")):
        selectors(query)
