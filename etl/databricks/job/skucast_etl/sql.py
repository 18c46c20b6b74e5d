"""The shared statements, which travel with this package, over the prelude for Spark."""

import importlib.resources
import re


def text(name):
    """One file without its comments, which may name parameters."""
    lines = importlib.resources.files(__package__).joinpath("sql", name + ".sql").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("--"))


def prelude():
    return [s.strip() for s in text("prelude_spark").split(";\n") if s.strip()]


def statement(name, params):
    """A statement with its parameters filled in; one without a value is an error."""
    return re.sub(r"\$\{([a-z_]+)\}", lambda m: params[m[1]], text(name)).strip()
