"""Runs the job on many storage folders in one session, for tests.

    many.py CASES.json

CASES.json lists {"dir", "etl_id", "drop", "buckets"}; a line of JSON says what came of each:
{"dir": …} or, for a refusal, {"dir": …, "reason": …, "message": …}.
"""

import json
import pathlib
import sys
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from skucast_etl.__main__ import session  # noqa: E402
from skucast_etl.job import Job  # noqa: E402
from skucast_etl.refusal import Refusal  # noqa: E402


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        cases = json.load(f)
    spark = session()
    for c in cases:
        out = {"dir": c["dir"]}
        try:
            Job(spark, c["dir"], c["etl_id"], c["drop"], lambda *_: None, c["buckets"]).run()
        except Refusal as r:
            out |= {"reason": r.reason, "message": r.message}
        except Exception:
            out |= {"reason": "crash", "message": traceback.format_exc()}
        print(json.dumps(out), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
