"""What `execution record` kept, for who researches on it; nothing is recorded here."""

from __future__ import annotations

from pathlib import Path

from toolkit.adapters.step_recording import StepRecording

__all__ = ["StepRecording", "recorded_steps"]


def recorded_steps(folder: Path) -> StepRecording:
    """The recording in a folder. ConfigError when there is none, or a part of it is missing or damaged."""
    return StepRecording(folder)
