"""Writes reference.json: the naive family of statsforecast on seeded series.

    python reference.py > reference.json
"""

import json
import sys
from importlib.metadata import version

import numpy as np
from statsforecast.models import (
    HistoricAverage,
    Naive,
    RandomWalkWithDrift,
    SeasonalNaive,
    SeasonalWindowAverage,
    WindowAverage,
)

H = 15


def one(k):
    rng = np.random.default_rng(k)
    m = (7, 12, 4)[k % 3]
    n = int(rng.integers(5 * m, 9 * m))
    y = np.round(rng.gamma(2, 20, n) + 10 * np.sin(2 * np.pi * np.arange(n) / m), 3)
    models = {
        "last": Naive(),
        "seasonal": SeasonalNaive(season_length=m),
        "drift": RandomWalkWithDrift(),
        "window_10": WindowAverage(window_size=10),
        "seasonal_window_3": SeasonalWindowAverage(season_length=m, window_size=3),
        "mean": HistoricAverage(),
    }
    return {
        "season": m,
        "y": y.tolist(),
        "mean": {name: [float(f"{v:.10g}") for v in f.forecast(y=y, h=H)["mean"]] for name, f in models.items()},
    }


json.dump(
    {
        "made_by": {p: version(p) for p in ("statsforecast", "numpy")} | {"python": sys.version.split()[0]},
        "series": [one(k) for k in range(9)],
    },
    sys.stdout,
    separators=(",", ":"),
)
print()
