"""The supervisor's parts: processes, back-off, health, proposals from files; what a process does is its own affair."""
