"""The live side of peers_test.go: the Python package at work.

    python peers.py predict < requests    loads models and predicts
    python peers.py fit < requests        fits models and reports lp__
    python peers.py old                   predictions of the package's own old files
"""

import json
import logging
import pathlib
import sys

logging.disable(logging.INFO)

import numpy as np
import pandas as pd
import prophet
from prophet import Prophet
from prophet.serialize import model_from_json, model_to_json


def frame(columns):
    out = pd.DataFrame({k: v for k, v in columns.items() if v is not None})
    out["ds"] = pd.to_datetime(out["ds"])
    return out


def predict(requests):
    for r in requests:
        m = model_from_json(r["model"])
        m.uncertainty_samples = 0
        out = m.predict(frame(r["future"]))
        again = model_from_json(model_to_json(m))
        same = np.array_equal(again.predict(frame(r["future"]))["yhat"], out["yhat"])
        made = [str(t) for t in m.make_future_dataframe(2)["ds"].tail(2)]
        yield dict(name=r["name"], yhat=out["yhat"].tolist(), trend=out["trend"].tolist(), again=bool(same), next=made)


def fit(requests):
    for r in requests:
        m = Prophet(uncertainty_samples=0, **r["options"])
        m.fit(frame(r["history"]), sig_figs=17, **r.get("fit", {}))
        yield dict(name=r["name"], lp=float(m.params["lp__"][0][0]), yhat=m.predict(m.history[["ds"]])["yhat"].tolist())


def old():
    for path in sorted((pathlib.Path(prophet.__file__).parent / "tests").glob("serialized_model_*.json")):
        text = path.read_text()
        inner = json.loads(text)
        m = model_from_json(inner if isinstance(inner, str) else text)
        m.uncertainty_samples = 0
        future = m.make_future_dataframe(10)
        yield dict(name=path.name, model=text, ds=[t.strftime("%Y-%m-%d") for t in future["ds"]], yhat=m.predict(future)["yhat"].tolist())


def main():
    if sys.argv[1] == "old":
        out = list(old())
    else:
        out = list({"predict": predict, "fit": fit}[sys.argv[1]](json.load(sys.stdin)))
    json.dump(out, sys.stdout)


main()
