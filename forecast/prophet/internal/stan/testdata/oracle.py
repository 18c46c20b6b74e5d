"""Log posteriors that the real Stan reaches on generated series.

Writes oracle.json: per series the lp__ of CmdStan's L-BFGS from Prophet's
start and from starts a few units in the last place away, of the WebAssembly
build of the same model, and of CmdStan's Newton. The series are those of
synthetic_test.go, number for number.

    pip install prophet==1.5.0                 (CmdStan 2.37.0 inside)
    npm install @bsull/augurs-prophet-wasmstan@0.2.0
    python oracle.py FOLDER_WITH_NODE_MODULES > oracle.json
"""

import importlib.resources
import json
import logging
import math
import pathlib
import subprocess
import sys
import tempfile

import cmdstanpy

logging.getLogger("cmdstanpy").setLevel(logging.CRITICAL)
MASK = (1 << 64) - 1
ULPS = [0, 1, -1, 2, -2]
CASES = 120


class Source:
    """SplitMix64."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53

    def normal(self):
        total = 0.0
        for _ in range(12):
            total += self.uniform()
        return total - 6


def case(number):
    src = Source(1000 + number)
    n = [60, 90, 120, 200, 365, 500, 731, 1100][number % 8]
    growth = [0, 0, 0, 0, 2, 0, 0, 0, 0, 1][number % 10]
    multiplicative = number % 3 == 2
    profile = [src.uniform() - 0.5 for _ in range(7)]
    slope, noise, amplitude = 4 * (src.uniform() - 0.4), 0.3 + src.uniform(), 3 * src.uniform()
    bend, bent = int(n * src.uniform()), 6 * (src.uniform() - 0.5)
    promo = [1.0 if src.uniform() < 0.15 else 0.0 for _ in range(n)]
    y = []
    for i in range(n):
        level = 10 + slope * i / n
        if i > bend:
            level += bent * (i - bend) / n
        wave = abs((i % 364) - 182) / 182.0 - 0.5
        shape = 1 + 0.4 * profile[i % 7] + 0.1 * amplitude * wave + 0.3 * promo[i]
        v = level * shape + noise * src.normal()
        y.append(math.floor(v * 1e4 + 0.5) / 1e4)
    top = max(abs(v) for v in y)
    y = [v / top for v in y]
    t = [i / (n - 1) for i in range(n)]
    hist = math.floor(n * 0.8)
    change = [t[round(j * (hist - 1) / 25)] for j in range(1, 26)]
    columns = []
    for k in range(1, 4):
        columns.append([math.sin(2 * math.pi * k * (17000 + i) / 7) for i in range(n)])
        columns.append([math.cos(2 * math.pi * k * (17000 + i) / 7) for i in range(n)])
    if n >= 731:
        for k in range(1, 11):
            columns.append([math.sin(2 * math.pi * k * (17000 + i) / 365.25) for i in range(n)])
            columns.append([math.cos(2 * math.pi * k * (17000 + i) / 365.25) for i in range(n)])
    columns.append(promo)
    width = len(columns)
    # The promotion is additive in every other multiplicative series: mixed mode.
    s_m = [1.0 if multiplicative else 0.0] * width
    if multiplicative and number % 2 == 0:
        s_m[-1] = 0.0
    cap = [1.2] * n
    data = dict(
        T=n, K=width, S=25, t=t, y=y, cap=cap, t_change=change, X=[list(r) for r in zip(*columns)],
        sigmas=[10.0] * width, tau=0.05, trend_indicator=growth, s_a=[1 - v for v in s_m], s_m=s_m,
    )
    if growth == 2:
        k, m = 0.0, sum(y) / n
    elif growth == 1:
        clamp = [min(max(v, 0.01 * 1.2), 0.99 * 1.2) for v in (y[0], y[-1])]
        r0, r1 = 1.2 / clamp[0], 1.2 / clamp[1]
        if abs(r0 - r1) <= 0.01:
            r0 = 1.05 * r0
        l0, l1 = math.log(r0 - 1), math.log(r1 - 1)
        m = l0 / (l0 - l1)
        k = l0 - l1
    else:
        k = y[-1] - y[0]
        m = y[0]
    init = dict(k=k, m=m, delta=[0.0] * 25, beta=[0.0] * width, sigma_obs=1.0)
    return data, init


def nudge(value, ulps):
    for _ in range(abs(ulps)):
        value = math.nextafter(value, math.inf if ulps > 0 else -math.inf)
    return value


def cmdstan(model, data, init, algorithm):
    try:
        fit = model.optimize(data=data, inits=init, algorithm=algorithm, iter=10000, sig_figs=17)
    except RuntimeError:
        return None
    return fit.optimized_params_dict["lp__"]


def log_posterior(data, p):
    """The same formula as posterior.LogPosterior, for the build that reports no lp__."""
    trend = p["trend"]
    rss = 0.0
    for i, row in enumerate(data["X"]):
        factor, added = 1.0, 0.0
        for x, b, a, m in zip(row, p["beta"], data["s_a"], data["s_m"]):
            factor += x * b * m
            added += x * b * a
        rss += (data["y"][i] - trend[i] * factor - added) ** 2
    s = p["sigmaObs"]
    return -(
        data["T"] * math.log(s) + rss / (2 * s * s) + 2 * s * s + (p["k"] ** 2 + p["m"] ** 2) / 50
        + sum(abs(v) for v in p["delta"]) / data["tau"] + sum(b * b for b in p["beta"]) / 200
    )


def webassembly(folder, cases):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([dict(data=d, init=i) for d, i in cases], file)
        file.flush()
        script = pathlib.Path(__file__).with_name("wasm.mjs")
        out = subprocess.run(["node", str(script), folder, file.name], check=True, capture_output=True, text=True).stdout
    return [log_posterior(d, p) if p else None for (d, _), p in zip(cases, json.loads(out))]


def main():
    base = importlib.resources.files("prophet") / "stan_model"
    cmdstanpy.set_cmdstan_path(str(base / "cmdstan-2.37.0"))
    model = cmdstanpy.CmdStanModel(exe_file=str(base / "prophet_model.bin"))
    cases = [case(i) for i in range(CASES)]
    wasm = webassembly(sys.argv[1], cases)
    rows = []
    for number, (data, init) in enumerate(cases):
        row = dict(case=number, lbfgs=[], wasm=wasm[number])
        for ulps in ULPS:
            moved = dict(init, k=nudge(init["k"], ulps), m=nudge(init["m"], -ulps))
            row["lbfgs"].append(cmdstan(model, data, moved, "LBFGS"))
        row["newton"] = cmdstan(model, data, init, "Newton") if number % 5 == 0 or data["T"] < 100 else None
        rows.append(row)
        print(number, row, file=sys.stderr)
    print("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]")


main()
