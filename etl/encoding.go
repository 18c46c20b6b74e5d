package etl

import (
	"bytes"
	"unicode/utf8"
)

// cp1252High maps 0x80–0x9F as the WHATWG Encoding Standard does (index-windows-1252);
// the five bytes that Windows leaves undefined become C1 controls.
const cp1252High = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

// decoder turns lines of bytes into UTF-8.
type decoder struct {
	high [32]rune
	buf  []byte
}

func newDecoder() *decoder {
	d := &decoder{}
	i := 0
	for _, r := range cp1252High {
		d.high[i] = r
		i++
	}
	return d
}

// line returns b as UTF-8 without the marks that staging uses: 0x1F and a carriage return
// inside the line become spaces. A zero byte, which databases refuse in texts, becomes the
// control character next to it, so that a key, date or quantity with it is rejected. It reports whether b had to be read as Windows-1252. The
// result may share b or the decoder's buffer.
func (d *decoder) line(b []byte) (out []byte, cp1252 bool) {
	if !utf8.Valid(b) {
		d.buf = d.buf[:0]
		for _, c := range b {
			switch {
			case c < 0x80:
				d.buf = append(d.buf, c)
			case c < 0xA0:
				d.buf = utf8.AppendRune(d.buf, d.high[c-0x80])
			default:
				d.buf = utf8.AppendRune(d.buf, rune(c))
			}
		}
		b, cp1252 = d.buf, true
	}
	for _, mark := range [...][2]byte{{fieldMark, ' '}, {'\r', ' '}, {0, 1}} {
		for i := bytes.IndexByte(b, mark[0]); i >= 0; i = bytes.IndexByte(b, mark[0]) {
			b[i] = mark[1]
		}
	}
	return b, cp1252
}
