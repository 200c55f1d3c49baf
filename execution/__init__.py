"""What runs: command line, settings, wiring, supervisor and services; never a trading rule."""
