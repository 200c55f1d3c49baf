"""By which rule people are told of drift, as `config/monitoring.yaml` has it now: pages and notebooks go by it too."""

from __future__ import annotations

from contextlib import suppress

from execution.home import Home
from execution.settings.monitoring import SOURCE, read_monitoring
from toolkit.client.desk_state import DriftRule
from toolkit.domain.errors import ConfigError


class DriftRuleFile:
    """Call it for the rule; the file is read again once somebody saved it. One that cannot work leaves the last one."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._saved = -1
        self._rule = DriftRule()

    def __call__(self) -> DriftRule:
        try:
            saved = (self._home.root / SOURCE).stat().st_mtime_ns
        except OSError:
            return self._rule
        if saved != self._saved:
            self._saved = saved
            with suppress(ConfigError):  # the monitor says what is wrong with it
                row = read_monitoring(self._home.root).divergence
                self._rule = DriftRule(
                    warn=row.warn, freeze=row.freeze, width=row.width, is_daily=row.rule == "daily_z"
                )  # fmt: skip
        return self._rule
