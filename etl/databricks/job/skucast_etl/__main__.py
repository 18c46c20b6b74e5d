"""skucast-etl --param etl_id=ID --param drop=PLACE --dir ROOT

The parameters are those of the job (package etl/databricks); ROOT holds one folder per
container: /Volumes/<catalog>/<schema> in Databricks, the local storage folder elsewhere.
Progress goes to stdout, a line of JSON a step; a failure is the exception's text.
"""

import argparse
import json
import os
import sys

from .job import Job
from .refusal import Refusal


def session():
    """The session that Databricks has made, or a new one on this machine."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("skucast-etl")
    if remote := os.environ.get("SKUCAST_SPARK_REMOTE"):
        builder = builder.remote(remote)
    elif "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        builder = builder.master("local[*]").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    spark = builder.getOrCreate()
    if "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        spark.conf.set("spark.sql.shuffle.partitions", str(os.cpu_count()))  # one machine
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.ansi.enabled", "true")
    return spark


def progress(stage, fraction):
    print(json.dumps({"stage": stage, "fraction": fraction}), flush=True)


def parse(argv):
    parser = argparse.ArgumentParser(prog="skucast-etl", description="Runs the ETL of one dropped file on Spark.")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="etl_id and drop, as the job is given them")
    parser.add_argument("--dir", required=True, help="the storage account: one folder per container")
    args = parser.parse_args(argv)
    given = dict(p.split("=", 1) for p in args.param)
    for name in ("etl_id", "drop"):
        if name not in given:
            parser.error(f"--param {name}=… is missing")
    return given, args.dir


def main(argv=None):
    given, root = parse(argv)
    try:
        Job(session(), root, given["etl_id"], given["drop"], progress).run()
    except Refusal:
        raise
    except Exception as e:
        text = str(e).strip().split("\n", 1)[0]
        raise Refusal("etl_error", f"{type(e).__name__}: {text}") from e


if __name__ == "__main__":
    sys.exit(main())
