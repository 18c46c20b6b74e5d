"""Writes reference.json: forecasts of statsforecast for two seeded series.

    python reference.py > reference.json

The series are stored with the numbers, so the tests need no Python.
"""

import json
import sys
from importlib.metadata import version

import numpy as np
from statsforecast.models import (
    TSB,
    AutoETS,
    CrostonSBA,
    SeasonalNaive,
    SeasonalWindowAverage,
    SimpleExponentialSmoothing,
    WindowAverage,
)

H = 14
rng = np.random.default_rng(7)
t = np.arange(280)
smooth = np.round(
    60 + 0.03 * t + 15 * np.sin(2 * np.pi * t / 7) + np.cumsum(rng.normal(0, 0.6, 280)) + rng.normal(0, 4, 280), 3
)
sparse = (rng.random(280) < 0.3) * rng.integers(1, 9, 280).astype(float)
sparse[0] = 3.0

models = {
    "ses_0.3": (SimpleExponentialSmoothing(alpha=0.3), smooth),
    "seasonal_naive": (SeasonalNaive(season_length=7), smooth),
    "window_28": (WindowAverage(window_size=28), smooth),
    "seasonal_window_4": (SeasonalWindowAverage(season_length=7, window_size=4), smooth),
    "ets_ana": (AutoETS(season_length=7, model="ANA"), smooth),
    "ets_aada": (AutoETS(season_length=7, model="AAA", damped=True), smooth),
    "ets_ann": (AutoETS(season_length=1, model="ANN"), smooth),
    "tsb_0.2_0.2": (TSB(alpha_d=0.2, alpha_p=0.2), sparse),
    "sba": (CrostonSBA(), sparse),
}
json.dump(
    {
        "made_by": {p: version(p) for p in ("statsforecast", "numpy")} | {"python": sys.version.split()[0]},
        "smooth": smooth.tolist(),
        "sparse": sparse.tolist(),
        "mean": {k: [float(v) for v in m.forecast(y=y, h=H)["mean"]] for k, (m, y) in models.items()},
    },
    sys.stdout,
    indent=None,
    separators=(",", ":"),
)
print()
