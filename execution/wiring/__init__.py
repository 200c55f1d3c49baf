"""One module per process that pairs ports with adapters; never a decision."""
