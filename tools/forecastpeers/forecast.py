"""Forecasts of peers for bench/accuracy, cached.

    forecast.py SERIES OUT [--peers a,b] [--sets a,b]

SERIES is what `accuracy -export` wrote: <set>/<origin>/series.csv. For every one of them
and every peer this writes OUT/<set>/<origin>/<peer>.csv (sku, store, step, mean, ten
quantiles; negative values 0, quantiles sorted) and <peer>.json beside it, which holds the
hash of the input, the versions and the CPU time. What is there with the same hash and
versions is not made again. Series on which a peer fails get the seasonal naive forecast
and are counted.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import hashlib
import importlib.metadata
import json
import pathlib
import platform
import resource
import sys
import time

import numpy as np
import pandas as pd

import boosted
import local

REVISIONS = {"croston_sba": 2, "tsb": 2, "imapa": 2}  # raised (from 1) when a forecast of the same input would change
INTERMITTENT = {"m5_sample", "iowa_store_item", "online_retail_demo", "carparts_monthly"}
ORDER = ["seasonal_naive", "croston_sba", "tsb", "imapa", "dot", "lightgbm", "mstl_ets", "auto_ets", "ets_theta", "prophet"]
SETS = ["online_retail_demo", "carparts_monthly", "rossmann_120", "rossmann_120_blind", "iowa_statewide_weekly",
        "m5_sample", "iowa_store_item", "store_item_simulated"]
PACKAGES = {"lightgbm": ["lightgbm"], "prophet": ["prophet", "cmdstanpy"]}


class Series:
    """One series: y (NaN is missing) of n periods, then h to be forecast."""

    def __init__(self, key, frame, season):
        self.key, self.season = key, season
        self.score = bool(frame["score"].iloc[0])
        self.h = int((frame["step"] > 0).sum())
        self.n = len(frame) - self.h
        self.dates = frame["date"].to_numpy()
        self.y = frame["value"].to_numpy(float)[:self.n]
        names = ("price", "promo", "state_holiday", "school_holiday")
        self.known = {k: frame[k].to_numpy(float) for k in names if frame[k].notna().any()}
        d = frame["date"].dt
        phase = {7: d.dayofweek, 52: d.isocalendar().week, 12: d.month}[season]
        self.calendar = np.column_stack([phase.to_numpy(float), d.day.to_numpy(float), d.month.to_numpy(float)])


def read(path):
    frame = pd.read_csv(path, dtype={"sku": str, "store": str}, parse_dates=["date"])
    days = frame.loc[frame["step"].isin([0, 1]), ["step", "date"]].drop_duplicates().set_index("step")["date"]
    gap = (days[1] - days[0]).days
    season = 7 if gap == 1 else 52 if gap == 7 else 12
    return [Series(k, g, season) for k, g in frame.groupby(["sku", "store"], sort=True)]


def peers_of(name, season):
    out = list(ORDER)
    if name not in INTERMITTENT:
        out = [p for p in out if p not in ("croston_sba", "tsb", "imapa")]
    if season == 12:
        out.remove("mstl_ets")
    return out


def cpu():
    a, b = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return a.ru_utime + a.ru_stime + b.ru_utime + b.ru_stime


def naive(s):
    """What stands in for a peer that fails: never an error."""
    y = local.filled(s.y, s.season)
    season = s.season if len(y) >= s.season else 1
    last = y[-season:]
    mean = np.array([last[j % season] for j in range(s.h)])
    return mean, np.repeat(mean[:, None], len(local.P), axis=1)


def make(peer, series, folder):
    """Forecasts of one peer: {key: (mean, quantiles)}, CPU seconds, number of failures."""
    scored = [s for s in series if s.score]
    if peer == "ets_theta":
        parts = [load(folder / f"{p}.csv", scored) for p in ("auto_ets", "dot")]
        metas = [json.loads((folder / f"{p}.json").read_text()) for p in ("auto_ets", "dot")]
        out = {s.key: tuple((a + b) / 2 for a, b in zip(parts[0][s.key], parts[1][s.key])) for s in scored}
        return out, sum(m["cpu_seconds"] for m in metas), sum(m["failed"] for m in metas)
    out, failed = {}, 0
    if peer == "lightgbm":
        before = cpu()
        out = boosted.forecast(series)
        took = cpu() - before
    else:
        model = local.MODELS[peer]
        try:
            model(scored[0])  # compile and import before the clock starts
        except Exception:  # counted below
            pass
        before = cpu()
        for s in scored:
            try:
                mean, q = model(s)
                if np.isfinite(mean).all() and np.isfinite(q).all():
                    out[s.key] = (mean, q)
            except Exception as e:  # whatever a library throws at one series
                if failed == 0:
                    print(f"  {peer}: {s.key}: {type(e).__name__}: {e}", file=sys.stderr)
                failed += 1
        took = cpu() - before
    failed = sum(s.key not in out for s in scored)
    for s in scored:
        if s.key not in out:
            out[s.key] = naive(s)
    return out, took, failed


def load(path, scored):
    frame = pd.read_csv(path, dtype={"sku": str, "store": str})
    out = {}
    for k, g in frame.groupby(["sku", "store"], sort=False):
        v = g.to_numpy()[:, 3:].astype(float)
        out[k] = (v[:, 0], v[:, 1:])
    return out


def save(path, out, scored):
    lines = ["sku,store,step,mean," + ",".join(f"q{p}" for p in local.P)]
    for s in scored:
        mean, q = out[s.key]
        mean, q = np.maximum(mean, 0), np.sort(np.maximum(q, 0), axis=1)
        for j in range(s.h):
            lines.append(",".join([*s.key, str(j + 1), *(f"{v:.7g}" for v in (mean[j], *q[j]))]))
    path.write_text("\n".join(lines) + "\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("series", type=pathlib.Path)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("--peers", default="")
    p.add_argument("--sets", default="")
    a = p.parse_args()
    wanted = set(filter(None, a.peers.split(",")))
    only = set(filter(None, a.sets.split(",")))
    for name in [s for s in SETS if (a.series / s).is_dir() and (not only or s in only)]:
        for origin in sorted((a.series / name).iterdir()):
            source = origin / "series.csv"
            digest = hashlib.sha256(source.read_bytes()).hexdigest()
            series = read(source)
            folder = a.out / name / origin.name
            folder.mkdir(parents=True, exist_ok=True)
            for peer in peers_of(name, series[0].season):
                if wanted and peer not in wanted:
                    continue
                versions = {k: importlib.metadata.version(k) for k in PACKAGES.get(peer, ["statsforecast"])}
                note = {"input_sha256": digest, "revision": REVISIONS.get(peer, 1), "versions": versions, "python": platform.python_version()}
                meta = folder / f"{peer}.json"
                if meta.exists():
                    old = json.loads(meta.read_text())
                    if all(old.get(k) == v for k, v in note.items()):
                        continue
                start = time.time()
                out, took, failed = make(peer, series, folder)
                scored = [s for s in series if s.score]
                save(folder / f"{peer}.csv", out, scored)
                meta.write_text(json.dumps(note | {"series": len(scored), "failed": failed, "cpu_seconds": round(took, 3)}) + "\n")
                print(f"{name} {origin.name} {peer}: {1000 * took / len(scored):.1f} CPU ms a series, "
                      f"{failed} of {len(scored)} failed, {time.time() - start:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
