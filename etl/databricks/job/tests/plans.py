"""Runs the job on one storage folder and prints what it asks of Spark, for tests.

    plans.py CASE.json

CASE.json is a case of many.py. A line of JSON says, for everything that is written or comes
to the driver, what it is, its physical plan and how many rows came:
{"what": "write" | "collect" | "first" | "iterate", "plan": …, "rows": …}.
"""

import contextlib
import io
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from pyspark.sql.classic.dataframe import DataFrame  # noqa: E402

from skucast_etl import transform  # noqa: E402
from skucast_etl.__main__ import session  # noqa: E402
from skucast_etl.job import Job  # noqa: E402

transform.REJECTS_A_PART = 100  # many parts of a small file


def tell(what, frame, rows):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        frame.explain()
    print(json.dumps({"what": what, "plan": text.getvalue(), "rows": rows}), flush=True)


def watch():
    write, collect, first, iterate = DataFrame.write.fget, DataFrame.collect, DataFrame.first, DataFrame.toLocalIterator

    def on_write(frame):
        tell("write", frame, 0)
        return write(frame)

    def on_collect(frame):
        rows = collect(frame)
        tell("collect", frame, len(rows))
        return rows

    def on_first(frame):
        tell("first", frame, 1)
        return first(frame)

    def on_iterate(frame, *args):
        sizes = frame.rdd.glom().map(len).collect()
        tell("iterate", frame, max(sizes, default=0))
        return iterate(frame, *args)

    DataFrame.write, DataFrame.collect, DataFrame.first, DataFrame.toLocalIterator = property(on_write), on_collect, on_first, on_iterate


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        c = json.load(f)
    spark = session()
    watch()
    Job(spark, c["dir"], c["etl_id"], c["drop"], lambda *_: None, c["buckets"]).run()
    spark.stop()


if __name__ == "__main__":
    main()
