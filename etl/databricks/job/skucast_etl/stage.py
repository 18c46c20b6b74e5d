"""The dropped file, read once: numbered lines in UTF-8, its header and its sha256.

One pass in one process, as in the Go driver and with the same rules: line numbers that are
right and refusals that name their line are worth more here than a parallel read of what is
one file of at most a few gigabytes. Memory is a block of the file.
"""

import hashlib
import zlib
from dataclasses import dataclass, field

from .header import Staged
from .refusal import Refusal
from .text import trim

MARK = b"\x1f"  # between the number and the line
BLOCK = 1 << 20
MAX_LINE = 256 << 10
EXPAND_FACTOR, EXPAND_FROM = 100, 1 << 30
SAMPLE_LINES, TITLE_LINES = 20, 30

# 0x80–0x9F as the WHATWG Encoding Standard reads windows-1252.
CP1252 = dict(enumerate("€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ", 0x80))

MAGIC = [
    (b"PK\x03\x04", "zip_archive", "a zip archive or an Excel workbook; unpack it or save the sheet as CSV"),
    (b"PK\x05\x06", "zip_archive", "an empty zip archive"),
    (b"\xff\xfe\x00\x00", "wrong_encoding", "UTF-32 text; save it as UTF-8"),
    (b"\xff\xfe", "wrong_encoding", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "wrong_encoding", "UTF-16 text; save it as UTF-8"),
    (b"\x1f\x8b", "not_text", "gzip within gzip; compress it once"),
    (b"\x28\xb5\x2f\xfd", "not_text", "compressed with zstd; use gzip or no compression"),
    (b"BZh91AY&SY", "not_text", "compressed with bzip2; use gzip or no compression"),
    (b"\xfd7zXZ", "not_text", "compressed with xz; use gzip or no compression"),
    (b"7z\xbc\xaf", "not_text", "a 7z archive; unpack it"),
    (b"PAR1", "not_text", "a Parquet file; export it as CSV"),
    (b"\xd0\xcf\x11\xe0", "not_text", "an old Excel workbook; save the sheet as CSV"),
    (b"%PDF", "not_text", "a PDF; export the table as CSV"),
]


@dataclass
class Counts:
    lines: int = 0  # after the header, blank ones included
    blank: int = 0  # of those, the ones without any character
    titles: int = 0  # lines with text above the header
    cp1252: int = 0  # lines that were read as windows-1252
    source_bytes: int = 0
    text_bytes: int = 0  # after decompression
    sha256: str = ""  # of the source's bytes
    staged: Staged = field(default_factory=Staged)


def stage(name, source, dst, is_header, bomb_from=EXPAND_FROM):
    """Writes "number MARK line LF" for every line after the header and says what it found.
    The header is the first line with text, unless is_header knows only a later one."""
    return Stager(name, source, dst, is_header, bomb_from).run()


class Stager:
    def __init__(self, name, source, dst, is_header, bomb_from):
        self.name, self.source, self.dst, self.is_header, self.bomb_from = name, source, dst, is_header, bomb_from
        self.sum, self.out = hashlib.sha256(), Counts()
        self.gzipped, self.header = False, False
        self.number = 0  # of the last line that was read
        self.held, self.texts = [], 0  # lines that wait for the verdict on the header

    def run(self):
        blocks = self.text()
        head = b""
        for block in blocks:
            head += block
            if len(head) >= 512:
                break
        self.sniff(head[:512])
        rest = head[3:] if head.startswith(b"\xef\xbb\xbf") else head
        more = True
        while more:
            whole, lf, tail = rest.rpartition(b"\n")
            if lf:
                self.lines(whole + lf)
            if len(tail) >= MAX_LINE:
                self.too_long(self.number + 1)
            block = next(blocks, None)
            more = block is not None
            rest = tail + (block or b"")
        if rest:
            self.lines(rest)
        self.settle(0)
        self.out.sha256 = self.sum.hexdigest()
        if not self.header:
            raise Refusal(
                "empty_file", f"{self.name} is empty: it has {self.out.source_bytes} bytes and no line with text; drop a CSV with a header line"
            )
        if self.out.lines == self.out.blank:
            raise Refusal("no_rows", f"{self.name} has a header in line {self.out.staged.header_line} and no data line after it")
        return self.out

    # The bytes.

    def raw(self):
        while block := self.source.read(BLOCK):
            self.sum.update(block)
            self.out.source_bytes += len(block)
            yield block

    def text(self):
        """The file's text in blocks, decompressed."""
        blocks = self.raw()
        first = next(blocks, b"")
        if not first.startswith(b"\x1f\x8b"):
            if first:
                yield first
            yield from blocks
            return
        self.gzipped = True
        yield from self.gunzip(first, blocks)

    def gunzip(self, block, blocks):
        """Any number of members, one after the other."""
        d = zlib.decompressobj(wbits=31)
        try:
            while block is not None:
                while block:
                    data = d.decompress(block, BLOCK)
                    if data:
                        yield data
                    block = d.unconsumed_tail
                    if d.eof:
                        block = d.unused_data
                        d = zlib.decompressobj(wbits=31) if block else d
                block = next(blocks, None)
                if d.eof and block:
                    d = zlib.decompressobj(wbits=31)
        except zlib.error as e:
            raise self.bad_gzip(e) from e
        if not d.eof:
            raise self.bad_gzip("unexpected end")

    def bad_gzip(self, why):
        return Refusal("bad_gzip", f"{self.name}: gzip stream breaks off in line {self.number + 1} (byte {self.out.source_bytes} of the file): {why}")

    def sniff(self, head):
        """Refuses what its first bytes show not to be a CSV."""
        for magic, reason, what in MAGIC:
            if head.startswith(magic):
                raise Refusal(reason, f"{self.name} is {what}")
        if head[257:262] == b"ustar":
            raise Refusal("not_text", f"{self.name} is a tar archive; drop the files in it one by one")
        if head.count(0) * 3 > len(head) > 1 and head[0] != 0:
            raise Refusal("wrong_encoding", f"{self.name} looks like UTF-16 text without a byte order mark; save it as UTF-8")

    # The lines.

    def lines(self, block):
        """Takes whole lines; the very last one of a file may lack its line feed."""
        self.out.text_bytes += len(block)
        found = block.split(b"\n")
        if found[-1] == b"":
            found.pop()
        head = 0
        while head < len(found) and not self.header:
            self.line(found[head])
            head += 1
        found = found[head:]
        if not found:
            return self.check_bomb()
        if max(map(len, found)) >= MAX_LINE:
            self.too_long(self.number + 1 + next(i for i, line in enumerate(found) if len(line) >= MAX_LINE))
        if self.plain(block):
            first = self.number + 1
            self.number += len(found)
            self.out.lines += len(found)
            self.out.blank += found.count(b"")
            self.sample(found)
            self.dst.write(b"".join([b"%d\x1f%b\n" % numbered for numbered in enumerate(found, first)]))
        else:
            for line in found:
                self.line(line)
        self.check_bomb()

    @staticmethod
    def plain(block):
        """Whether every line can be staged as it is."""
        if b"\r" in block or MARK in block or b"\0" in block:
            return False
        try:
            return block.isascii() or block.decode() is not None
        except UnicodeDecodeError:
            return False

    def check_bomb(self):
        if self.gzipped and self.out.text_bytes > self.bomb_from and self.out.text_bytes > EXPAND_FACTOR * self.out.source_bytes:
            raise Refusal(
                "expands_too_much",
                f"{self.name}: {self.out.source_bytes} bytes of gzip are more than {self.out.text_bytes} bytes of text by line {self.number}; "
                "drop it uncompressed if it is genuine",
            )

    def too_long(self, number):
        raise Refusal(
            "line_too_long",
            f"{self.name} line {number} is longer than {MAX_LINE >> 10} KiB; check that it is a CSV and that its lines end in a line feed",
        )

    def line(self, line):
        if len(line) >= MAX_LINE:
            self.too_long(self.number + 1)
        self.number += 1
        line, cp1252 = decode(line[:-1] if line.endswith(b"\r") else line)
        self.out.cp1252 += cp1252
        if self.header:
            self.data(self.number, line)
        else:
            self.first(line)

    def data(self, number, line):
        self.out.lines += 1
        self.out.blank += not line
        self.sample([line])
        self.dst.write(b"%d\x1f%b\n" % (number, line))

    def sample(self, lines):
        sample = self.out.staged.sample
        for line in lines:
            if len(sample) >= SAMPLE_LINES:
                return
            if line:
                sample.append(line.decode())

    def first(self, line):
        """The lines up to the header: blank ones, the separator that Excel understands in a
        line of its own, and titles."""
        text = line.decode()
        if not trim(text):
            if self.held:
                self.held.append((self.number, b""))
            return
        if line[:4].lower() == b"sep=" and len(line) == 5 and not self.out.staged.separator:
            self.out.staged.separator = text[4:].lower()
            return
        bad = sum(c < 0x20 and c != 9 or c == 0x7F for c in line)
        if bad * 10 > len(line):
            raise Refusal(
                "not_text", f"{self.name} line {self.number}: {bad} of {len(line)} bytes are control characters: not a text file; export it as CSV"
            )
        self.held.append((self.number, line))
        self.texts += 1
        if self.is_header is None:
            self.settle(0)
        elif self.is_header(text):
            self.settle(len(self.held) - 1)
        elif self.texts >= TITLE_LINES or len(self.held) >= 10 * TITLE_LINES:
            self.settle(0)

    def settle(self, header):
        """Takes one of the held lines as the header; what follows it is data."""
        if self.header or not self.held:
            return
        self.out.titles += sum(line != b"" for _, line in self.held[:header])
        number, line = self.held[header]
        self.header, self.out.staged.header, self.out.staged.header_line = True, line.decode(), number
        for number, line in self.held[header + 1 :]:
            self.data(number, line)
        self.held = []


def decode(line):
    """line as UTF-8 without the marks that staging uses, and whether it had to be read as
    windows-1252. A zero byte becomes the control character next to it, which is rejected."""
    cp1252 = False
    try:
        line.decode()
    except UnicodeDecodeError:
        line, cp1252 = line.decode("latin-1").translate(CP1252).encode(), True
    return line.replace(MARK, b" ").replace(b"\r", b" ").replace(b"\0", b"\x01"), cp1252
