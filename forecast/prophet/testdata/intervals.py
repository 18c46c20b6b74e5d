"""Intervals that the Python package draws for the models of golden.json.

    pip install prophet==1.5.0
    python intervals.py > intervals.json

Each number is the mean over 25 batches of 4,000 draws, beside its standard
error. The sums are those of the rows after the history.
"""

import json
import logging
import pathlib

logging.disable(logging.INFO)

import numpy as np
import pandas as pd
from prophet.serialize import model_from_json

PROBABILITIES = [0.025, 0.1, 0.5, 0.9, 0.95]
BATCHES, DRAWS = 25, 4000


def stats(batches):
    v = np.array(batches)
    return dict(
        mean=[float(f"{x:.9g}") for x in v.mean(axis=0)],
        error=[float(f"{x:.3g}") for x in v.std(axis=0, ddof=1) / np.sqrt(len(v))],
    )


def main():
    entries = json.loads(pathlib.Path(__file__).with_name("golden.json").read_text())
    out = []
    for e in entries:
        if e["name"] not in ("additive", "multiplicative", "mixed", "flat", "logistic", "hours"):
            continue
        m = model_from_json(e["model"])
        m.uncertainty_samples = DRAWS
        future = pd.DataFrame(e["future"])
        future["ds"] = pd.to_datetime(e["ds"])
        ahead = (future["ds"] > m.history["ds"].max()).values
        found = {"lower": [], "upper": [], "trend_lower": [], "trend_upper": [], "sum": [], "poisson_sum": []}
        np.random.seed(len(out))
        for _ in range(BATCHES):
            draws = m.predictive_samples(future)
            for key, name in (("yhat", ""), ("trend", "trend_")):
                found[name + "lower"].append(np.percentile(draws[key], 10, axis=1))
                found[name + "upper"].append(np.percentile(draws[key], 90, axis=1))
            found["sum"].append(np.percentile(draws["yhat"][ahead].sum(axis=0), [100 * p for p in PROBABILITIES]))
        m.uncertainty_samples = 400
        for _ in range(BATCHES):
            draws = m.predictive_samples(future, vectorized=False)
            found["poisson_sum"].append(np.percentile(draws["yhat"][ahead].sum(axis=0), [100 * p for p in PROBABILITIES]))
        out.append(dict(name=e["name"], probabilities=PROBABILITIES, **{k: stats(v) for k, v in found.items()}))
    print("[\n" + ",\n".join(json.dumps(e) for e in out) + "\n]")


main()
