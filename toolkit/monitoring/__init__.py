"""What the desk measures of itself, when that is an alert, and the files that other tools take from it; no I/O."""
