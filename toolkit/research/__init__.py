"""What a notebook calls: data, backtest, promote and their results; never trades."""
