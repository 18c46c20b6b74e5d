"""Refusals: what no second attempt can mend, with a stable reason."""

import json

MAX_MESSAGE = 2000  # bytes, far below what the jobs service cuts


class Refusal(Exception):
    """A file that cannot be used. Its text is what the pipeline reads back."""

    def __init__(self, reason, message):
        self.reason, self.message = reason, message
        super().__init__(encode(reason, message))


def encode(reason, message):
    """The error text with which the job ends: one line, the reason first."""
    return json.dumps({"reason": reason, "message": clip(message)}, ensure_ascii=False, separators=(",", ":"))


def clip(text):
    """text in at most MAX_MESSAGE bytes, cut at the end of a character."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= MAX_MESSAGE:
        return text
    return raw[: MAX_MESSAGE - len("…".encode())].decode("utf-8", "ignore") + "…"
