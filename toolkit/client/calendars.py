"""Opens the real exchanges' calendars for people's own data; it decides nothing about a session."""

from __future__ import annotations

from toolkit.adapters.calendars import Bell, bells

__all__ = ["Bell", "bells"]
