"""Models of the Python package and what they predict, from generated series.

    pip install prophet==1.5.0
    python golden.py > golden.json

Every entry has the model as model_to_json writes it, a future, and the yhat,
trend and interval-free components that Python predicts for it.
"""

import json
import logging
import sys

logging.disable(logging.INFO)

import numpy as np
import pandas as pd
from prophet import Prophet
from prophet.serialize import model_to_json


def table(days=44, freq="D", seed=1):
    rng = np.random.default_rng(seed)
    n = days
    ds = pd.date_range("2023-11-20", periods=n, freq=freq)
    t = np.arange(n) / n
    week = np.sin(2 * np.pi * np.arange(n) / 7)
    promo = (rng.uniform(size=n) < 0.2).astype(int)
    price = np.round(3 + 0.3 * rng.standard_normal(n), 2)
    y = 20 + 6 * t + 2 * week + 5 * promo - 1.5 * (price - 3) + rng.standard_normal(n)
    return pd.DataFrame({
        "ds": ds, "y": np.round(y, 3), "promo": promo, "price": price,
        "high": (np.arange(n) // 10) % 2 == 0, "cap": 40.0, "floor": 5.0,
    })


HOLIDAYS = pd.DataFrame({
    "holiday": ["xmas", "sale \"été\"", "xmas", "sale \"été\"", "far"],
    "ds": pd.to_datetime(["2023-12-25", "2023-12-05", "2024-12-25", "2024-02-02", "2030-01-01"]),
    "lower_window": [-1, 0, -1, 0, 0],
    "upper_window": [2, 1, 2, 1, 0],
    "prior_scale": [5.0, 10.0, 5.0, 10.0, 10.0],
})


def models():
    df = table()
    yield "additive", Prophet(n_changepoints=5), df

    gaps = df.copy()
    gaps.loc[[3, 17, 43], "y"] = np.nan
    m = Prophet(seasonality_mode="multiplicative", holidays=HOLIDAYS, n_changepoints=6, holidays_mode="multiplicative")
    m.add_seasonality("monthly", 30.5, 2, condition_name="high")
    m.add_regressor("promo", mode="additive")
    m.add_regressor("price", prior_scale=2.0)
    yield "multiplicative", m, gaps

    m = Prophet(holidays=HOLIDAYS, holidays_mode="multiplicative", n_changepoints=3, weekly_seasonality=2)
    m.add_seasonality("biweekly", 14, 2, mode="multiplicative", prior_scale=1.0)
    m.add_regressor("price", standardize=True)
    yield "mixed", m, df

    yield "logistic", Prophet(growth="logistic", n_changepoints=5), df
    yield "logistic minmax", Prophet(growth="logistic", scaling="minmax", n_changepoints=5), df.drop(columns="floor")
    yield "minmax", Prophet(scaling="minmax", n_changepoints=5), df
    yield "flat", Prophet(growth="flat"), df
    yield "no changepoints", Prophet(n_changepoints=0, weekly_seasonality=False), df
    yield "given changepoints", Prophet(changepoints=["2023-12-10", "2023-12-20"], daily_seasonality=False), df
    hourly = table(40, "7h", 3)
    yield "hours", Prophet(n_changepoints=4, daily_seasonality=2), hourly
    constant = df.copy()
    constant["y"] = 7.0
    yield "constant", Prophet(n_changepoints=2), constant


def future_of(df):
    step = df["ds"].iloc[1] - df["ds"].iloc[0]
    ahead = table(len(df) + 12, step, 5)
    ahead["ds"] = pd.date_range(df["ds"].iloc[0], periods=len(ahead), freq=step)
    ahead["price"] = np.round(2.5 + 0.01 * np.arange(len(ahead)), 2)
    return ahead.drop(columns="y").iloc[-18:].reset_index(drop=True)


def predict(m, future):
    out = m.predict(future)
    skip = {"ds", "cap", "floor"}
    return {c: out[c].tolist() for c in out.columns if c not in skip and not c.endswith(("_lower", "_upper"))}


def entry(name, m, text, future):
    columns = {c: future[c].tolist() for c in ("promo", "price", "high", "cap", "floor")}
    return dict(
        name=name, model=text, ds=future["ds"].dt.strftime("%Y-%m-%dT%H:%M:%S").tolist(),
        future=columns, predicted=predict(m, future),
    )


def main():
    entries = []
    for name, m, df in models():
        m.uncertainty_samples = 0
        np.random.seed(1)
        m.fit(df)
        entries.append(entry(name, m, model_to_json(m), future_of(df)))
        print(name, file=sys.stderr)
    print("[\n" + ",\n".join(json.dumps(e) for e in entries) + "\n]")


main()
