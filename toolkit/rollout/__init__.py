"""How a version earns its capital: gates, stages, and what a plan promises before it runs; decisions, never I/O."""
