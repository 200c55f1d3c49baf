"""Paper matching, simulated clock, lockstep schedule and backtest loop; never I/O."""
