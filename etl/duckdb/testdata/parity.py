"""Runs the shared SQL on Spark and compares every value with what DuckDB made of it.

    python parity.py SQL_FOLDER CASE_FOLDER...

A case folder holds lines.txt (numbered lines as staged), params.json (the parameters of the
statements and the evidence that DuckDB found), periods.csv and DuckDB's results as Parquet.
Prints one line per case; the exit code is the number of cases that differ.
"""

import json
import math
import os
import re
import string
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def text(folder, name):
    with open(os.path.join(folder, name + ".sql"), encoding="utf-8") as f:
        return "".join(line for line in f if not line.startswith("--"))


class Statement(string.Template):
    """${name} only: a lone $ is the end of a regular expression."""

    pattern = r"(?:\$\{(?P<braced>[a-z_]+)\})|(?P<escaped>(?!))|(?P<named>(?!))|(?P<invalid>(?!))"


def statement(folder, name, params):
    return Statement(text(folder, name)).substitute(params).strip()


def rows(frame, by):
    """The rows of a frame as plain values, in the order of the columns named."""
    names = [n for n in by + sorted(c for c in frame.columns if c not in by)]
    out = []
    for row in frame.select(*names).collect():
        out.append(tuple(plain(v) for v in row))
    return names, sorted(out, key=lambda r: [("" if v is None else str(v)) for v in r])


def plain(v):
    if v is None or isinstance(v, (bool, int, str)):
        return v
    if isinstance(v, float):
        return None if math.isnan(v) else v
    if hasattr(v, "isoformat"):
        return v.isoformat()
    if hasattr(v, "is_finite"):  # Decimal
        return format(v.normalize(), "f")
    return str(v)


def compare(spark, case, name, frame, by):
    theirs = spark.read.parquet(os.path.join(case, name + ".parquet"))
    if sorted(theirs.columns) != sorted(frame.columns):
        return [f"{name}: columns {sorted(frame.columns)}, DuckDB has {sorted(theirs.columns)}"]
    names, ours = rows(frame, by)
    _, want = rows(theirs, by)
    wrong = [f"{name}: {len(ours)} rows, DuckDB has {len(want)}"] if len(ours) != len(want) else []
    for a, b in zip(ours, want):
        if a != b:
            diff = {n: (x, y) for n, x, y in zip(names, a, b) if x != y}
            wrong.append(f"{name}: {dict(zip(names, a))}: (Spark, DuckDB) {diff}")
    return wrong


def run(spark, sql, case):
    with open(os.path.join(case, "params.json"), encoding="utf-8") as f:
        given = json.load(f)
    params, wrong = given["sql"], []
    staged = spark.read.option("lineSep", "\n").text(os.path.join(case, "lines.txt"))
    staged.select(
        F.substring_index("value", "\x1f", 1).cast("bigint").alias("line_no"),
        F.expr("substr(value, instr(value, chr(31)) + 1)").alias("line"),
    ).createOrReplaceTempView("lines")

    def make(name, view, **more):
        frame = spark.sql(statement(sql, name, {**params, **more})).cache()
        frame.createOrReplaceTempView(view)
        return frame

    make("1_parsed", "parsed")
    wrong += compare(spark, case, "dates", make("2_dates", "dates"), ["text"])
    evidence = [int(v) for v in spark.sql(statement(sql, "3_decision", params)).collect()[0]]
    if evidence != given["evidence"]:
        wrong.append(f"3_decision: {evidence}, DuckDB has {given['evidence']}")
    make("4_typed", "typed")
    wrong += compare(spark, case, "days", spark.sql(statement(sql, "5_periods", params)), ["date"])
    spark.read.csv(
        os.path.join(case, "periods.csv"), schema="date DATE, label DATE, rule STRING, sold_rule STRING", header=True
    ).createOrReplaceTempView("periods")
    make("6_judged", "judged")
    make("7_cancelled", "cancelled")
    wrong += compare(spark, case, "cancelled", spark.table("cancelled"), ["sku", "store", "period"])
    make("8_sales", "written")
    wrong += compare(spark, case, "sales", spark.table("written"), ["sku", "store", "date"])
    wrong += compare(spark, case, "rejects", spark.sql(statement(sql, "9_rejects", params)), ["line_no"])
    wrong += compare(spark, case, "quality", spark.sql(statement(sql, "10_quality", params)), ["accepted"])
    wrong += compare(spark, case, "index", spark.sql(statement(sql, "11_index", {**params, "file": "'f'"})), ["sku", "store"])
    wrong += compare(spark, case, "calendar", spark.sql(statement(sql, "12_calendar", params)), ["store", "date"])
    wrong += compare(spark, case, "giants", spark.sql(statement(sql, "13_giants", params)), ["sku", "store", "date"])
    spark.catalog.clearCache()
    return wrong


def main():
    sql, cases = sys.argv[1], sys.argv[2:]
    builder = SparkSession.builder.appName("parity")
    remote = os.environ.get("SKUCAST_SPARK_REMOTE")
    builder = builder.remote(remote) if remote else builder.master("local[2]")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.ansi.enabled": "true",
    }.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    for s in re.split(r";\n", text(sql, "prelude_spark")):
        if s.strip():
            spark.sql(s)
    failed = 0
    for case in cases:
        wrong = run(spark, sql, case)
        failed += bool(wrong)
        print(f"{os.path.basename(case)}: {len(wrong)} differences", flush=True)
        for w in wrong[:20]:
            print("  " + w, flush=True)
    spark.stop()
    sys.exit(min(failed, 100))


if __name__ == "__main__":
    main()
