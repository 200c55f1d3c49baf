"""Statistics, KPIs and execution cost as pure numpy and scipy functions; never a file, never a decision."""
