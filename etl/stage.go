package etl

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// fieldMark separates the line number from the line in staged text (ASCII unit
// separator); staging replaces it inside lines.
const fieldMark = 0x1F

// MaxLineBytes is the longest line of a source; windows-1252 text may triple in UTF-8.
const MaxLineBytes = 256 << 10

// MaxStagedLineBytes bounds a staged line: number, mark, text and line feed.
const MaxStagedLineBytes = 3*MaxLineBytes + 32

// A gzip that expands to more than expandFactor times its size is refused once it has
// passed expandFrom bytes. The files of a till compress 5 to 30 times.
const (
	expandFactor = 100
	expandFrom   = 1 << 30
)

// Staged says what a staging pass found.
type Staged struct {
	Header      string   // the header line, decoded
	Separator   string   // given by a first line "sep=;", else ""
	HeaderLine  int64    // its line number
	Sample      []string // the first data lines, to judge separators by
	Lines       int64    // lines after the header, blank ones included
	Blank       int64    // of those, the ones without any character
	Titles      int64    // lines with text above the header
	CP1252Lines int64    // lines that were read as windows-1252
	SourceBytes int64    // bytes read from the source
	TextBytes   int64    // bytes after decompression
	SHA256      string   // of the source's bytes
}

const sampleLines = 20

// Stage reads a source once and writes its data lines as "number 0x1F line LF" in UTF-8:
// gunzipped, without byte order mark and carriage returns, lines that are not UTF-8 read
// as windows-1252. Numbers are those of the source's lines, from 1. What cannot be a CSV
// is refused with a reason. name is used in messages only. Memory is one line.
//
// The header is the first line with text, unless isHeader (HeaderTest; nil: none) knows
// only a later one of the first titleLines: reports put a title and a date range above it.
func Stage(ctx context.Context, name string, source io.Reader, dst io.Writer, isHeader func(line string) bool) (Staged, error) {
	return stage(ctx, name, source, dst, isHeader, expandFrom)
}

// titleLines is how many lines with text are looked at for a header.
const titleLines = 30

// stage refuses a gzip as a bomb only beyond so many bytes of text.
func stage(ctx context.Context, name string, source io.Reader, dst io.Writer, isHeader func(string) bool, bombFrom int64) (Staged, error) {
	in := &sourceReader{r: source, sum: sha256.New()}
	s := stager{name: name, in: in, dst: bufio.NewWriterSize(dst, 1<<18), decoder: newDecoder(), isHeader: isHeader, bombFrom: bombFrom}
	err := s.run(ctx)
	if in.err != nil { // the source broke; what the decoders made of it does not matter
		return Staged{}, fmt.Errorf("read %s: %w", name, in.err)
	}
	if err != nil {
		return Staged{}, err
	}
	if err := s.dst.Flush(); err != nil {
		return Staged{}, fmt.Errorf("stage %s: %w", name, err)
	}
	s.out.SourceBytes = in.n
	s.out.SHA256 = hex.EncodeToString(in.sum.Sum(nil))
	return s.out, nil
}

type stager struct {
	name     string
	in       *sourceReader
	dst      *bufio.Writer
	decoder  *decoder
	gzipped  bool
	bombFrom int64
	out      Staged
	isHeader func(line string) bool
	header   bool // seen
	// held are the first line with text and what follows, until a header is recognised or
	// enough is seen to know that the first line is the header after all.
	held   []heldLine
	texts  int // lines with text among them
	number []byte
}

// heldLine waits for the verdict on the header.
type heldLine struct {
	n    int64
	text string
}

func (s *stager) run(ctx context.Context) error {
	text := bufio.NewReaderSize(s.in, MaxLineBytes)
	head, err := text.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.HasPrefix(head, []byte{0x1F, 0x8B}) {
		z, err := gzip.NewReader(text)
		if err != nil {
			return refuse(ReasonBadGzip, "%s: gzip header: %w", s.name, err)
		}
		s.gzipped = true
		text = bufio.NewReaderSize(z, MaxLineBytes)
		if head, err = text.Peek(512); err != nil && !errors.Is(err, io.EOF) {
			return refuse(ReasonBadGzip, "%s: gzip stream breaks off at byte %d: %w", s.name, s.in.n, err)
		}
	}
	if err := s.sniff(head); err != nil {
		return err
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, _ = text.Discard(3) // they were peeked
	}
	if err := s.lines(ctx, text); err != nil {
		return err
	}
	if err := s.settle(0); err != nil {
		return err
	}
	switch {
	case !s.header:
		return refuse(ReasonEmptyFile, "%s is empty: it has %d bytes and no line with text; drop a CSV with a header line", s.name, s.in.n)
	case s.out.Lines == s.out.Blank:
		return refuse(ReasonNoRows, "%s has a header in line %d and no data line after it", s.name, s.out.HeaderLine)
	}
	return nil
}

// lines copies every line after the header.
func (s *stager) lines(ctx context.Context, text *bufio.Reader) error {
	for n := int64(1); ; n++ {
		if n&0xFFFF == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := text.ReadSlice('\n')
		last := errors.Is(err, io.EOF)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return refuse(ReasonLineTooLong, "%s line %d is longer than %d KiB; check that it is a CSV and that its lines end in a line feed", s.name, n, MaxLineBytes>>10)
		case err != nil && !last:
			if s.gzipped {
				return refuse(ReasonBadGzip, "%s: gzip stream breaks off in line %d (byte %d of the file): %w", s.name, n, s.in.n, err)
			}
			return err
		}
		s.out.TextBytes += int64(len(line))
		if len(line) > 0 {
			if werr := s.line(n, line); werr != nil {
				return werr
			}
		}
		if last {
			return nil
		}
		if s.gzipped && s.out.TextBytes > s.bombFrom && s.out.TextBytes > expandFactor*s.in.n {
			return refuse(ReasonTooLarge, "%s: %d bytes of gzip are more than %d bytes of text by line %d; drop it uncompressed if it is genuine",
				s.name, s.in.n, s.out.TextBytes, n)
		}
	}
}

func (s *stager) line(n int64, line []byte) error {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	line, cp1252 := s.decoder.line(line)
	if cp1252 {
		s.out.CP1252Lines++
	}
	if !s.header {
		return s.first(n, line)
	}
	return s.data(n, line)
}

// data stages one line after the header.
func (s *stager) data(n int64, line []byte) error {
	s.out.Lines++
	if len(line) == 0 {
		s.out.Blank++
	}
	if len(s.out.Sample) < sampleLines && len(line) > 0 {
		s.out.Sample = append(s.out.Sample, string(line))
	}
	s.number = strconv.AppendInt(s.number[:0], n, 10)
	s.number = append(s.number, fieldMark)
	if _, err := s.dst.Write(s.number); err != nil {
		return fmt.Errorf("stage line %d of %s: %w", n, s.name, err)
	}
	if _, err := s.dst.Write(line); err != nil {
		return fmt.Errorf("stage line %d of %s: %w", n, s.name, err)
	}
	if err := s.dst.WriteByte('\n'); err != nil {
		return fmt.Errorf("stage line %d of %s: %w", n, s.name, err)
	}
	return nil
}

// first handles the lines up to the header: blank ones, the separator that Excel
// understands in a line of its own, and titles.
func (s *stager) first(n int64, line []byte) error {
	trimmed := bytes.TrimSpace(line)
	if len(trimmed) == 0 {
		if len(s.held) > 0 {
			s.held = append(s.held, heldLine{n: n})
		}
		return nil
	}
	if sep, ok := bytes.CutPrefix(bytes.ToLower(line), []byte("sep=")); ok && len(sep) == 1 && s.out.Separator == "" {
		s.out.Separator = string(sep)
		return nil
	}
	if bad := controls(line); bad*10 > len(line) {
		return refuse(ReasonNotText, "%s line %d: %d of %d bytes are control characters: not a text file; export it as CSV", s.name, n, bad, len(line))
	}
	s.held = append(s.held, heldLine{n, string(line)})
	s.texts++
	switch {
	case s.isHeader == nil:
		return s.settle(0)
	case s.isHeader(string(line)):
		return s.settle(len(s.held) - 1)
	case s.texts >= titleLines || len(s.held) >= 10*titleLines:
		return s.settle(0)
	}
	return nil
}

// settle takes one of the held lines as the header; what follows it is data.
func (s *stager) settle(header int) error {
	if s.header || len(s.held) == 0 {
		return nil
	}
	for _, l := range s.held[:header] {
		if l.text != "" {
			s.out.Titles++
		}
	}
	s.header, s.out.Header, s.out.HeaderLine = true, s.held[header].text, s.held[header].n
	for _, l := range s.held[header+1:] {
		if err := s.data(l.n, []byte(l.text)); err != nil {
			return err
		}
	}
	s.held = nil
	return nil
}

func controls(line []byte) int {
	n := 0
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7F {
			n++
		}
	}
	return n
}

// sniff refuses what its first bytes show not to be a CSV.
func (s *stager) sniff(head []byte) error {
	type magic struct{ prefix, reason, what string }
	for _, m := range []magic{
		{"PK\x03\x04", ReasonZipArchive, "a zip archive or an Excel workbook; unpack it or save the sheet as CSV"},
		{"PK\x05\x06", ReasonZipArchive, "an empty zip archive"},
		{"\xff\xfe\x00\x00", ReasonWrongEncoding, "UTF-32 text; save it as UTF-8"},
		{"\xff\xfe", ReasonWrongEncoding, "UTF-16 text; save it as UTF-8"},
		{"\xfe\xff", ReasonWrongEncoding, "UTF-16 text; save it as UTF-8"},
		{"\x1f\x8b", ReasonNotText, "gzip within gzip; compress it once"},
		{"\x28\xb5\x2f\xfd", ReasonNotText, "compressed with zstd; use gzip or no compression"},
		{"BZh91AY&SY", ReasonNotText, "compressed with bzip2; use gzip or no compression"},
		{"\xfd7zXZ", ReasonNotText, "compressed with xz; use gzip or no compression"},
		{"7z\xbc\xaf", ReasonNotText, "a 7z archive; unpack it"},
		{"PAR1", ReasonNotText, "a Parquet file; export it as CSV"},
		{"\xd0\xcf\x11\xe0", ReasonNotText, "an old Excel workbook; save the sheet as CSV"},
		{"%PDF", ReasonNotText, "a PDF; export the table as CSV"},
	} {
		if bytes.HasPrefix(head, []byte(m.prefix)) {
			return refuse(m.reason, "%s is %s", s.name, m.what)
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return refuse(ReasonNotText, "%s is a tar archive; drop the files in it one by one", s.name)
	}
	if zeros := bytes.Count(head, []byte{0}); zeros*3 > len(head) && len(head) > 1 && head[0] != 0 {
		return refuse(ReasonWrongEncoding, "%s looks like UTF-16 text without a byte order mark; save it as UTF-8", s.name)
	}
	return nil
}

// sourceReader hashes what is read and remembers the source's own error, so that it is
// not taken for a damaged file.
type sourceReader struct {
	r   io.Reader
	sum hash.Hash
	n   int64
	err error
}

func (r *sourceReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.sum.Write(p[:n])
	r.n += int64(n)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
