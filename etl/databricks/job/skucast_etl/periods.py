"""The time axis of a file, and what becomes of the lines of each of its dates."""

from dataclasses import dataclass
from datetime import date, timedelta

from .refusal import Refusal

STRAY_SHARE = 0.001  # an isolated side may hold less than this of the rows
GRID_SHARE = 0.999  # on the grid there must be at least this
YEAR, MONTH = 366, 31


@dataclass
class Day:
    """The usable lines of one distinct date."""

    date: date
    rows: int
    sold: int  # lines with a quantity
    trading: int  # lines whose open flag is not 0
    first_line: int


@dataclass
class Period:
    """rule rejects every line of the date, sold_rule those with a quantity; '' none."""

    date: date
    label: date
    rule: str = ""
    sold_rule: str = ""


def decide_periods(name, days, freq, arrived):
    """(frequency, origin, month_end, periods by date). arrived is the only "now" there is.
    Dates that cannot be right go first, so that one mistyped year moves no origin."""
    t = Timeline(name, sorted(days, key=lambda d: d.date), arrived)
    t.reject_isolated()
    t.choose_grid(freq)
    t.reject_future()
    if t.sampled:
        t.reject_partial()
    return t.finish()


def days(n):
    return timedelta(days=n)


def month_after(d):
    return date(d.year + d.month // 12, d.month % 12 + 1, 1)


def is_month_end(d):
    return (d + days(1)).day == 1


class Timeline:
    def __init__(self, name, found, arrived):
        self.name, self.days, self.arrived = name, found, arrived
        self.out = [Period(d.date, d.date) for d in found]
        for p in self.out:
            if p.date > arrived + days(MONTH):  # beyond the arrival's period, whatever it is
                p.sold_rule = "sale_in_future"
        self.freq, self.month_end, self.sampled = "", False, False

    def rows(self, i):
        """The lines of date i that nothing has rejected yet."""
        if self.out[i].rule:
            return 0
        return self.days[i].rows - (self.days[i].sold if self.out[i].sold_rule else 0)

    def sold(self, i):
        """Those of them with a quantity."""
        return 0 if self.out[i].rule or self.out[i].sold_rule else self.days[i].sold

    def reject_isolated(self):
        live = [i for i in range(len(self.days)) if self.rows(i) > 0]
        total = sum(self.rows(i) for i in live)
        left, first, last = 0, 0, len(live)  # live dates that stay
        for k in range(len(live) - 1):
            left += self.rows(live[k])
            a, b = self.days[live[k]], self.days[live[k + 1]]
            if b.date - a.date <= days(YEAR):
                continue
            small = min(left, total - left)
            if small >= STRAY_SHARE * total:
                side, at = (b, "after") if total - left == small else (a, "before")
                raise Refusal(
                    "isolated_dates",
                    f"{self.name}: no date between {a.date} and {b.date}, and {small} of {total} rows lie {at} that gap, first in line "
                    f"{side.first_line} ({side.date}): too many for typing errors; correct them or drop only one part",
                )
            if small == left:
                first = k + 1
            else:
                last = min(last, k + 1)
        for k, i in enumerate(live):
            if k < first or k >= last:
                self.out[i].rule = "isolated_date"

    def choose_grid(self, freq):
        """Detects the file's own grid, rejects what is off it, and lengthens the period if
        the options ask for that."""
        own, month_end, on = self.detect()
        if freq in ("", own):
            self.freq, self.month_end = own, month_end
            for i, d in enumerate(self.days):
                if self.rows(i) > 0 and not on(d.date):
                    self.out[i].rule = "off_grid"
            return
        if own == "M" and freq == "W":
            raise Refusal("frequency_too_fine", f"{self.name} has one date a month and cannot be made weekly; leave freq out")
        self.freq, self.sampled = freq, freq != "D"
        for p in self.out:
            p.label = self.label(p.date)

    def label(self, d):
        """The down-sampled period of a date: its Monday, or the first of its month."""
        if not self.sampled:
            return d
        return d - days(d.weekday()) if self.freq == "W" else d.replace(day=1)

    def after(self, label):
        """The first date that does not belong to a label's down-sampled period."""
        return label + days(7) if self.freq == "W" else month_after(label)

    def detect(self):
        """The grid that holds at least 99.9 % of the rows on at least three dates."""
        total, at_end = 0, [0, 0]
        by_weekday, by_day = [[0, 0] for _ in range(7)], [[0, 0] for _ in range(32)]
        for i, d in enumerate(self.days):
            n = self.rows(i)
            if n == 0:
                continue
            total += n
            for tally in [by_weekday[d.date.weekday()], by_day[d.date.day]] + [at_end] * is_month_end(d.date):
                tally[0] += 1
                tally[1] += n

        def holds(tally):
            return tally[0] >= 3 and tally[1] >= GRID_SHARE * total

        if holds(at_end):
            return "M", True, is_month_end
        for day, tally in enumerate(by_day):
            if holds(tally):
                return "M", False, lambda d: d.day == day
        for weekday, tally in enumerate(by_weekday):
            if holds(tally):
                return "W", False, lambda d: d.weekday() == weekday
        return "D", False, lambda d: True

    def reject_future(self):
        """A weekly label may stand for the week that begins or the one that ends with it, so
        the arrival's week reaches to the sixth day after it."""
        last = self.arrived
        if self.sampled:
            last = self.label(self.arrived)
        elif self.freq == "W":
            last = self.arrived + days(6)
        elif self.freq == "M":
            last = month_after(self.arrived) - days(1)
        for p in self.out:
            if p.label > last:
                p.sold_rule = "sale_in_future"

    def reject_partial(self):
        """Drops a first or last period from which a weekday is left out on which stores trade."""
        sold = [i for i in range(len(self.days)) if self.sold(i) > 0]
        if not sold:
            return
        first, last = sold[0], sold[-1]
        trades = {self.days[i].date.weekday() for i in sold if self.days[i].trading > 0}

        def leaves_out(start, end):
            return any((start + days(k)).weekday() in trades for k in range((end - start).days))

        first_label, last_label = self.out[first].label, self.out[last].label
        drop_first = leaves_out(first_label, self.days[first].date)
        drop_last = leaves_out(self.days[last].date + days(1), self.after(last_label))
        for i, p in enumerate(self.out):
            if self.rows(i) == 0:
                continue
            if drop_first and p.label == first_label:
                p.rule = "partial_period"
            if drop_last and p.label == last_label:
                # What is known about the rest of the last period stays, as a future input.
                if p.date <= self.days[last].date:
                    p.rule = "partial_period"
                else:
                    p.sold_rule = "partial_period"

    def finish(self):
        sold = [i for i in range(len(self.days)) if self.sold(i) > 0]
        if sold:
            return self.freq, max(self.out[i].label for i in sold), self.month_end, self.out
        if any(p.rule == "partial_period" and d.sold > 0 for p, d in zip(self.out, self.days)):
            unit = {"W": "week", "M": "month"}[self.freq]
            raise Refusal("no_complete_period", f"{self.name} covers no whole {unit}; drop a longer history or leave freq out")
        for p, d in zip(self.out, self.days):
            if d.sold > 0 and p.sold_rule == "sale_in_future":
                raise Refusal(
                    "every_row_rejected",
                    f"{self.name}: every row with a quantity is dated after the file arrived on {self.arrived}, "
                    f"the first in line {d.first_line} ({d.date}); correct the dates",
                )
        raise Refusal("no_quantity", f"{self.name}: no usable row has a quantity; check which column is mapped to units")
