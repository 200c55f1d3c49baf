"""The five components and the engine that composes them; never I/O, a clock, a log or randomness."""
