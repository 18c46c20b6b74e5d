"""Texts as Go writes, trims and lowers them, so that both drivers say the same."""

SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}


def trim(s):
    return s.strip(SPACES)


def lower(s):
    """Every character by itself: no final sigma, no letter that becomes two."""
    return "".join("i" if c == "İ" else c.lower() if len(c.lower()) == 1 else c for c in s)


def quoted(s, most=None):
    """s in quotation marks, cut to most characters (Go's %q and %.40q)."""
    out = []
    for c in s[:most]:
        if c in ESCAPES:
            out.append(ESCAPES[c])
        elif c.isprintable():
            out.append(c)
        elif ord(c) < 0x80:
            out.append(f"\\x{ord(c):02x}")
        elif ord(c) < 0x10000:
            out.append(f"\\u{ord(c):04x}")
        else:
            out.append(f"\\U{ord(c):08x}")
    return '"' + "".join(out) + '"'
