"""One ETL: from the drop's record to the manifest."""

import hashlib
import json
import os
from datetime import datetime

from . import params
from .canonical import canonical
from .header import is_header, resolve_header
from .refusal import Refusal
from .stage import stage
from .store import Store, described
from .transform import Transform, url

ENGINE = "spark"
VERSION = 1
ETL_OPTIONS = {"date_order": "", "freq": "", "map": None, "regressors": None}  # always there
FURTHER_OPTIONS = ["exclude_skus", "sku_case", "duplicates"]  # where they are set


class Job:
    """buckets 0 is as many as the size of the text asks for."""

    def __init__(self, spark, root, etl_id, drop_place, progress, buckets=0):
        self.spark, self.store, self.etl_id, self.progress, self.buckets = spark, Store(root), etl_id, progress, buckets
        self.drop = json.loads(self.store.read(drop_place))
        self.drop["options"] = self.drop.get("options") or {}
        self.source = self.store.path(self.drop["container"] + "/" + self.drop["blob"])
        self.dir = f"processed-data/etl/{etl_id}/"

    def run(self):
        """Does the job, unless another attempt has."""
        if os.path.exists(self.store.path(self.dir + "_manifest.json")):
            return
        with self.store.workspace() as work:
            self.progress("stage", 0)
            lines = os.path.join(work, "lines.txt")
            counts = self.stage(lines)
            header = resolve_header(self.drop["blob"], counts.staged, self.drop["options"])
            buckets = self.buckets or params.buckets(counts.text_bytes)
            t = Transform(self.spark, self.drop, header, counts, buckets, lines, work, self.progress)
            result = t.run()
            sales = self.name_sales(work, buckets)
            t.describe({self.store.path(self.dir + f["path"]): f["path"] for f in sales})
            self.progress("publish", 0.95)
            fixed = self.publish(t, work, header, counts, result, sum(f["rows"] for f in sales))
            self.manifest(header, counts, result, buckets, sales + fixed)
            self.progress("done", 1)

    # The source, which must be the drop's version before the first and after the last read.

    def stage(self, lines):
        blob = self.drop["blob"]
        if not is_drop(blob):
            raise Refusal("not_a_file", f"{self.drop['container']}/{blob} is not the name of a dropped file; drop a CSV under incoming/<feed>/")
        try:
            self.unchanged()
            with open(self.source, "rb") as source, open(lines, "wb") as dst:
                try:
                    counts = stage(blob, source, dst, is_header(self.drop["options"]))
                except Refusal:
                    self.unchanged()  # a file that is being replaced may look like anything
                    raise
            self.unchanged()
        except FileNotFoundError as e:
            if e.filename != self.source:
                raise
            raise Refusal("source_gone", f"{blob} was deleted before it was read") from e
        if counts.source_bytes != self.drop["bytes"]:
            raise Refusal(
                "source_changed",
                f"{blob} gave {counts.source_bytes} bytes, but is {self.drop['bytes']} bytes long: it was written while it was read",
            )
        return counts

    def unchanged(self):
        """Compares length and, to the second, the time of the last change."""
        d, info = self.drop, os.stat(self.source)
        then = datetime.fromisoformat(d["last_modified"].replace("Z", "+00:00")[:19] + "+00:00").timestamp()
        if info.st_size != d["bytes"] or int(info.st_mtime) != int(then):
            raise Refusal(
                "source_changed",
                f"{d['blob']} is no longer the version that was dropped ({d['bytes']} bytes, {d['last_modified']}; now {info.st_size} bytes, "
                f"changed {datetime.utcfromtimestamp(info.st_mtime):%Y-%m-%dT%H:%M:%SZ}); the new version is a drop of its own",
            )

    # What is published.

    def name_sales(self, work, buckets):
        """Gives every bucket's file its name, which carries its content."""
        files, folder = [], os.path.join(work, "sales")
        for b in range(buckets):
            parts = parquet_files(os.path.join(folder, f"bucket={b}"))
            if len(parts) > 1:
                raise RuntimeError(f"bucket {b} has {len(parts)} files: {parts}")
            for part in parts:
                size, digest = described(part)
                path = f"sales/bucket={b:02d}/{digest[:16]}.parquet"
                self.store.move(part, self.dir + path)
                files.append({"path": path, "rows": 0, "bytes": size, "sha256": digest})
        counted = self.spark.read.parquet(*[url(self.store.path(self.dir + f["path"])) for f in files])
        rows = {os.path.basename(r[0]): r[1] for r in counted.groupBy("_metadata.file_name").count().collect()}
        for f in files:
            f["rows"] = rows[os.path.basename(f["path"])]
        return files

    def publish(self, t, work, header, counts, result, sales_rows):
        """The files that describe the whole, at fixed names. They are written over: names of
        an attempt that died before its manifest."""
        index = only(parquet_files(os.path.join(work, "index_file")))
        calendar = only(parquet_files(os.path.join(work, "calendar_file")))
        quality = self.quality(header, counts, result, sales_rows)
        return [
            self.put_file("series_index.parquet", index, result.series),
            self.put_file("calendar.parquet", calendar, result.calendar_rows),
            self.put_file("rejects.csv", self.rejects_csv(t, work, header), result.rejected),
            self.put("quality.json", canonical(quality), 1),
        ]

    def put_file(self, name, file, rows):
        size, digest = described(file)
        self.store.take(file, self.dir + name)
        return {"path": name, "rows": rows, "bytes": size, "sha256": digest}

    def put(self, name, data, rows):
        self.store.replace(self.dir + name, data)
        return {"path": name, "rows": rows, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def rejects_csv(self, t, work, header):
        """The refused lines, through a file: there may be as many as lines."""
        path, mapping = os.path.join(work, "rejects.csv"), header.mapping()
        with open(path, "w", encoding="utf-8", newline="") as out:
            out.write("file,line,column,value,rule\n")
            for r in t.rejects():
                out.write(csv_line([self.drop["blob"], str(r.line_no), mapping.get(r.meaning, ""), r.value, r.rule]))
        return path

    def quality(self, header, counts, result, sales_rows):
        read = result.accepted + result.rejected
        result.rules.update(blank_line=counts.lines - read, title_line=counts.titles, decoded_cp1252=counts.cp1252)
        return {
            "v": VERSION, "file": self.drop["blob"], "rows": {"read": read, "accepted": result.accepted, "rejected": result.rejected},
            "sales_rows": sales_rows, "rules": result.rules, "mapping": header.mapping(), "separator": header.separator,
            "date_order": result.date_order, "number_style": result.number_style, "frequency": result.frequency,
            "origin": str(result.origin), "giants": result.giants,
        }  # fmt: skip

    def manifest(self, header, counts, result, buckets, files):
        """Says that the output is ready, once."""
        d, given = self.drop, self.drop["options"]
        options = {k: given.get(k, v) for k, v in ETL_OPTIONS.items()} | {k: given[k] for k in FURTHER_OPTIONS if given.get(k)}
        m = {
            "v": VERSION, "etl_id": self.etl_id,
            "source": {k: d[k] for k in ("container", "blob", "etag", "last_modified")} | {"bytes": counts.source_bytes, "sha256": counts.sha256},
            "options": options, "mapping": header.mapping(), "frequency": result.frequency, "origin": str(result.origin),
            "month_end": result.month_end, "rows": {"read": result.accepted + result.rejected, "accepted": result.accepted, "rejected": result.rejected},
            "skus": result.skus, "series": result.series, "buckets": buckets, "files": files, "engine": ENGINE,
        }  # fmt: skip
        try:
            self.store.create(self.dir + "_manifest.json", canonical(m))
        except FileExistsError:
            pass  # another attempt was first; its files are of the same names


def is_drop(blob):
    """Whether a name under raw-data is a dropped file's."""
    base = blob.rpartition("/")[2]
    return (
        blob.startswith("incoming/") and base != "" and not base.startswith(("_", "."))
        and not base.endswith((".options.json", ".tmp", ".part", "~"))
    )  # fmt: skip


def parquet_files(folder):
    if not os.path.isdir(folder):
        return []
    return sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".parquet"))


def only(files):
    if len(files) != 1:
        raise RuntimeError(f"{len(files)} files where one was written: {files}")
    return files[0]


def csv_line(fields):
    """One line as encoding/csv of Go writes it."""
    return ",".join(map(csv_field, fields)) + "\n"


def csv_field(s):
    if s == "":
        return s
    if s == "\\." or any(c in s for c in ',"\r\n') or s[0].isspace() and s[0] not in "\x1c\x1d\x1e\x1f":
        return '"' + s.replace('"', '""') + '"'
    return s
