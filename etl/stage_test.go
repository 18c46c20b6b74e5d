package etl

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

func stageText(t *testing.T, text string) Staged {
	t.Helper()
	s, err := Stage(t.Context(), "f.csv", strings.NewReader(text), io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStage(t *testing.T) {
	const plain = "2\x1fa,1\n3\x1fb,2\n"
	for _, tt := range []struct {
		name, in, header, out string
		cp1252, lines         int64
	}{
		{"plain", "h,i\na,1\nb,2\n", "h,i", plain, 0, 2},
		{"no line feed at the end", "h,i\na,1\nb,2", "h,i", plain, 0, 2},
		{"carriage returns", "h,i\r\na,1\r\nb,2\r\n", "h,i", plain, 0, 2},
		{"byte order mark", "\xef\xbb\xbfh,i\na,1\nb,2\n", "h,i", plain, 0, 2},
		{"gzip", gzipped(t, "h,i\na,1\nb,2\n"), "h,i", plain, 0, 2},
		{"two gzip members", gzipped(t, "h,i\na,1\n") + gzipped(t, "b,2\n"), "h,i", plain, 0, 2},
		{"gzip with byte order mark", gzipped(t, "\xef\xbb\xbfh,i\na,1\nb,2\n"), "h,i", plain, 0, 2},
		{"blank lines before the header", "\n \r\nh,i\na,1\n", "h,i", "4\x1fa,1\n", 0, 1},
		{"blank line inside", "h\n\na\n", "h", "2\x1f\n3\x1fa\n", 0, 2},
		{"windows-1252", "h\nM\xfcller \x80\x99\n", "h", "2\x1fMüller €™\n", 1, 1},
		{"windows-1252 header", "St\xfcck\na\n", "Stück", "2\x1fa\n", 1, 1},
		{"utf-8 stays", "h\nMüller €\n", "h", "2\x1fMüller €\n", 0, 1},
		{"zero byte", "h\nab\x00c\n", "h", "2\x1fab\x01c\n", 0, 1},
		{"marks inside a line", "h\na\x1fb\rc\n", "h", "2\x1fa b c\n", 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			s, err := Stage(t.Context(), "f.csv", iotest.HalfReader(strings.NewReader(tt.in)), &out, nil)
			if err != nil {
				t.Fatal(err)
			}
			if s.Header != tt.header || out.String() != tt.out || s.CP1252Lines != tt.cp1252 || s.Lines != tt.lines {
				t.Errorf("header %q, lines %q, %d in windows-1252, %d lines; want %q, %q, %d, %d",
					s.Header, out.String(), s.CP1252Lines, s.Lines, tt.header, tt.out, tt.cp1252, tt.lines)
			}
			sum := sha256.Sum256([]byte(tt.in))
			if s.SHA256 != hex.EncodeToString(sum[:]) || s.SourceBytes != int64(len(tt.in)) {
				t.Errorf("sha256 %s of %d bytes is not the source's", s.SHA256, s.SourceBytes)
			}
		})
	}
}

// TestTitles: the header is looked for below titles, and no line is lost either way.
func TestTitles(t *testing.T) {
	long := strings.Repeat("x,1\n", titleLines)
	for _, tt := range []struct {
		name, in, header, out string
		line, titles          int64
	}{
		{"none", "date,sku,units\na\n", "date,sku,units", "2\x1fa\n", 1, 0},
		{"two and a blank", "Sales\nfrom 1 to 7\n\nDate;Item;Qty\na\n\nb\n", "Date;Item;Qty", "5\x1fa\n6\x1f\n7\x1fb\n", 4, 2},
		{"unknown header", "foo,bar\na\n\nb", "foo,bar", "2\x1fa\n3\x1f\n4\x1fb\n", 1, 0},
		{"too late", "foo,bar\n" + long + "date,sku,units\n", "foo,bar", "", 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			s, err := Stage(t.Context(), "f.csv", strings.NewReader(tt.in), &out, HeaderTest(run.ETLOptions{}))
			if err != nil {
				t.Fatal(err)
			}
			if tt.out == "" {
				tt.out = out.String()
				if n := int64(strings.Count(tt.out, "\n")); n != titleLines+1 || s.Lines != n {
					t.Errorf("%d of %d lines staged, want %d", n, s.Lines, titleLines+1)
				}
			}
			if s.Header != tt.header || s.HeaderLine != tt.line || s.Titles != tt.titles || out.String() != tt.out {
				t.Errorf("header %q in line %d after %d titles, lines %q", s.Header, s.HeaderLine, s.Titles, out.String())
			}
		})
	}
}

func TestStageRefuses(t *testing.T) {
	full := gzipped(t, "h,i\n"+strings.Repeat("abc,1234\n", 10_000))
	for _, tt := range []struct{ name, in, reason, says string }{
		{"empty", "", ReasonEmptyFile, "0 bytes"},
		{"only a byte order mark", "\xef\xbb\xbf", ReasonEmptyFile, "3 bytes"},
		{"only blank lines", "\n\r\n  \n", ReasonEmptyFile, "no line with text"},
		{"empty gzip", gzipped(t, ""), ReasonEmptyFile, ""},
		{"header only", "date,sku,units\n", ReasonNoRows, "line 1"},
		{"header and blank lines", "date,sku,units\n\n\n", ReasonNoRows, ""},
		{"zip", "PK\x03\x04 and so on", ReasonZipArchive, "zip"},
		{"zip within gzip", gzipped(t, "PK\x03\x04 and so on"), ReasonZipArchive, "zip"},
		{"gzip within gzip", gzipped(t, full), ReasonNotText, "gzip within gzip"},
		{"parquet", "PAR1 and so on", ReasonNotText, "Parquet"},
		{"tar", strings.Repeat("x", 257) + "ustar\x0000", ReasonNotText, "tar"},
		{"zero bytes in the header", strings.Repeat("a\x00", 20) + "\n1\n", ReasonWrongEncoding, "UTF-16"},
		{"control characters", strings.Repeat("a\x01\x02", 20) + "\n1\n", ReasonNotText, "control"},
		{"utf-16 with mark", "\xff\xfed\x00a\x00", ReasonWrongEncoding, "UTF-16"},
		{"utf-16 without mark", "d\x00a\x00t\x00e\x00,\x00", ReasonWrongEncoding, "UTF-16"},
		{"gzip cut off", full[:len(full)/2], ReasonBadGzip, "breaks off"},
		{"gzip cut off in its header", full[:5], ReasonBadGzip, "header"},
		{"gzip damaged", full[:40] + "xxxx" + full[44:], ReasonBadGzip, ""},
		{"gzip with a tail", full + "tail", ReasonBadGzip, ""},
		{"long line", "h\na\n" + strings.Repeat("x", MaxLineBytes+1), ReasonLineTooLong, "line 3"},
		{"long header", strings.Repeat("x", MaxLineBytes+1), ReasonLineTooLong, "line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Stage(t.Context(), "f.csv", strings.NewReader(tt.in), io.Discard, nil)
			if event.ReasonOf(err) != tt.reason || !strings.Contains(fmt.Sprint(err), tt.says) || !strings.Contains(fmt.Sprint(err), "f.csv") {
				t.Errorf("reason %q (%v), want %q with %q", event.ReasonOf(err), err, tt.reason, tt.says)
			}
		})
	}
}

// TestStageSourceError: a store's error is the store's, not a damaged file.
func TestStageSourceError(t *testing.T) {
	broken := errors.New("connection lost")
	for name, head := range map[string]string{"text": "h\na\n", "gzip": gzipped(t, "h\n"+strings.Repeat("a\n", 99))[:20]} {
		_, err := Stage(t.Context(), "f.csv", io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken)), io.Discard, nil)
		if !errors.Is(err, broken) || event.IsPermanent(err) {
			t.Errorf("%s: %v, want the transient %v", name, err, broken)
		}
	}
}

type repeat struct {
	text string
	left int64
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n+len(r.text) <= len(p) {
		n += copy(p[n:], r.text)
	}
	r.left -= int64(n)
	return n, nil
}

// TestStageMemory: neither a line of 300 MB nor a gzip bomb of one line is held.
func TestStageMemory(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := io.Copy(w, &repeat{"xxxxxxxx", 300 << 20}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]func() io.Reader{
		"line": func() io.Reader { return &repeat{"xxxxxxxx", 300 << 20} },
		"bomb": func() io.Reader { return bytes.NewReader(bomb.Bytes()) },
	} {
		var before, after runtime.MemStats
		source := in()
		runtime.ReadMemStats(&before)
		_, err := Stage(t.Context(), "f.csv", source, io.Discard, nil)
		runtime.ReadMemStats(&after)
		if event.ReasonOf(err) != ReasonLineTooLong {
			t.Errorf("%s: %v", name, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

// TestStageBomb: a gzip of short lines is refused before it fills the disk.
func TestStageBomb(t *testing.T) {
	pr, pw := io.Pipe()
	go func() {
		w, _ := gzip.NewWriterLevel(pw, gzip.BestSpeed)
		if _, err := io.WriteString(w, "h\n"); err == nil {
			_, _ = io.Copy(w, &repeat{strings.Repeat("x", 4095) + "\n", 64 << 20})
		}
		_ = w.Close()
		_ = pw.Close()
	}()
	defer func() { _ = pr.Close() }()
	_, err := stage(t.Context(), "f.csv", pr, io.Discard, nil, 16<<20)
	if event.ReasonOf(err) != ReasonTooLarge {
		t.Fatalf("%v, want %s", err, ReasonTooLarge)
	}
}

func FuzzStage(f *testing.F) {
	for _, s := range []string{"h\na\n", "\xff\xfea\x00", "PK\x03\x04", "\x1f\x8b\x08", "a\r\n\x80\n", "sep=;\nh\n1", "h\n\x1f\r\n"} {
		f.Add([]byte(s))
	}
	f.Add([]byte(gzipped(f, "h\na\n")))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		s, err := Stage(t.Context(), "f.csv", bytes.NewReader(in), &out, nil)
		if err != nil {
			if !event.IsPermanent(err) || WayOut(event.ReasonOf(err)) == "" {
				t.Fatalf("reason %q: %v", event.ReasonOf(err), err)
			}
			return
		}
		if !utf8.Valid(out.Bytes()) || int64(bytes.Count(out.Bytes(), []byte("\n"))) != s.Lines {
			t.Fatalf("%d lines staged as %q", s.Lines, out.Bytes())
		}
		for line := range bytes.Lines(out.Bytes()) {
			if bytes.Count(line, []byte{fieldMark}) != 1 || bytes.ContainsAny(line, "\r\x00") {
				t.Fatalf("staged line %q", line)
			}
		}
	})
}

func BenchmarkStage(b *testing.B) {
	text := "date,store,sku,units,price\n" + strings.Repeat("2024-01-01,store-1,sku-00001,12,4.95\n", 100_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Stage(b.Context(), "f.csv", strings.NewReader(text), io.Discard, nil); err != nil {
			b.Fatal(err)
		}
	}
}
