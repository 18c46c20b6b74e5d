"""Times statsforecast's AutoETS and this package on the same series, in turn.

    python race.py    (in this folder; needs statsforecast and go)

Eight series of 1,096 periods with a season of 7 (battery in reference.py), one
thread each, the best of three rounds; statsforecast is compiled and warmed.
AZZ are the six forms with additive errors, which is what Auto chooses from;
ZZZ is AutoETS as it comes, with multiplicative ones.
"""

import os
import re
import subprocess
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NIXTLA_NUMBA_RELEASE_GIL"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
from reference import battery  # noqa: E402
from statsforecast.models import AutoETS  # noqa: E402

SEEDS = [0, 1, 2, 3, 8, 9, 10, 11]


def theirs(series, model):
    start = time.perf_counter()
    for y in series:
        AutoETS(season_length=7, model=model).fit(y)
    return (time.perf_counter() - start) / len(series) * 1e3


def ours(name):
    out = subprocess.run(
        ["go", "test", "-run", "^$", "-bench", f"^BenchmarkAuto1096$/^{name}$", "-benchtime", "1s", "-cpu", "1", "."],
        cwd="..", check=True, capture_output=True, text=True,
    ).stdout
    return float(re.search(rf"BenchmarkAuto1096/{name}\s+\d+\s+(\d+) ns/op", out)[1]) / 1e6


def main():
    series = [np.array(battery(k, 1096)[0]) for k in SEEDS]
    theirs(series[:1], "ZZZ")
    best = {}
    for _ in range(3):
        for name, run in {
            "statsforecast AZZ": lambda: theirs(series, "AZZ"),
            "statsforecast ZZZ": lambda: theirs(series, "ZZZ"),
            "Auto": lambda: ours("pruned"),
            "Auto, exhaustive": lambda: ours("exhaustive"),
        }.items():
            best[name] = min(best.get(name, 1e9), run())
    for name, ms in best.items():
        print(f"{name:20} {ms:9.3f} ms a series  {best['statsforecast AZZ'] / ms:8.1f} x")


if __name__ == "__main__":
    main()
