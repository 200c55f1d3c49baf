"""Drills: faults put into a desk that exists for that alone, and how long it takes to notice and to be safe again."""
