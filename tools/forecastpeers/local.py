"""Models of one series at a time: statsforecast's and Prophet.

Every function takes a Series and returns (mean, quantiles): arrays of H and H x 10. Their
documented defaults are used throughout; where a choice had to be made it is said.
"""
import logging
import warnings

import numpy as np
import pandas as pd
from statsforecast import models as sf
from statsforecast.utils import ConformalIntervals

P = [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99]
LEVELS = [50, 80, 90, 95, 98]

warnings.filterwarnings("ignore")
logging.getLogger("cmdstanpy").disabled = True
logging.getLogger("prophet").disabled = True


def filled(y, season):
    """y without gaps, which these models do not accept: a missing period repeats the one a
    season earlier; a phase that was never seen before (a closed weekday) is 0."""
    out = y.copy()
    for i in np.flatnonzero(np.isnan(out)):
        out[i] = out[i - season] if i >= season else 0.0
    return out


def quantiles(r):
    """The ten quantiles from the symmetric levels of statsforecast."""
    mean = np.asarray(r["mean"], float)
    q = [r["lo-95"], r["lo-90"], r["lo-80"], r["lo-50"], mean,
         r["hi-50"], r["hi-80"], r["hi-90"], r["hi-95"], r["hi-98"]]
    return mean, np.column_stack([np.asarray(x, float) for x in q])


def native(make):
    def run(s):
        y = filled(s.y, s.season)
        return quantiles(make(s, len(y)).forecast(y=y, h=s.h, level=LEVELS))
    return run


def conformal(make):
    """Intermittent models have no intervals of their own: statsforecast's conformal ones,
    over as many of ten windows of one horizon as the history allows. Where it allows no two,
    there is the point forecast only."""
    def run(s):
        y = filled(s.y, s.season)
        windows = min(10, (len(y) - 8) // s.h)
        if windows < 2:
            mean = np.asarray(make(None).forecast(y=y, h=s.h)["mean"], float)
            return mean, np.repeat(mean[:, None], len(P), axis=1)
        m = make(ConformalIntervals(n_windows=windows, h=s.h))
        return quantiles(m.forecast(y=y, h=s.h, level=LEVELS))
    return run


def seasonal(s, n):
    return s.season if n > 2 * s.season else 1


def mstl(s, n):
    """Weekly and yearly season where two years are there, else the shorter alone."""
    seasons = [m for m in ([7, 365] if s.season == 7 else [s.season]) if n >= 2 * m + 1]
    if not seasons:
        raise ValueError("too short for a season")
    return sf.MSTL(season_length=seasons, trend_forecaster=sf.AutoETS(model="ZZN"))


def prophet(s):
    """Defaults, every known input as a regressor; missing periods are left out; quantiles
    of its own 1,000 draws with a fixed seed."""
    from prophet import Prophet
    past = pd.DataFrame({"ds": s.dates[:s.n], "y": s.y})
    ahead = pd.DataFrame({"ds": s.dates[s.n:]})
    m = Prophet()
    for name, v in s.known.items():
        v = pd.Series(v).ffill().bfill().to_numpy()
        if not np.isfinite(v).all() or np.ptp(v[:s.n]) == 0:
            continue
        past[name], ahead[name] = v[:s.n], v[s.n:]
        m.add_regressor(name)
    past = past[np.isfinite(past["y"])]
    m.fit(past, seed=1)
    np.random.seed(1)
    draws = m.predictive_samples(ahead)["yhat"]
    m.uncertainty_samples = 0  # the mean needs no draws
    return m.predict(ahead)["yhat"].to_numpy(), np.quantile(draws, P, axis=1).T


MODELS = {
    "seasonal_naive": native(lambda s, n: sf.SeasonalNaive(s.season)),
    "croston_sba": conformal(lambda c: sf.CrostonSBA(prediction_intervals=c)),
    "tsb": conformal(lambda c: sf.TSB(alpha_d=0.1, alpha_p=0.1, prediction_intervals=c)),
    "imapa": conformal(lambda c: sf.IMAPA(prediction_intervals=c)),
    "dot": native(lambda s, n: sf.DynamicOptimizedTheta(season_length=seasonal(s, n))),
    "mstl_ets": native(mstl),
    "auto_ets": native(lambda s, n: sf.AutoETS(season_length=seasonal(s, n))),
    "prophet": prophet,
}
