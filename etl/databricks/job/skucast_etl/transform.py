"""The shared statements on Spark, over staged lines. Intermediate results are kept as
Parquet in the work folder: serverless compute has no cache. Nothing here calls what Spark
Connect lacks, and what comes to the driver are counts, decisions and dates."""

import os
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import functions as F

from . import decide, params, periods, sql
from .refusal import Refusal
from .tables import COLUMNS, RULES
from .text import quoted

MAX_GIANTS = 20
REJECTS_A_PART = 50_000
COUNTS = [
    "quantity_missing", "future_input", "returned", "price_unreadable", "price_not_positive",
    "flag_unreadable", "stock_unreadable", "regressor_unreadable", "serial_date",
]  # fmt: skip
SALES = ["sku", "store", "date", "units", "returned", "price", "promo", "open", "in_stock", "stock"]


@dataclass
class Result:
    """What a transform leaves to be published."""

    params: dict = field(default_factory=dict)
    frequency: str = ""
    origin: date = None
    month_end: bool = False
    accepted: int = 0
    rejected: int = 0
    sales_rows: int = 0
    series: int = 0
    skus: int = 0
    calendar_rows: int = 0
    rules: dict = field(default_factory=lambda: dict.fromkeys(RULES, 0))
    date_order: str = ""
    number_style: str = ""
    giants: list = field(default_factory=list)


class Transform:
    """One file. progress(stage, fraction) is told how far it is."""

    def __init__(self, spark, drop, header, staged, buckets, lines, work, progress):
        self.spark, self.drop, self.header, self.staged = spark, drop, header, staged
        self.buckets, self.lines, self.work, self.progress = buckets, lines, work, progress
        self.name, self.options = drop["blob"], drop["options"]
        self.out = Result(params=params.make(header, self.options, buckets))

    def run(self):
        for statement in sql.prelude():
            self.spark.sql(statement)
        self.parse()
        self.settle()
        self.timeline()
        self.judge()
        return self.out

    # How statements are run and kept.

    def select(self, statement):
        return self.spark.sql(sql.statement(statement, self.out.params))

    def path(self, name):
        return os.path.join(self.work, name)

    def keep(self, frame, view):
        """Writes a result and lets a view stand for it."""
        frame.write.parquet(url(self.path(view)))
        self.spark.read.schema(frame.schema).parquet(url(self.path(view))).createOrReplaceTempView(view)

    # The steps.

    def parse(self):
        self.progress("parse", 0.1)
        staged = self.spark.read.option("lineSep", "\n").text(url(self.lines))
        staged.select(
            F.substring_index("value", "\x1f", 1).cast("bigint").alias("line_no"),
            F.expr("substr(value, instr(value, chr(31)) + 1)").alias("line"),
        ).createOrReplaceTempView("lines")
        self.keep(self.select("1_parsed"), "parsed")
        # A line that vanished or came twice would shift every number after it.
        row = self.spark.sql("SELECT count(*), count(DISTINCT line_no), min(line_no), max(line_no) FROM lines").first()
        first = self.staged.staged.header_line
        if row[0] != self.staged.lines or row[1] != row[0] or row[0] and (row[2] <= first or row[3] > self.staged.lines + first + 10 * 30):
            raise RuntimeError(f"{row[0]} lines ({row[1]} numbers, {row[2]} to {row[3]}) were read of the {self.staged.lines} that were staged")

    def settle(self):
        """The order of dates and the decimal mark, over the whole file."""
        self.progress("decide", 0.35)
        self.keep(self.select("2_dates"), "dates")
        row = [int(v) for v in self.select("3_decision").first()]
        proofs = [(line, self.proof(line)) for line in row[:3]]
        order = decide.date_order(self.name, self.options.get("date_order", ""), *proofs, row[3])
        style = decide.number_style(self.header.separator, row[4:9], row[9:14])
        params.decide(self.out.params, order, style)
        self.out.date_order, self.out.number_style = order, style
        self.keep(self.select("4_typed"), "typed")

    def proof(self, line):
        if line == 0:
            return ""
        return self.spark.table("dates").where(F.col("first_line") == line).select("text").first()[0]

    def timeline(self):
        """Frequency, grid and origin, and what becomes of every date."""
        self.progress("periods", 0.4)
        days = [periods.Day(*row) for row in self.select("5_periods").collect()]
        if not days:
            self.every_row_rejected()
        arrived = date.fromisoformat(self.drop["last_modified"][:10])
        o = self.out
        o.frequency, o.origin, o.month_end, found = periods.decide_periods(self.name, days, self.options.get("freq", ""), arrived)
        o.params["origin"] = f"DATE '{o.origin}'"
        rows = [(p.date, p.label, p.rule or None, p.sold_rule or None) for p in found]
        self.spark.createDataFrame(rows, "date DATE, label DATE, rule STRING, sold_rule STRING").createOrReplaceTempView("periods")

    def every_row_rejected(self):
        found = (
            self.spark.table("typed").groupBy("rule").agg(F.count("*").alias("n"), F.min("line_no").alias("line"))
            .orderBy(F.desc("n"), "line").limit(5).collect()
        )  # fmt: skip
        if not found:
            raise Refusal("no_rows", f"{self.name} has a header in line {self.staged.staged.header_line} and only blank lines after it")
        shown = "; ".join(f"{r.rule} {r.n} times, first in line {r.line}" for r in found)
        raise Refusal("every_row_rejected", f"{self.name}: no line can be used ({shown}); columns were read as {self.described()}")

    def described(self):
        """The mapping for people: date="Day", sku="Item", …"""
        mapping = self.header.mapping()
        return ", ".join(f"{m}={quoted(mapping[m], 40)}" for m in COLUMNS if m in mapping)

    def judge(self):
        self.progress("sales", 0.45)
        o = self.out
        self.keep(self.select("6_judged"), "judged")
        self.keep(self.select("9_rejects"), "rejects")
        for row in self.spark.table("rejects").groupBy("rule").count().collect():
            o.rules[row.rule] = row["count"]
            o.rejected += row["count"]
        counts = self.select("10_quality").first()
        o.accepted = counts[0]
        if o.accepted == 0:
            raise Refusal("every_row_rejected", f"{self.name}: no line can be used; columns were read as {self.described()}")
        o.rules.update(zip(COUNTS, (int(n) for n in counts[1:])))
        self.keep(self.select("7_cancelled"), "cancelled")
        pairs = self.spark.sql("SELECT coalesce(sum(pairs), 0) FROM cancelled").first()[0]
        o.rules["cancelled_pair"] = 2 * int(pairs)
        self.write_sales()

    def write_sales(self):
        """One sorted file per bucket. The shuffle is asked for right before the write: a
        join in between may have shuffled by other keys."""
        named = {f"r{i + 1}": r for i, r in enumerate(self.options.get("regressors") or [])}
        sales = self.select("8_sales").select(*SALES, *(F.col(r).alias(name) for r, name in named.items()))
        bucket = F.expr(f"CAST(sk_hex(md5(sku), 1, 8) % {self.buckets} AS INT)" if self.buckets > 1 else "0")
        (
            sales.withColumn("bucket", bucket).repartition(self.buckets, "bucket")
            .sortWithinPartitions("bucket", "sku", "store", "date")
            .write.option("compression", "zstd").partitionBy("bucket").parquet(url(self.path("sales")))
        )  # fmt: skip

    def describe(self, files):
        """Index, calendar and counts of the sales as they are named now: path → place."""
        self.progress("index", 0.9)
        o = self.out
        regressors = {name: f"r{i + 1}" for i, name in enumerate(self.options.get("regressors") or [])}
        names = self.spark.createDataFrame([(url(p), place) for p, place in files.items()], "path STRING, file STRING")
        sales = self.spark.read.parquet(*[url(p) for p in files])
        at = F.regexp_replace(F.col("_metadata.file_path"), "^(dbfs:|file:/*(?=/))", "")
        written = sales.select(*SALES, *(F.col(f"`{n}`").alias(r) for n, r in regressors.items()), at.alias("at"))
        names = names.select(F.regexp_replace("path", "^(dbfs:|file:/*(?=/))", "").alias("at"), "file")
        written.join(F.broadcast(names), "at").drop("at").createOrReplaceTempView("written")
        self.keep(self.select("11_index"), "series_index")
        row = self.spark.sql("SELECT count(*), count(DISTINCT sku), sum(rows) FROM series_index").first()
        o.series, o.skus, o.sales_rows = row[0], row[1], int(row[2])
        o.rules["summed"] = o.accepted - o.sales_rows
        self.one_file("SELECT * FROM series_index", ["file", "sku", "store"], "index_file")
        self.keep(self.select("12_calendar"), "calendar")
        o.calendar_rows = self.spark.table("calendar").count()
        self.one_file("SELECT * FROM calendar", ["store", "date"], "calendar_file")
        self.keep(self.select("13_giants"), "giants")
        giants = self.spark.table("giants")
        o.rules["giant_quantity"] = giants.count()
        top = giants.orderBy(F.desc("units"), "sku", "store", "date").limit(MAX_GIANTS).collect()
        o.giants = [{"sku": g.sku, "store": g.store, "date": str(g.date), "units": g.units} for g in top]

    def one_file(self, query, order, name):
        """A sorted result as a single file: sorted in parts, written by one task."""
        frame = self.spark.sql(query)
        frame.orderBy(*order).coalesce(1).write.option("compression", "zstd").parquet(url(self.path(name)))

    def rejects(self):
        """The refused lines in order. The driver holds one part at a time, however many
        there are."""
        parts = self.out.rejected // REJECTS_A_PART + 1
        return self.spark.table("rejects").repartitionByRange(parts, "line_no").sortWithinPartitions("line_no").toLocalIterator()


def url(path):
    """A path as Spark names it: volumes as they are, other files by their scheme."""
    return path if path.startswith("/Volumes/") else "file://" + path
