"""The library, `import toolkit as tk`: its public names, loaded when first used; never any work at import."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what type checkers and editors see; the table below says the same, and a test compares them
    from toolkit.client.reading import connect, journal
    from toolkit.dashboards.notebook import dashboard
    from toolkit.domain.instruments import Instrument
    from toolkit.engine.strategy import Strategy
    from toolkit.research import data
    from toolkit.research.backtest import backtest
    from toolkit.research.check import check
    from toolkit.research.compare import compare
    from toolkit.research.explore import explore
    from toolkit.research.kpi import kpi
    from toolkit.research.promote import promote
    from toolkit.research.signals import from_signal
    from toolkit.research.sweep import sweep
    from toolkit.research.tca import tca

__all__ = [
    "Instrument",
    "Strategy",
    "backtest",
    "check",
    "compare",
    "connect",
    "dashboard",
    "data",
    "explore",
    "from_signal",
    "journal",
    "kpi",
    "promote",
    "sweep",
    "tca",
]

_HOMES = {
    "Instrument": "toolkit.domain.instruments:Instrument",
    "Strategy": "toolkit.engine.strategy:Strategy",
    "backtest": "toolkit.research.backtest:backtest",
    "check": "toolkit.research.check:check",
    "compare": "toolkit.research.compare:compare",
    "connect": "toolkit.client.reading:connect",
    "dashboard": "toolkit.dashboards.notebook:dashboard",
    "data": "toolkit.research.data",
    "explore": "toolkit.research.explore:explore",
    "from_signal": "toolkit.research.signals:from_signal",
    "journal": "toolkit.client.reading:journal",
    "kpi": "toolkit.research.kpi:kpi",
    "promote": "toolkit.research.promote:promote",
    "sweep": "toolkit.research.sweep:sweep",
    "tca": "toolkit.research.tca:tca",
}


def __getattr__(name: str) -> object:
    """Load a public name on first use: a runner needs `Strategy`, not the pandas that `backtest` brings."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    module, _, attribute = _HOMES[name].partition(":")
    value: object = import_module(module)
    if attribute:
        value = getattr(value, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
