"""The newest samples on a page for Prometheus: read-only, under its own names alone; nothing is measured here.

It answers from a thread of its own with what was collected last, so that no scrape, however slow, holds anybody up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from itertools import accumulate
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from toolkit.domain.errors import ConfigError
from toolkit.monitoring.catalogue import METRICS, Kind
from toolkit.monitoring.catalogue import Metric as Measure
from toolkit.monitoring.samples import HistogramSample, Labels, Samples

PATIENCE, STOP_SECONDS = 5.0, 0.1
LOOPBACK: Final = "localhost"
Start = Callable[[str, list[tuple[str, str]]], object]


class NewestSamples(Collector):
    """What a scrape gets: the samples that were shown last, nothing before the first."""

    def __init__(self) -> None:
        self.samples: Samples | None = None

    def collect(self) -> Iterator[Metric]:
        samples = self.samples
        if samples is None:
            return
        by_name: dict[str, dict[Labels, HistogramSample]] = {}
        for (name, labels), histogram in samples.histograms.items():
            by_name.setdefault(name, {})[labels] = histogram
        for measure in METRICS:
            if measure.kind is Kind.HISTOGRAM:
                family = _histogram(measure, by_name.get(measure.name, {}))
            else:
                family = _plain(measure, samples)
            if family.samples:
                yield family


class MetricsPage:
    """`show` the newest samples; `start` serves them until `stop`. ConfigError when the address cannot be taken."""

    def __init__(self, address: str, port: int) -> None:
        self._newest = NewestSamples()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._newest)
        self._names = frozenset({LOOPBACK, address})
        self._application = make_wsgi_app(registry)
        try:
            self._server = make_server(address, port, self._answer, _Server, _Handler)
        except OSError as problem:
            raise ConfigError(f"monitor.port: nothing can listen on {address}:{port}: {problem.strerror}") from None

    @property
    def port(self) -> int:
        return self._server.server_port

    def show(self, samples: Samples) -> None:
        self._newest.samples = samples

    def start(self) -> None:
        Thread(target=self._server.serve_forever, args=(STOP_SECONDS,), name="metrics", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environment: dict[str, Any], start: Start) -> Iterable[bytes]:
        """A page of another site cannot read this one under a name of its own: our names and numbers are answered."""
        host = _without_port(environment.get("HTTP_HOST", ""))
        if host not in self._names and not _is_number(host):
            return _refused(start, "403 Forbidden", "this host name is not one of ours\n")
        if environment.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return _refused(start, "405 Method Not Allowed", "read only\n")
        if environment.get("PATH_INFO") not in ("/metrics", "/"):
            return _refused(start, "404 Not Found", "the metrics are at /metrics\n")
        page: Iterable[bytes] = self._application(environment, start)
        return page


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up in the middle of an answer is no error of ours."""


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is no news."""


def _refused(start: Start, status: str, words: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [words.encode()]


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _is_number(host: str) -> bool:
    """Whether a host is named by its address: nobody's name leads there."""
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _plain(measure: Measure, samples: Samples) -> Metric:
    kind = CounterMetricFamily if measure.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(measure.name.removesuffix("_total"), measure.help, labels=measure.labels)
    for labels, value in samples.of(measure.name).items():
        family.add_metric(labels, value)
    return family


def _histogram(measure: Measure, found: dict[Labels, HistogramSample]) -> Metric:
    family = HistogramMetricFamily(measure.name, measure.help, labels=measure.labels)
    bounds = [*(str(bound) for bound in measure.buckets), "+Inf"]
    for labels, histogram in found.items():
        family.add_metric(labels, list(zip(bounds, accumulate(histogram.counts), strict=True)), histogram.sum)
    return family
