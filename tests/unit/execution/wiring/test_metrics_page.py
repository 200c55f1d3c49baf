"""The page for Prometheus says what was collected last, to those who ask for it by its own name, and to nobody else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest
from prometheus_client.parser import text_string_to_metric_families

from execution.wiring.metrics_page import MetricsPage
from tests.tools.folded_desk import Journal, folded
from toolkit.domain.errors import ConfigError
from toolkit.domain.time import WallTime
from toolkit.monitoring.catalogue import METRICS, Kind, find
from toolkit.monitoring.collecting import collect
from toolkit.monitoring.facts import DeskFacts
from toolkit.monitoring.samples import Gathering, Samples

PROMTOOL = shutil.which("promtool")


@pytest.fixture(scope="module")
def samples() -> Samples:
    journal = Journal(11)
    journal.act(200)
    return collect(*folded(journal), DeskFacts(ready=True, disk_free=5, disk_size=10), WallTime(5))


@pytest.fixture
def page() -> Iterator[MetricsPage]:
    page = MetricsPage("127.0.0.1", 0)
    page.start()
    yield page
    page.stop()


def ask(page: MetricsPage, path: str = "/metrics", method: str = "GET", host: str = "") -> tuple[HTTPResponse, str]:
    line = HTTPConnection("127.0.0.1", page.port, timeout=60)
    line.request(method, path, headers={"Host": host or f"127.0.0.1:{page.port}"})
    answer = line.getresponse()
    text = answer.read().decode()
    line.close()
    return answer, text


def test_every_number_is_on_the_page_and_no_other(page: MetricsPage, samples: Samples) -> None:
    page.show(samples)
    answer, text = ask(page)
    assert answer.status == 200
    shown: dict[tuple[str, tuple[str, ...]], float] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            metric = find(one.name)
            if metric is not None:
                shown[one.name, tuple(one.labels[name] for name in metric.labels)] = one.value
    assert shown == dict(samples)


def test_histograms_are_cumulated_and_end_with_all(page: MetricsPage) -> None:
    bounds = next(metric.buckets for metric in METRICS if metric.kind is Kind.HISTOGRAM)
    gathering = Gathering()
    counts = [1] * (len(bounds) + 1)
    gathering.spread("order_hop_seconds", counts, 12.5, "journal_to_send", "paper")
    page.show(gathering.samples(WallTime(1)))
    (family,) = text_string_to_metric_families(ask(page)[1])
    buckets = {one.labels["le"]: one.value for one in family.samples if one.name.endswith("_bucket")}
    assert list(buckets.values()) == list(range(1, len(counts) + 1))
    assert [*map(float, buckets)] == [*bounds, float("inf")]
    assert {one.value for one in family.samples if one.name.endswith("_count")} == {len(counts)}
    assert {one.value for one in family.samples if one.name.endswith("_sum")} == {12.5}


def test_before_the_first_look_there_is_nothing_and_no_number_of_this_process(page: MetricsPage) -> None:
    assert ask(page)[1].strip() == ""


FOREIGN = ("evil.example", "evil.example:9464", "127.0.0.1.evil.example", "", "localhost.x", "127.0.0.1@evil")


@pytest.mark.parametrize("host", FOREIGN)
def test_another_host_name_is_refused(page: MetricsPage, samples: Samples, host: str) -> None:
    """A page in somebody's browser could have its own name point here."""
    page.show(samples)
    with socket.create_connection(("127.0.0.1", page.port), timeout=60) as line:
        line.sendall(f"GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    assert b"403 Forbidden" in answer.splitlines()[0]
    assert b"quarterdeck" not in answer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:9464", "10.0.0.7:9464"])
def test_our_own_names_and_plain_addresses_are_answered(page: MetricsPage, host: str) -> None:
    assert ask(page, host=host)[0].status == 200


def test_it_is_read_only_and_has_one_page(page: MetricsPage) -> None:
    assert ask(page, method="POST")[0].status == 405
    assert ask(page, method="DELETE")[0].status == 405
    assert ask(page, "/other")[0].status == 404


def test_who_hangs_and_who_hangs_up_holds_nobody_up(page: MetricsPage, samples: Samples) -> None:
    page.show(samples)
    lines = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(20)]
    for line in lines[:10]:
        line.sendall(b"GET /metrics HTTP/1.1\r\n")
    for line in lines[10:]:
        line.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        line.close()
    assert ask(page)[0].status == 200
    for line in lines[:10]:
        line.close()


def test_a_taken_port_is_named(page: MetricsPage) -> None:
    with pytest.raises(ConfigError, match=rf"monitor\.port.*{page.port}"):
        MetricsPage("127.0.0.1", page.port)


def test_promtool_finds_nothing_to_mend(page: MetricsPage, samples: Samples) -> None:
    if PROMTOOL is None:
        assert "EXECUTION_CI" not in os.environ, "promtool is missing: .ci/run installs prometheus"
        pytest.skip("promtool is not installed (Debian: prometheus)")
    page.show(samples)
    found = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=ask(page)[1], capture_output=True, text=True, check=False, timeout=300
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
