"""The commands of `execution`, a module per group; each imports what it needs when it runs, so that a stop is quick."""
