package amqp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Protocol headers, AMQP 1.0 part 2, section 2.2 and part 5, section 5.3.1.
const (
	HeaderAMQP = "AMQP\x00\x01\x00\x00"
	HeaderSASL = "AMQP\x03\x01\x00\x00"
)

// Frame types.
const (
	FrameAMQP = 0
	FrameSASL = 1
)

const frameHeader = 8

// Frame is one frame as read. Its body is valid until the next ReadFrame of the reader; an
// empty body is a sign of life.
type Frame struct {
	Type    byte
	Channel uint16
	Body    []byte
}

// FrameReader reads frames of a bounded size into one buffer.
type FrameReader struct {
	r   *bufio.Reader
	buf []byte
	max uint32
}

// NewFrameReader reads from r frames of at most limit bytes, header included.
func NewFrameReader(r *bufio.Reader, limit uint32) *FrameReader {
	return &FrameReader{r: r, max: limit}
}

// ReadFrame reads the next frame. It returns io.EOF only between frames.
func (fr *FrameReader) ReadFrame() (Frame, error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(fr.r, h[:]); err != nil {
		return Frame{}, err
	}
	size, offset := binary.BigEndian.Uint32(h[:]), int(h[4])*4
	switch {
	case size > fr.max:
		return Frame{}, malformed("frame of %d bytes, at most %d were agreed", size, fr.max)
	case offset < frameHeader || uint32(offset) > size:
		return Frame{}, malformed("frame of %d bytes whose body begins at %d", size, offset)
	}
	n := int(size) - frameHeader
	if cap(fr.buf) < n {
		fr.buf = make([]byte, n)
	}
	body := fr.buf[:n]
	if _, err := io.ReadFull(fr.r, body); err != nil {
		return Frame{}, fmt.Errorf("frame cut off: %w", noEOF(err))
	}
	return Frame{Type: h[5], Channel: binary.BigEndian.Uint16(h[6:]), Body: body[offset-frameHeader:]}, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// BeginFrame starts a frame; EndFrame, given the position returned, writes its size.
func BeginFrame(b []byte, typ byte, channel uint16) ([]byte, int) {
	at := len(b)
	b = append(b, 0, 0, 0, 0, frameHeader/4, typ)
	return binary.BigEndian.AppendUint16(b, channel), at
}

// EndFrame completes the frame that began at the given position.
func EndFrame(b []byte, at int) []byte {
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b
}
