"""What a header line means: the separator and the meaning of each column."""

from dataclasses import dataclass, field

from .refusal import Refusal
from .tables import COLUMNS, REQUIRED, SYNONYMS
from .text import lower, quoted, trim

SEPARATORS = [",", ";", "\t"]
KNOWN = {"date", "sku", "store", "units", "returned", "price", "promo", "open", "in_stock", "stock"}
FOLDED = {"ü": "ue", "ö": "oe", "ä": "ae", "ß": "ss", "é": "e", "è": "e", "ê": "e", "í": "i", "á": "a", "à": "a", "ó": "o"}


@dataclass
class Column:
    header: str
    index: int  # from 1, as SQL counts


@dataclass
class Staged:
    """What staging found of a file."""

    header: str = ""
    separator: str = ""  # given by a first line "sep=;"
    header_line: int = 0
    sample: list = field(default_factory=list)  # the first data lines

    def agrees(self, sep, fields):
        """Whether every sampled line has so many fields."""
        return bool(self.sample) and all(len(split_line(line, sep)) == fields for line in self.sample)


@dataclass
class Header:
    separator: str
    fields: list = field(default_factory=list)
    columns: dict = field(default_factory=dict)  # meaning → Column
    regressors: list = field(default_factory=list)  # in the order of the options

    def mapping(self):
        return {meaning: c.header for meaning, c in self.columns.items()}

    def listed(self):
        """The headers for a message, cut after 20."""
        shown = [quoted(f, 40) for f in self.fields[:20]]
        if len(self.fields) > 20:
            shown.append(f"… ({len(self.fields)} in all)")
        return ", ".join(shown)

    def example(self, taken):
        """A header that could be meant: the first that nothing else uses."""
        return next((f for i, f in enumerate(self.fields) if i + 1 not in taken and f), "<header>")

    def named(self, name, line, meaning, header):
        """The column that the options name: exactly, or else apart from case and punctuation."""
        header = trim(header)
        for same in (lambda f: f == header, lambda f: fold(f) == fold(header)):
            found = [i for i, f in enumerate(self.fields) if same(f)]
            if len(found) > 1:
                raise Refusal("ambiguous_column", f"{name} line {line}: columns {found[0] + 1} and {found[1] + 1} are both called {quoted(header)}")
            if found:
                return Column(self.fields[found[0]], found[0] + 1)
        raise Refusal("missing_column", f"{name} line {line} has no column {quoted(header)}, which the options name as {meaning}; it has {self.listed()}")

    def by_synonym(self, name, line, meaning, taken):
        """The column by the table; the first synonym that some column bears wins."""
        folded = [fold(f) for f in self.fields]
        for synonym in SYNONYMS[meaning]:
            if synonym not in folded or folded.index(synonym) + 1 in taken:
                continue
            i = folded.index(synonym)
            if synonym in folded[i + 1 :]:
                j = folded.index(synonym, i + 1)
                raise Refusal(
                    "ambiguous_column",
                    f"{name} line {line}: columns {i + 1} and {j + 1} both read as {meaning} "
                    f"({quoted(self.fields[i])} and {quoted(self.fields[j])}); rename one or use --map {meaning}=…",
                )
            self.columns[meaning] = Column(self.fields[i], i + 1)
            taken.add(i + 1)
            return


def resolve_header(name, staged, options):
    """The header of a file. Of several separators the one with which the most required
    columns are found wins, then the one that gives the most fields."""
    best, best_error, best_score = None, None, -1
    for sep in SEPARATORS:
        if staged.separator not in ("", sep):
            continue
        h, error = attempt(name, staged, sep, options)
        score = 2 * len(h.fields) + 1_000_000 * sum(m in h.columns for m in REQUIRED) + staged.agrees(sep, len(h.fields))
        if score > best_score:
            best, best_error, best_score = h, error, score
    if best is None:
        raise Refusal("missing_column", f"{name} names {quoted(staged.separator)} as its separator; comma, semicolon and tab are read")
    if best_error:
        raise best_error
    return best


def is_header(options):
    """A test whether the required columns can be found in a line."""

    def test(line):
        return any(attempt("", Staged(header=line), sep, options)[1] is None for sep in SEPARATORS)

    return test


def attempt(name, staged, sep, options):
    """The header under one separator as far as it goes, and why it goes no further."""
    h = Header(sep, [trim(f) for f in split_line(staged.header, sep)])
    try:
        fill(h, name, staged.header_line, options)
    except Refusal as refusal:
        return h, refusal
    return h, None


def fill(h, name, line, options):
    taken = set()
    for meaning, header in sorted((options.get("map") or {}).items()):
        h.columns[meaning] = h.named(name, line, meaning, header)
        taken.add(h.columns[meaning].index)
    regressors = options.get("regressors") or []
    check_regressors(name, regressors)
    for r in regressors:
        h.regressors.append(h.named(name, line, "regressor", r))
        taken.add(h.regressors[-1].index)
    for meaning in COLUMNS:
        if meaning not in h.columns:
            h.by_synonym(name, line, meaning, taken)
    missing = [m for m in REQUIRED if m not in h.columns]
    if missing:
        raise Refusal(
            "missing_column",
            f"{name} line {line} has no column for {', '.join(missing)} among {h.listed()}; "
            f"name it, for example --map {missing[0]}={h.example(taken)}",
        )


def check_regressors(name, names):
    """Refuses names that would stand twice in the sales files."""
    seen = set(KNOWN)
    for n in names:
        key = lower(trim(n))
        if not key or key in seen:
            raise Refusal("invalid_options", f"{name}: regressor {quoted(n, 40)} is empty, named twice, or the name of a known column")
        seen.add(key)


def fold(s):
    """What is compared of a header: lower case, letters and digits only."""
    out = []
    for c in lower(s):
        if "a" <= c <= "z" or "0" <= c <= "9":
            out.append(c)
        elif c in FOLDED:
            out.append(FOLDED[c])
        elif c > "\x7f" and c != "\xa0":
            out.append(c)
    return "".join(out)


def split_line(line, sep):
    """One line as the shared SQL splits it."""
    if '"' not in line:
        return line.split(sep)
    fields, rest = [], line + sep
    while rest:
        end = quoted_end(rest, sep)
        if end < 0:
            end = rest.index(sep)
            fields.append(rest[:end])
        else:
            fields.append(rest[1 : end - 1].replace('""', '"'))
        rest = rest[end + len(sep) :]
    return fields


def quoted_end(s, sep):
    """The length of the quoted field at the start of s; −1 if no separator follows one."""
    if s[0] != '"':
        return -1
    i = 1
    while i < len(s):
        if s[i] == '"':
            if s[i + 1 : i + 2] == '"':
                i += 1
            elif s.startswith(sep, i + 1):
                return i + 1
            else:
                return -1
        i += 1
    return -1
