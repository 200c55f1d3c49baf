"""Limits of a whole book that are set, as they must be, and far away."""

FAR = 10**9
OF_BOOK = {"max_margin": FAR, "max_var": "*"}
OF_STRATEGY = {
    "max_gross": FAR,
    "max_net": FAR,
    "max_leverage": FAR,
    "max_capital_use": FAR,
    "max_daily_loss": FAR,
    "max_drawdown": FAR,
}
FAR_AWAY = OF_STRATEGY | OF_BOOK
