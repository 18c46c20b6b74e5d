"""Writes reference.json: models fitted by the Python package, their inputs,
their parameters, and what they forecast from them. Inputs are seeded synthetic
series. Run with prophet 1.5.0, pandas 3, numpy 2:

    python reference.py > reference.json
"""

import json
import logging

import numpy as np
import pandas as pd
from prophet import Prophet
from prophet.utilities import regressor_coefficients

logging.disable(logging.CRITICAL)
rng = np.random.default_rng(20260124)


def stamp(s):
    return [t.isoformat() for t in pd.to_datetime(s)]


def table(df, keep):
    return {c: stamp(df[c]) if c == "ds" else df[c].tolist() for c in keep if c in df}


def mixed():
    ds = pd.date_range("2022-11-03", periods=170).delete([20, 21, 90])
    n = len(ds)
    df = pd.DataFrame({"ds": ds})
    df["on"] = df.ds.dt.month % 2 == 0
    df["promo"] = (rng.random(n) < 0.2).astype(float)
    df["price"] = 3 + rng.normal(size=n)
    df["temp"] = 10 * np.sin(np.arange(n) / 20) + rng.normal(size=n)
    df["y"] = np.round(
        (50 + 0.1 * np.arange(n)) * (1 + 0.2 * np.sin(2 * np.pi * np.arange(n) / 7) + 0.01 * df.temp)
        + 8 * df.promo - 2 * df.price + rng.normal(size=n) * 2, 2)
    holidays = pd.DataFrame({
        "ds": pd.to_datetime(["2022-12-25", "2022-11-20", "2023-01-01", "2023-04-09", "2023-06-01", "2023-04-15 13:00"], format="mixed"),
        "holiday": ["xmas", "big sale", "new year", "easter", "future only", "big sale"],
        "lower_window": [-2, 0, 0, -1, 0, 0],
        "upper_window": [1, 0, 0, 1, 0, 2],
        "prior_scale": [5.0, 10.0, 10.0, 3.0, 10.0, 10.0]})
    m = Prophet(seasonality_mode="multiplicative", holidays_mode="additive", holidays=holidays,
                yearly_seasonality=2, n_changepoints=10)
    m.add_seasonality("monthly", 30.5, 2, prior_scale=0.5, mode="additive", condition_name="on")
    m.add_regressor("promo", mode="additive")
    m.add_regressor("price", prior_scale=2.0, mode="additive")
    m.add_regressor("temp")
    return m, df.iloc[:-25].sample(frac=1, random_state=1), df.iloc[-25:]


def logistic():
    ds = pd.date_range("2023-01-31", periods=110, freq="W")
    n = len(ds)
    df = pd.DataFrame({"ds": ds})
    df["floor"] = 5 + np.arange(n) * 0.01
    df["cap"] = 100 + np.arange(n) * 0.1
    df["y"] = df.floor + (df.cap - df.floor) / (1 + np.exp(-(np.arange(n) - 40) / 15)) + rng.normal(size=n)
    m = Prophet(growth="logistic", changepoint_prior_scale=0.2, changepoints=["2023-06-04", "2023-12-03"], yearly_seasonality=3)
    return m, df.iloc[:-20], df.iloc[-20:]


def minmax_flat():
    ds = pd.date_range("2024-02-27 06:30", periods=150, freq="h")
    n = len(ds)
    df = pd.DataFrame({"ds": ds})
    df["y"] = 1000 + 30 * np.sin(2 * np.pi * np.arange(n) / 24) + rng.normal(size=n) * 5
    df.loc[[3, 77], "y"] = np.nan
    return Prophet(growth="flat", scaling="minmax"), df.iloc[:-30], df.iloc[-30:]


def minmax_logistic():
    ds = pd.date_range("2024-02-27", periods=60)
    df = pd.DataFrame({"ds": ds})
    df["floor"], df["cap"] = 2.0, 30.0
    df["y"] = 2 + 28 / (1 + np.exp(-(np.arange(60) - 30) / 10)) + rng.normal(size=60)
    return Prophet(growth="logistic", scaling="minmax", n_changepoints=0), df.iloc[:-10], df.iloc[-10:]


def plain():
    ds = pd.date_range("2024-02-29", periods=40, freq="MS")
    df = pd.DataFrame({"ds": ds, "y": 100 - np.arange(40) * 0.5 + rng.normal(size=40)})
    return Prophet(scaling="minmax", yearly_seasonality=False), df.iloc[:-6], df.iloc[-6:]


def one(make):
    m, past, future = make()
    m.fit(past, algorithm="Newton")
    fc = m.predict(future)
    columns = [c for c in fc if c != "ds" and not c.endswith(("_lower", "_upper"))]
    extra = ["cap", "floor", "on", "promo", "price", "temp"]
    return {
        "past": table(past, ["ds", "y", *extra]),
        "future": table(future, ["ds", *extra]),
        "params": {k: np.ravel(m.params[k]).tolist() for k in ("k", "m", "delta", "beta", "sigma_obs")},
        "y_scale": m.y_scale, "y_min": float(m.y_min),
        "start": m.start.isoformat(), "t_scale": m.t_scale.total_seconds(),
        "logistic_floor": m.logistic_floor,
        "changepoints_t": np.ravel(m.changepoints_t).tolist(),
        "seasonalities": list(m.seasonalities),
        "component_names": list(m.train_component_cols.columns),
        "component_table": m.train_component_cols.values.tolist(),
        "component_modes": m.component_modes,
        "train_holiday_names": None if m.train_holiday_names is None else list(m.train_holiday_names),
        "regressors": {k: [v["mu"], v["std"]] for k, v in m.extra_regressors.items()},
        "coefficients": regressor_coefficients(m)[["coef"]].values.ravel().tolist() if m.extra_regressors else [],
        "forecast": {c: fc[c].tolist() for c in columns},
    }


def clean(x):
    if isinstance(x, dict):
        return {k: clean(v) for k, v in x.items()}
    if isinstance(x, list):
        return [clean(v) for v in x]
    return None if isinstance(x, float) and np.isnan(x) else x


print(json.dumps(clean({f.__name__: one(f) for f in (mixed, logistic, minmax_flat, minmax_logistic, plain)})))
