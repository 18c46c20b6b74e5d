"""Seconds per series of the Python libraries, for bench/forecast.

    speed.py FOLDER > peers.json

FOLDER holds 1096.csv and 1913.csv, a line of daily values a series. One thread, compiled and
warmed up; the fastest of three rounds, fit and forecast of 28 days.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import json
import logging
import sys
import time

import numpy as np
import pandas as pd
from prophet import Prophet
from statsforecast.models import AutoETS, DynamicOptimizedTheta

H = 28
logging.getLogger("cmdstanpy").disabled = True
logging.getLogger("prophet").disabled = True


def read(folder, n):
    return [np.array(line.split(","), float) for line in open(os.path.join(folder, f"{n}.csv"), encoding="utf-8")]


def best(series, one):
    one(series[0])  # compiles
    rounds = []
    for _ in range(3):
        start = time.perf_counter()
        for y in series:
            one(y)
        rounds.append((time.perf_counter() - start) / len(series))
    return min(rounds)


def prophet(y):
    past = pd.DataFrame({"ds": pd.date_range("2020-01-01", periods=len(y)), "y": y})
    m = Prophet(uncertainty_samples=0)
    m.fit(past)
    m.predict(pd.DataFrame({"ds": pd.date_range("2020-01-01", periods=len(y) + H)[-H:]}))


def main():
    years, m5 = read(sys.argv[1], 1096), read(sys.argv[1], 1913)
    json.dump(
        {
            "statsforecast AutoETS": best(years[:10], lambda y: AutoETS(season_length=7).forecast(y=y, h=H)),
            "statsforecast DynamicOptimizedTheta": best(years[:10], lambda y: DynamicOptimizedTheta(season_length=7).forecast(y=y, h=H)),
            "Prophet": best(m5[:10], prophet),
        },
        sys.stdout,
    )
    print()


if __name__ == "__main__":
    main()
