"""What people write in config/: read, checked and compiled; never a secret, never a running process."""

from execution.settings.known import known_instruments
from execution.settings.people import PeopleTable, read_people
from execution.settings.reading import (
    LimitTable,
    Settings,
    read_instruments,
    read_limits,
    read_settings,
    read_strategies,
    read_venues,
)
from execution.settings.running import begin_run, end_run, is_as_begun, read_running

__all__ = [
    "LimitTable",
    "PeopleTable",
    "Settings",
    "begin_run",
    "end_run",
    "is_as_begun",
    "known_instruments",
    "read_instruments",
    "read_limits",
    "read_people",
    "read_running",
    "read_settings",
    "read_strategies",
    "read_venues",
]
