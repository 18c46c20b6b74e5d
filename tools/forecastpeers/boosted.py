"""A global LightGBM: one model of the mean and ten of the quantiles for all series, steps
and phases of a set, direct (the step is a feature, no forecast is fed back).

Training rows are pairs of an origin and a step whose target lies at or before the real
origin, and every feature of a row is known at that row's origin, so nothing leaks.
Demand is divided by the mean absolute difference of the series' own history.
"""
import numpy as np

from local import P

MAX_ROWS = 120_000
THREADS = 1
PERIODS = {7: 730, 52: 260, 12: 60}  # of history that targets are drawn from
WINDOWS = {7: (7, 28, 91, 364), 52: (4, 13, 52), 12: (3, 6, 12)}
YEAR = {7: 364, 52: 52, 12: 12}
COMMON = dict(learning_rate=0.05, num_leaves=31, min_child_samples=40, subsample=0.8, subsample_freq=1,
              colsample_bytree=0.8, n_jobs=THREADS, random_state=1, verbosity=-1, deterministic=True,
              force_row_wise=True)


class Features:
    """One series, prepared for many lookups; o is the index of an origin, t of a target."""

    def __init__(self, s):
        self.s = s
        d = np.abs(np.diff(s.y[np.isfinite(s.y)]))
        self.scale = d.mean() if len(d) and d.mean() > 0 else max(1.0, np.nanmax(s.y, initial=1.0))
        self.y = s.y / self.scale
        ok = np.isfinite(self.y)
        v = np.where(ok, self.y, 0.0)
        self.n = np.concatenate([[0], np.cumsum(ok)])
        self.sum = np.concatenate([[0], np.cumsum(v)])
        self.square = np.concatenate([[0], np.cumsum(v * v)])
        self.sold = np.concatenate([[0], np.cumsum(v > 0)])
        self.known = {k: v.astype(float) for k, v in s.known.items()}

    def at(self, i):
        return np.where(i >= 0, self.y[np.maximum(i, 0)], np.nan)

    def window(self, total, end, w):
        a, b = np.maximum(end + 1 - w, 0), np.maximum(end + 1, 0)
        n = (self.n[b] - self.n[a]).astype(float)
        return np.divide(total[b] - total[a], n, out=np.full(len(end), np.nan), where=n > 0)

    def rows(self, o, t):
        s, m = self.s, self.s.season
        h = t - o
        dates = s.calendar[t]
        x = [h, dates[:, 0], dates[:, 1], dates[:, 2]]
        for w in WINDOWS[m]:
            x.append(self.window(self.sum, o, w))
        w = WINDOWS[m][1]
        mean = x[4 + 1]
        x.append(np.sqrt(np.maximum(self.window(self.square, o, w) - mean * mean, 0)))
        x.append(self.window(self.sold, o, w))
        x.append(self.window(self.sold, o, WINDOWS[m][-1]))
        for k in range(4):
            x.append(self.at(o - k))
        back = -(-h // m) * m  # the latest same phase that is known at the origin
        same = np.column_stack([self.at(t - back - k * m) for k in range(8 if m == 7 else 3)])
        x.extend(same[:, k] for k in range(min(3, same.shape[1])))
        x.append(nanmean(same))
        year = YEAR[m]
        year_back = -(-h // year) * year
        reach = {7: 7, 52: 2, 12: 0}[m]
        around = np.column_stack([self.at(np.minimum(t - year_back + k, o)) for k in range(-reach, reach + 1)])
        x.append(nanmean(around))
        x.append(np.log(np.maximum(self.window(self.sum, o, WINDOWS[m][-1]) * self.scale, 1e-3)))
        x.append(o.astype(float))
        promo = self.known.get("promo")
        if promo is not None:
            past = np.column_stack([promo[np.maximum(t - back - k * m, 0)] for k in range(same.shape[1])])
            x.append(nanmean(np.where(past == promo[t][:, None], same, np.nan)))
        for name, v in sorted(self.known.items()):
            if name == "price":
                x.append(v[t] / v[o])
                x.append(v[t] / np.nanmean(v[:s.n]) if np.isfinite(v[:s.n]).any() else np.full(len(t), np.nan))
            else:
                x.append(v[t])
                for k in (-1, 1):
                    x.append(v[np.clip(t + k, 0, len(v) - 1)])
        return np.column_stack([np.asarray(c, np.float32) for c in x])


def nanmean(a):
    n = np.isfinite(a).sum(axis=1)
    return np.divide(np.nansum(a, axis=1), n, out=np.full(len(a), np.nan), where=n > 0)


def forecast(all_series):
    """Learns from all series and returns {key: (mean, quantiles)} for those to be scored."""
    import lightgbm
    rng = np.random.default_rng(1)
    features = [Features(s) for s in all_series]
    per = max(20, MAX_ROWS // len(features))
    xs, ys = [], []
    for f in features:
        s = f.s
        usable = np.flatnonzero(np.isfinite(f.y))
        usable = usable[(usable > s.season) & (usable >= s.n - PERIODS[s.season])]
        if len(usable) == 0:
            continue
        t = rng.choice(usable, size=per)
        o = t - rng.integers(1, s.h + 1, size=per)
        t, o = t[o >= 1], o[o >= 1]
        if len(t):
            xs.append(f.rows(o, t))
            ys.append(f.y[t])
    if not xs:
        return {}
    width = max(x.shape[1] for x in xs)
    keep = [i for i, x in enumerate(xs) if x.shape[1] == width]
    x, y = np.concatenate([xs[i] for i in keep]), np.concatenate([ys[i] for i in keep])
    mean = lightgbm.LGBMRegressor(n_estimators=200, objective="l2", **COMMON).fit(x, y)
    quant = [lightgbm.LGBMRegressor(n_estimators=150, objective="quantile", alpha=p, **COMMON).fit(x, y) for p in P]
    out = {}
    for f in features:
        s = f.s
        if not s.score:
            continue
        t = np.arange(s.n, s.n + s.h)
        rows = f.rows(np.full(s.h, s.n - 1), t)
        if rows.shape[1] != width:
            continue
        q = np.column_stack([m.predict(rows) for m in quant])
        out[s.key] = (mean.predict(rows) * f.scale, np.sort(q, axis=1) * f.scale)
    return out
