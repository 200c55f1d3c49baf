"""One file per outside thing, each behind a port of the domain; never a decision."""
