"""The parameters of the shared SQL. Values are integers, names of our own and hex: no text
of an input is ever part of a statement."""

from .tables import COLUMNS

CONTROLS = "[\x01-\x1f\x7f]"  # raw, because escapes differ between the engines
SPECIAL = "\\.+*?()|[]{}^$"
BUCKET_BYTES, MAX_BUCKETS = 12 << 20, 64


def text(s):
    """A constant of any characters."""
    return "sk_text('" + s.encode().hex() + "')"


def at(index):
    return f"sk_at(f, {index})"


def buckets(text_bytes):
    """A power of two that depends only on the size of the text."""
    n = 1
    while n < MAX_BUCKETS and n * BUCKET_BYTES < text_bytes:
        n *= 2
    return n


def make(header, options, n_buckets):
    """Name → value, from the header and the options."""
    sep = header.separator
    p = {
        "fields": str(len(header.fields)),
        "separator": text(sep),
        "nothing": text(f"^[{sep} ]*$"),
        "controls": text(CONTROLS),
        "bucket": f"CAST(sk_hex(md5(sku), 1, 8) % {n_buckets} AS INT)" if n_buckets > 1 else "0",
        "trailing": text(f"[{sep}] *"),
        "named_month": text("[A-Za-z]{3}.* [0-9]{1,2}:[0-9]{2}"),
        "fold": "sk_upper" if options.get("sku_case") == "upper" else "sk_same",
        "excluded": "1 = 0",
        "line_hash": "",
        "line_id": "",
        "p_line_id": "",
        "duplicate": "1 = 0",
    }
    if options.get("exclude_skus"):
        p["excluded"] = f"sk_rx(sku, {text(exclude_pattern(options))})"
    if options.get("duplicates") == "drop":
        p["line_hash"], p["line_id"], p["p_line_id"] = ", md5(line) AS line_id", ", line_id", ", p.line_id"
        p["duplicate"] = "row_number() OVER (PARTITION BY t.line_id, t.sku, t.store ORDER BY t.line_no) > 1"
    for meaning in COLUMNS:
        p[meaning] = at(header.columns[meaning].index) if meaning in header.columns else "'all'" if meaning == "store" else "''"
    names = [("sku", "sku"), ("date_text", "date"), ("units_text", "units")]
    repeated = [f"{value} = {text(header.columns[meaning].header)}" for value, meaning in names]
    repeated[0] = f"sku = {p['fold']}({text(header.columns['sku'].header)})"
    p["repeated_header"] = " AND ".join(repeated)
    p.update(regressors(header.regressors))
    return p


def decide(params, order, style):
    """Adds what was decided over the whole file."""
    params["date_order"], params["number_style"] = order, style
    params["r_values"] = params["r_values"].replace("${number_style}", style)


def exclude_pattern(options):
    """Matches the codes that are no products; a star at the end stands for any ending."""
    codes = []
    for code in options["exclude_skus"]:
        if options.get("sku_case") == "upper":
            code = "".join(c.upper() if "a" <= c <= "z" else c for c in code)
        body = code[:-1] if code.endswith("*") else code
        body = "".join("\\" + c if c in SPECIAL else c for c in body)
        codes.append(body if code.endswith("*") else body + "$")
    return "^(" + "|".join(codes) + ")"


LISTS = {
    "texts": ", coalesce(sk_trim({at}), '') AS {r}_text",
    "names": ", {r}_text",
    "p_names": ", p.{r}_text",
    "r_values": ", try_cast(sk_num(p.{r}_text, '${{number_style}}') AS DECIMAL(22,6)) AS {r}",
    "r_names": ", {r}",
    "t_names": ", t.{r}",
    "s_names": ", s.{r}",
    "r_max": ", max({r}) AS {r}",
    "r_doubles": ", CAST({r} AS DOUBLE) AS {r}",
    "r_hash": ", ' ', coalesce(CAST(CAST(floor({r} * 10000 + 0.5) AS BIGINT) AS STRING), '')",
}


def regressors(columns):
    """The lists of every statement that carries them, r1, r2, …"""
    named = [(f"r{i + 1}", at(c.index)) for i, c in enumerate(columns)]
    p = {name: "".join(form.format(r=r, at=a) for r, a in named) for name, form in LISTS.items()}
    p["r_bad"] = " OR ".join(f"({r} IS NULL AND NOT sk_blank({r}_text))" for r, _ in named) or "1 = 0"
    return p
