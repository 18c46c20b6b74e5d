"""Writes reference.json: what statsforecast and R's forecast find for the battery.

    pip install statsforecast; apt-get install r-cran-forecast
    python reference.py > reference.json

battery() makes the series from seeds with additions and multiplications alone,
so that battery_test.go makes the same ones. The numbers per form are
−n/2·log(sum of squared innovations), as both peers report it; "usual" tells
whether the parameters of statsforecast lie in the region β ≤ α, γ ≤ 1−α that
it documents (its search does not check). The first WITH_STATES series carry
parameters, initial states and forecasts as well: those of R for all forms, and
of statsforecast for the forms that are not damped (2.1.1 sums the slope of a
damped trend as φ + φ + φ² + … where φ + φ² + φ³ + … is meant).
"""

import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version

import numpy as np
from statsforecast.ets import ets_f, forecast_ets

FORMS = ["ANN", "AAN", "AAdN", "ANA", "AAA", "AAdA"]
SERIES, WITH_STATES, H = 120, 10, 14


class Random:
    """Knuth's 64-bit congruential generator; its upper 53 bits."""

    def __init__(self, seed):
        self.x = seed * 0x9E3779B97F4A7C15 % 2**64
        for _ in range(4):
            self.uniform()

    def uniform(self):
        self.x = (self.x * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.x >> 11) / 2.0**53

    def normal(self):  # Irwin–Hall
        s = 0.0
        for _ in range(12):
            s += self.uniform()
        return s - 6.0


def battery(seed, n=0):
    """The series and season length of a seed: states as in an AAdA model, counts where seed % 4 == 3.

    n = 0 takes a length from 40 to 370.
    """
    r = Random(seed + 1)
    m = (7, 7, 12, 4)[seed // 2 % 4]
    n = n or 40 + seed % 12 * 30
    alpha, gamma = r.uniform() * r.uniform(), 0.4 * r.uniform() * r.uniform()
    beta, phi = 0.2 * alpha * r.uniform() * (seed % 3), 0.8 + 0.2 * r.uniform()
    level, slope, sigma = 60.0, 0.3 * r.normal(), 1.0 + 4.0 * r.uniform()
    if seed % 4 == 3:
        level, slope, sigma = 1.0 + 2.0 * r.uniform(), 0.0, 1.0
    season = [0.1 * level * r.normal() * (seed % 5 > 0) for _ in range(m)]
    y = []
    for t in range(n):
        e = sigma * r.normal()
        level, slope = level + phi * slope, phi * slope
        v = level + season[t % m] + e
        level, slope = level + alpha * e, slope + beta * e
        season[t % m] += gamma * e
        if seed % 4 == 3:
            v = float(int(v)) if v > 0 else 0.0
        y.append(float(np.floor(v * 1000.0 + 0.5)) / 1000.0)
    return y, m


R = """
suppressMessages(library(forecast))
for (i in 0:(%d-1)) {
  d <- scan(sprintf("%%s/%%d.csv", "%s", i), quiet=TRUE)
  y <- ts(d[-1], frequency=d[1])
  row <- c(); seen <- c()
  for (f in c("ANN", "AAN", "AAdN", "ANA", "AAA", "AAdA")) {
    damped <- nchar(f) == 4
    model <- if (damped) paste0(substr(f, 1, 2), substr(f, 4, 4)) else f
    fit <- ets(y, model=model, damped=damped, lambda=NULL)
    row <- c(row, sprintf("%%.7f", fit$loglik))
    if (i < %d) {
      num <- function(v) paste0("[", paste(sprintf("%%.17g", v), collapse=","), "]")
      par <- sapply(c("alpha", "beta", "gamma", "phi"), function(p) if (p %%in%% names(fit$par)) fit$par[[p]] else 0)
      mean <- forecast(fit, h=%d, PI=FALSE)$mean
      seen <- c(seen, sprintf('{"series":%%d,"form":"%%s","par":%%s,"initial":%%s,"mean":%%s}', i, f, num(par), num(fit$initstate), num(mean)))
    }
  }
  cat("[[", paste(row, collapse=","), "],[", paste(seen, collapse=","), "]]\\n", sep="")
}
cat('"R ', R.version$major, '.', R.version$minor, ', forecast ', as.character(packageVersion("forecast")), '"\\n', sep="")
"""


def main():
    series = [battery(k) for k in range(SERIES)]
    loglik, usual, states = [], [], []
    for k, (y, m) in enumerate(series):
        row, inside = [], []
        for form in FORMS:
            fit = ets_f(np.array(y), m=m, model=form.replace("d", ""), damped="d" in form)
            row.append(round(fit["loglik"], 7))
            par = [0.0 if np.isnan(v) else float(v) for v in fit["par"][:4]]
            inside.append(int(par[1] <= par[0] and par[2] <= 1 - par[0]))
            if k < WITH_STATES and "d" not in form:
                states.append({
                    "series": k, "form": form, "par": par, "initial": [float(v) for v in fit["par"][4:]],
                    "mean": [float(v) for v in forecast_ets(fit, H)["mean"]],
                })
        loglik.append(row)
        usual.append(inside)
    with tempfile.TemporaryDirectory() as tmp:
        for k, (y, m) in enumerate(series):
            with open(os.path.join(tmp, f"{k}.csv"), "w") as f:
                f.write(" ".join(str(v) for v in [m, *y]))
        out = subprocess.run(["Rscript", "-e", R % (SERIES, tmp, WITH_STATES, H)], check=True, capture_output=True, text=True).stdout
    lines = out.strip().split("\n")
    r = [json.loads(v) for v in lines[:-1]]
    json.dump({
        "made_by": {p: version(p) for p in ("statsforecast", "numpy")} | {"r": json.loads(lines[-1])},
        "first": [series[k][0][:3] for k in range(WITH_STATES)],
        "statsforecast": loglik,
        "usual": usual,
        "r": [v[0] for v in r],
        "states": states + [w for v in r for w in v[1]],
    }, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
