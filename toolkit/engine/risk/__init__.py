"""Risk Guard: pure controls over (proposal, books, prices, limits); it never sends and never rounds."""
