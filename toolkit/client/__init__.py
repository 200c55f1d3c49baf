"""Opens connections for people, `reading` and `commands` apart; never holds an order."""
