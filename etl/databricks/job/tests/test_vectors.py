"""The decisions of the job against vectors.json, which the Go driver's tests write."""

import base64
import hashlib
import io
import json
import pathlib
import unittest
import zlib
from datetime import date

from skucast_etl import decide, header, params, periods, stage, text
from skucast_etl.refusal import Refusal

VECTORS = json.loads((pathlib.Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))


def resolve(given):
    options = {k: v for k, v in given["options"].items() if v}
    staged = header.Staged(given["header"], given["separator"], given["header_line"], given["sample"] or [])
    h = header.resolve_header("sales.csv", staged, options)
    p = params.make(h, options, given["buckets"])
    undecided = p["r_values"]
    params.decide(p, "mdy", "comma")
    return {"fields": h.fields, "mapping": h.mapping(), "separator": h.separator, "undecided": undecided, "sql": p}


def order(given):
    e = given["evidence"]
    proofs = [(e[k]["Line"], e[k]["Text"]) for k in ("OnlyDayFirst", "OnlyMonthFirst", "Either")]
    return decide.date_order("sales.csv", given["option"], *proofs, e["Same"]["Line"])


def style(given):
    names = ["Texts", "CommaSure", "PointSure", "CommaThree", "PointThree"]
    return decide.number_style(given["separator"], *[[c[n] for n in names] for c in given["columns"]])


def timeline(given):
    days = [periods.Day(date.fromisoformat(d["Date"]), d["Rows"], d["Sold"], d["Trading"], d["FirstLine"]) for d in given["days"]]
    freq, origin, month_end, found = periods.decide_periods("sales.csv", days, given["freq"], date.fromisoformat(given["arrived"]))
    rows = [[str(p.date), str(p.label), p.rule, p.sold_rule] for p in found]
    return {"frequency": freq, "origin": str(origin), "month_end": month_end, "periods": rows}


def staged(given):
    source, dst = io.BytesIO(zlib.decompress(base64.b64decode(given["zlib"]))), io.BytesIO()
    c = stage.stage("sales.csv", source, dst, header.is_header({}), given["bomb_from"])
    s = c.staged
    return {
        "header": s.header, "separator": s.separator, "header_line": s.header_line, "sample_sha256": hashlib.sha256("\n".join(s.sample).encode()).hexdigest(), "lines": c.lines, "blank": c.blank,
        "titles": c.titles, "cp1252": c.cp1252, "source_bytes": c.source_bytes, "text_bytes": c.text_bytes, "sha256": c.sha256,
        "staged_sha256": hashlib.sha256(dst.getvalue()).hexdigest(),
    }  # fmt: skip


FUNCTIONS = {
    "stage": staged,
    "header": resolve,
    "is_header": lambda given: header.is_header({})(given["line"]),
    "date_order": order,
    "number_style": style,
    "periods": timeline,
    "buckets": lambda given: params.buckets(given["bytes"]),
    "quoted": lambda given: [text.quoted(given["text"]), text.quoted(given["text"], 40)],
}


class Vectors(unittest.TestCase):
    def test_all(self):
        self.assertEqual(sorted(VECTORS), sorted(FUNCTIONS))
        for name, vectors in VECTORS.items():
            for i, v in enumerate(vectors):
                with self.subTest(f"{name} {i}", given=v["in"]):
                    self.check(FUNCTIONS[name], v)

    def check(self, function, v):
        try:
            got = function(v["in"])
        except Refusal as refusal:
            self.assertEqual(refusal.reason, v.get("reason"))
            self.assertEqual(refusal.message, v.get("error", refusal.message))  # not kept where it depends on the reader
            return
        self.assertNotIn("reason", v)
        self.assertEqual(got, v["out"])


if __name__ == "__main__":
    unittest.main()
