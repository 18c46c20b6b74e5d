"""What is decided over a whole file: the order of day and month, and the decimal mark."""

from .refusal import Refusal


def date_order(name, option, only_day_first, only_month_first, either, same):
    """iso, dmy or mdy. Proofs are (line, text), line 0 for none; no row is guessed."""
    if option:
        return option
    if only_day_first[0] and only_month_first[0]:
        raise Refusal(
            "ambiguous_dates",
            f"{name} mixes orders: line {only_day_first[0]} ({only_day_first[1][:40]}) is a date only with the day first, "
            f"line {only_month_first[0]} ({only_month_first[1][:40]}) only with the month first; set date_order to dmy or mdy, "
            "and lines of the other order are rejected",
        )
    if only_day_first[0]:
        return "dmy"
    if only_month_first[0]:
        return "mdy"
    if either[0]:
        raise Refusal(
            "ambiguous_dates",
            f"{name}: every date can be read with the day or the month first, for example line {either[0]} ({either[1][:40]}), "
            "and none decides it; set date_order to dmy or mdy",
        )
    return "dmy" if same else "iso"


def number_style(separator, *columns):
    """point or comma. A column is (texts, comma sure, point sure, comma three, point three):
    how many of its texts can only be read one way, and how many have one mark before three
    digits. Sure texts decide by majority; else a column in which every number has one mark
    before three digits; else the separator."""
    comma, point = sum(c[1] for c in columns), sum(c[2] for c in columns)
    if comma != point:
        return "comma" if comma > point else "point"
    for texts, _, _, comma_three, point_three in columns:
        if comma_three and comma_three == texts:
            return "comma"
        if point_three and point_three == texts:
            return "point"
    return "comma" if separator == ";" else "point"
