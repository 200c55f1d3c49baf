"""Writes tests/golden/kpis_of_peers.json: what other libraries make of the same returns. They never run in a test.

In an environment of its own: `pip install empyrical-reloaded==0.7.1 quantstats==0.0.86 jsharpe==0.6.3 arch==8.0.0`,
then `python tests/tools/make_peer_kpis.py` from the repository's folder.
"""

import json
from importlib import metadata
from pathlib import Path

import empyrical
import jsharpe
import numpy as np
import pandas as pd
import quantstats.stats as qs
from arch.bootstrap import StationaryBootstrap
from scipy import stats

PATH = Path(__file__).resolve().parents[1] / "golden" / "kpis_of_peers.json"


def series() -> dict[str, np.ndarray]:
    """Returns as tests make them again: NumPy keeps the stream of PCG64 over its versions."""
    draws = np.random.default_rng(20240808)
    return {
        "normal": draws.standard_normal(504) * 0.01 + 0.0006,
        "fat tails": draws.standard_t(3, size=252) * 0.008 + 0.0003,
        "losing": draws.standard_normal(120) * 0.015 - 0.002,
        "one crash": np.r_[np.full(60, 0.001) + draws.standard_normal(60) * 0.0005, -0.2, np.full(60, 0.001)],
    }


def of(returns: np.ndarray) -> dict[str, float]:
    frame = pd.Series(returns, index=pd.bdate_range("2020-01-01", periods=len(returns)))
    rf, ppy = 0.0, 252
    ratio = float(returns.mean() / returns.std(ddof=1))
    skew, kurtosis = float(stats.skew(returns)), float(stats.kurtosis(returns, fisher=False))
    variance = jsharpe.sharpe_ratio_variance(ratio, len(returns) - 1, gamma3=skew, gamma4=kurtosis)
    return {
        "empyrical sharpe": empyrical.sharpe_ratio(frame),
        "quantstats sharpe": qs.sharpe(frame, periods=ppy),
        "empyrical volatility": empyrical.annual_volatility(frame),
        "quantstats volatility": qs.volatility(frame, periods=ppy, prepare_returns=False),
        "empyrical sortino": empyrical.sortino_ratio(frame),
        "quantstats sortino": qs.sortino(frame, rf=rf, periods=ppy),
        "empyrical max drawdown": empyrical.max_drawdown(frame),
        "quantstats max drawdown": qs.max_drawdown(frame),
        "empyrical tail ratio": empyrical.tail_ratio(frame),
        "quantstats tail ratio": qs.tail_ratio(frame, prepare_returns=False),
        "empyrical value at risk": empyrical.value_at_risk(frame, cutoff=0.05),
        "quantstats value at risk": qs.value_at_risk(frame, confidence=0.95, prepare_returns=False),
        "empyrical expected shortfall": empyrical.conditional_value_at_risk(frame, cutoff=0.05),
        "quantstats expected shortfall": qs.expected_shortfall(frame, confidence=0.95),
        "empyrical omega": empyrical.omega_ratio(frame),
        "quantstats omega": qs.omega(frame, periods=ppy),
        "quantstats psr": qs.probabilistic_sharpe_ratio(frame, rf=rf, periods=ppy),
        "jsharpe psr": float(jsharpe.probabilistic_sharpe_ratio(ratio, 0.0, variance=variance)),
        "jsharpe psr under the null": float(
            jsharpe.probabilistic_sharpe_ratio(ratio, 0.0, T=len(returns), gamma3=skew, gamma4=kurtosis)
        ),
        "jsharpe minimum track record": float(
            jsharpe.minimum_track_record_length(ratio, 0.0, gamma3=skew, gamma4=kurtosis, alpha=0.05)
        ),
    }


def bootstrap(returns: np.ndarray, block: float) -> dict[str, float]:
    """The spread of resampled means, by arch's own stationary bootstrap."""
    means = StationaryBootstrap(block, returns, seed=7).apply(np.mean, 20_000)
    return {"sd of means": float(np.std(means))}


def main() -> None:
    found = {name: of(returns) for name, returns in series().items()}
    made = {
        "peers": {name: metadata.version(name) for name in ("empyrical-reloaded", "quantstats", "jsharpe", "arch")},
        "returns": found,
        "stationary bootstrap of normal, mean block 8": bootstrap(series()["normal"], 8.0),
    }
    PATH.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
