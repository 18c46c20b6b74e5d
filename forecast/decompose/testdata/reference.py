"""Writes reference.json: decompositions of seeded series by statsforecast's mstl.

    pip install statsforecast statsmodels; python reference.py > reference.json

statsforecast takes STL from statsmodels. Every tenth value of the components
is stored; the series are stored as well.
"""

import json
import sys
from importlib.metadata import version

import numpy as np
import statsmodels.api as sm
from statsforecast.mstl import mstl

rng = np.random.default_rng(5)


def wave(n, *parts):
    t = np.arange(n)
    y = 50 + 0.02 * t + np.cumsum(rng.normal(0, 0.2, n)) + rng.normal(0, 2, n)
    for period, size in parts:
        y = y + size * np.sin(2 * np.pi * t / period) + 0.4 * size * np.sin(4 * np.pi * t / period + 1)
    return np.round(y, 3)


cases = []
for name, y, periods in [
    ("monthly", wave(74, (12, 8)), [12]),
    ("weekly", wave(261, (52, 8)), [52]),
    ("daily", wave(120, (7, 8)), [7]),
    ("hourly", wave(500, (24, 5), (168, 8)), [24, 168]),
    ("two years of days", wave(800, (7, 5), (365, 8)), [7, 365]),
]:
    d = mstl(y, periods)
    seasons = [d["seasonal"]] if len(periods) == 1 else [d[f"seasonal{p}"] for p in periods]
    cases.append((name, y, periods, False, d["trend"], seasons))

y = wave(150, (12, 8))
y[[20, 21, 77]] += 60
d = sm.tsa.STL(y, period=12, seasonal=11, seasonal_deg=0, robust=True).fit()
cases.append(("robust", y, [12], True, d.trend, [d.seasonal]))

json.dump(
    {
        "made_by": {p: version(p) for p in ("statsforecast", "statsmodels", "numpy")},
        "cases": [
            {
                "name": name, "y": y.tolist(), "periods": periods, "robust": robust,
                "trend": [round(float(v), 10) for v in np.asarray(trend)[::10]],
                "seasons": [[round(float(v), 10) for v in np.asarray(s)[::10]] for s in seasons],
            }
            for name, y, periods, robust, trend, seasons in cases
        ],
    },
    sys.stdout,
    separators=(",", ":"),
)
print()
