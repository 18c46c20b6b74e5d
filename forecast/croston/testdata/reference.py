"""Writes reference.json: statsforecast's intermittent models on seeded series.

    python reference.py > reference.json
"""

import json
import sys
from importlib.metadata import version

import numpy as np
from statsforecast.models import ADIDA, IMAPA, TSB, CrostonClassic, CrostonOptimized, CrostonSBA


def one(k):
    rng = np.random.default_rng(k)
    n = int(rng.integers(40, 400))
    y = rng.negative_binomial(2, 0.3, n) * (rng.random(n) < (0.05, 0.2, 0.5, 0.9)[k % 4])
    y[: k % 5] = 0
    if not y.any():
        y[n // 2] = 3
    y = y.astype(float)
    models = {
        "croston": CrostonClassic(),
        "croston_optimised": CrostonOptimized(),
        "sba": CrostonSBA(),
        "tsb": TSB(alpha_d=0.2, alpha_p=0.1),
        "adida": ADIDA(),
        "imapa": IMAPA(),
    }
    return {"y": y.tolist(), "mean": {name: float(f"{m.forecast(y=y, h=1)['mean'][0]:.10g}") for name, m in models.items()}}


json.dump(
    {
        "made_by": {p: version(p) for p in ("statsforecast", "numpy")} | {"python": sys.version.split()[0]},
        "series": [one(k) for k in range(24)],
    },
    sys.stdout,
    separators=(",", ":"),
)
print()
