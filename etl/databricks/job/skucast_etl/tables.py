"""The tables that the Go driver and this job share: meanings, synonyms, rules."""

import importlib.resources
import json

_tables = json.loads(importlib.resources.files(__package__).joinpath("tables.json").read_text(encoding="utf-8"))

COLUMNS = _tables["columns"]  # meanings, in the order in which they are looked for
SYNONYMS = _tables["synonyms"]  # meaning → headers, best first, folded
RULES = _tables["rules"]  # every rule of quality.json, in the order in which it is tried
REQUIRED = ["date", "sku", "units"]
