"""Proves that a version loads: `python -m toolkit.client.version_check FOLDER DIGEST`; no hook runs."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

from toolkit.adapters.versions import NotLoadable, load_version
from toolkit.domain.errors import ExecutionError
from toolkit.domain.instruments import Currency, describe
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_runner import StrategyContainer

MONEY = Currency(code="XTS", quantum=Decimal("0.01"))


def main(arguments: list[str]) -> int:
    """0 when the version loads and a container can be made of it; else the reason is the last line of stderr."""
    folder, digest = arguments
    try:
        check(Path(folder), digest)
    except ExecutionError as problem:
        sys.stderr.write(" ".join(str(problem).split()) + "\n")
        return 1
    return 0


def check(folder: Path, digest: str) -> None:
    """Raises ConfigError with the place and the mend."""
    loaded = load_version(folder, digest)
    if not issubclass(loaded.strategy_class, Strategy):
        raise NotLoadable(f"{loaded.manifest.file}: {loaded.manifest.class_name} is no tk.Strategy; derive it from one")
    stand_ins = {
        symbol: describe(
            symbol=symbol, tick=Decimal("0.01"), lot=Decimal(1), currency=MONEY, calendar="24/7", venue="none"
        )
        for symbol in loaded.manifest.instruments
    }
    StrategyContainer(loaded.strategy_class, loaded.manifest.parameters, stand_ins, MONEY)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
