"""Cutoffs and metrics of the Python package, on generated dates and forecasts.

    pip install prophet==1.5.0
    python crossval.py > crossval.json
"""

import json
import logging

logging.disable(logging.INFO)

import numpy as np
import pandas as pd
from prophet.diagnostics import generate_cutoffs
from prophet.metrics import performance_metrics


def stamps(series):
    return [t.strftime("%Y-%m-%dT%H:%M:%S") for t in series]


def cutoffs():
    daily = pd.Series(pd.date_range("2020-01-01", periods=200))
    gap = daily[(daily < "2020-03-01") | (daily > "2020-04-20")].reset_index(drop=True)
    months = pd.Series(pd.date_range("2015-01-01", periods=60, freq="MS"))
    hours = pd.Series(pd.date_range("2020-01-01", periods=300, freq="5h"))
    for name, ds, horizon, initial, period in [
        ("daily", daily, 14, 60, 7), ("daily, tight", daily, 50, 150, 10), ("a gap", gap, 10, 30, 8), ("a gap, long period", gap, 10, 5, 45),
        ("months", months, 365, 730, 180), ("hours", hours, 2, 10, 1), ("none fits", daily, 50, 180, 10), ("too short", daily, 300, 0, 10),
    ]:
        day = pd.Timedelta(days=1)
        try:
            found = stamps(generate_cutoffs(pd.DataFrame({"ds": ds}), horizon * day, initial * day, period * day))
        except ValueError:
            found = None
        yield dict(name=name, ds=stamps(ds), horizon=horizon, initial=initial, period=period, cutoffs=found)


def metrics():
    rng = np.random.default_rng(2)
    rows = []
    for c in pd.to_datetime(["2020-01-31", "2020-02-20", "2020-03-11"]):
        for h in range(1, 31):
            if rng.uniform() < 0.85:
                y = round(float(rng.gamma(3.0, 2.0)) + 0.1, 3)
                yhat = round(y + float(rng.normal()), 3)
                rows.append(dict(ds=c + pd.Timedelta(days=h), cutoff=c, y=y, yhat=yhat, yhat_lower=yhat - 1, yhat_upper=yhat + 1.5))
    df = pd.DataFrame(rows)
    for window, monthly in [(0.1, False), (0, False), (1, False), (0.3, True), (-1, False)]:
        # mdape depends on the order of equal horizons, which pandas leaves open: only where whole horizons are taken.
        names = ["mse", "rmse", "mae", "mape", "smape", "coverage"] + (["mdape"] if window in (0, 1) else [])
        out = performance_metrics(df, metrics=names, rolling_window=window, monthly=monthly)
        if window < 0:
            out = out.sort_values(["horizon", "mse"])
        horizon = out["horizon"].tolist() if monthly else [h / pd.Timedelta(days=1) for h in out["horizon"]]
        yield dict(window=window, monthly=monthly, horizon=horizon, **{n: [float(v) for v in out[n]] for n in names})
    text = df.assign(ds=stamps(df["ds"]), cutoff=stamps(df["cutoff"]))
    yield dict(points=text.to_dict("records"))


print(json.dumps(dict(cutoffs=list(cutoffs()), metrics=list(metrics())), indent=None))
