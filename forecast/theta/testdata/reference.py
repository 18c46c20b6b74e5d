"""Writes reference.json: what statsforecast makes of seeded synthetic series.

    python reference.py > reference.json

Series of 7, 12 and 52 periods a season and without one; per model the
parameters that its search found, the sum of squared one-step errors after the
third period at them (of the deseasonalised series), and the forecast. The
series are stored with the numbers, so the tests need no Python.
"""

import json
import sys
from importlib.metadata import version

import numpy as np
from statsforecast.theta import auto_theta, forecast_theta

H = 15
MODELS = {"dotm": "DOTM", "dstm": "DSTM", "otm": "OTM", "stm": "STM"}


def series(k):
    rng = np.random.default_rng(1000 + k)
    m = (7, 7, 12, 52, 1)[k % 5]
    n = int(rng.integers(*{7: (40, 180), 12: (30, 110), 52: (110, 190), 1: (4, 90)}[m]))
    t = np.arange(n)
    level = 10 ** rng.uniform(0.5, 3)
    wave = rng.normal(0, 0.3, m)
    noise = rng.normal(0, rng.choice([0.02, 0.1, 0.4]), n)
    walk = np.cumsum(rng.normal(0, rng.choice([0, 0.02, 0.08]), n))
    slope = rng.choice([0, 0, 0.003, -0.004])
    y = level * (1 + slope * t + walk) * np.exp(0.5 * noise) * (1 + wave[t % m]) + level * noise
    kind = k % 7
    if kind == 3:  # counts with zeros
        y = rng.poisson(np.clip(y / level * rng.choice([0.7, 3]), 0.05, 50))
    elif kind == 4:  # intermittent
        y = (rng.random(n) < 0.35) * rng.integers(1, 9, n)
    elif kind == 5:  # a step
        y = y + level * 2 * (t > n // 2)
    return m, [float(f"{v:.6g}") for v in y]


def one(k):
    m, y = series(k)
    y = np.array(y)
    out = {"season": m, "y": y.tolist(), "models": {}}
    for name, model in MODELS.items():
        f = auto_theta(y, m, model=model)
        e = f["residuals"]
        if f.get("decompose"):  # undo what is done to the residuals for the fitted values
            s = np.resize(f["seas_forecast"]["mean"], m)
            s = np.array([s[(i - len(y)) % m] for i in range(len(y))])
            e = e / s if f["decomposition_type"] == "multiplicative" else e - s
        out["season_type"] = f["decomposition_type"] if f.get("decompose") else "none"
        out["models"][name] = {
            "level": float(f["par"]["initial_smoothed"]),
            "alpha": float(f["par"]["alpha"]),
            "theta": float(f["par"]["theta"]),
            "sse": float((e[3:] ** 2).sum()),
            "mean": [float(f"{v:.10g}") for v in forecast_theta(f, H)["mean"]],
        }
    return out


json.dump(
    {
        "made_by": {p: version(p) for p in ("statsforecast", "numpy")} | {"python": sys.version.split()[0]},
        "series": [one(k) for k in range(70)],
    },
    sys.stdout,
    separators=(",", ":"),
)
print()
