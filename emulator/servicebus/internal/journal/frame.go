// Package journal keeps the messages of a broker on disk: an append-only journal with group
// commit, snapshots that replace its beginning, and their recovery.
//
// A directory holds files in numbered generations. Generation n is snapshot-n, the state
// of all queues around the moment when the generation began (the first has none), and
// journal-n, the changes since that moment. Recovery reads the newest snapshot and the
// journals from its generation on; changes that the snapshot has already are told twice,
// which restoring does not mind.
//
// A file is a header and records:
//
//	length of the payload  4 bytes, big endian
//	check of the length    4 bytes, CRC-32C of the 4 before
//	check of the payload   4 bytes, CRC-32C
//	payload                a step: changes that happened at once
//
// What a broker was writing when it was killed ends in the middle of a record; that record
// was never confirmed to anybody and is dropped. Any other damage ends the recovery of
// that file as well, but what comes from there on is set aside in a file that the warning
// names, and never overwritten.
package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	magic       = "SBJOURN1"
	headerSize  = 12 // of a record
	bytesPerTry = 1 << 20
)

var (
	// errTorn means that a file ends in the middle of a record.
	errTorn = errors.New("the last record is incomplete")
	// errDamaged means that a record is not what was written.
	errDamaged = errors.New("damaged record")
)

func table() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// beginRecord leaves room for the header of a record; endRecord, given the position
// returned, fills it in.
func beginRecord(b []byte) ([]byte, int) {
	at := len(b)
	return append(b, make([]byte, headerSize)...), at
}

func endRecord(b []byte, at int) []byte {
	payload := b[at+headerSize:]
	h := b[at : at+headerSize]
	binary.BigEndian.PutUint32(h, uint32(len(payload)))
	binary.BigEndian.PutUint32(h[4:], crc32.Checksum(h[:4], table()))
	binary.BigEndian.PutUint32(h[8:], crc32.Checksum(payload, table()))
	return b
}

// readRecords calls each with the payload of every record, which is valid until it
// returns, and returns how many bytes of the file are good. The error is nil at the end of
// the file.
func readRecords(r io.Reader, each func(payload []byte) error) (good int64, err error) {
	br := bufio.NewReaderSize(r, bytesPerTry)
	head := make([]byte, len(magic))
	switch n, err := io.ReadFull(br, head); {
	case n == 0 && errors.Is(err, io.EOF):
		return 0, nil // killed before the first write
	case errors.Is(err, io.ErrUnexpectedEOF):
		if string(head[:n]) != magic[:n] {
			return 0, fmt.Errorf("%w: this is no journal", errDamaged)
		}
		return 0, errTorn
	case err != nil:
		return 0, err
	case string(head) != magic:
		return 0, fmt.Errorf("%w: this is no journal", errDamaged)
	}
	good = int64(len(magic))
	var buf []byte
	for {
		var h [headerSize]byte
		switch _, err := io.ReadFull(br, h[:]); {
		case errors.Is(err, io.EOF):
			return good, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return good, errTorn
		case err != nil:
			return good, err
		}
		n := binary.BigEndian.Uint32(h[:])
		if crc32.Checksum(h[:4], table()) != binary.BigEndian.Uint32(h[4:]) {
			return good, errDamaged
		}
		if buf, err = readPayload(br, buf, int(n)); err != nil {
			return good, err
		}
		if crc32.Checksum(buf, table()) != binary.BigEndian.Uint32(h[8:]) {
			return good, errDamaged
		}
		if err := each(buf); err != nil {
			return good, fmt.Errorf("%w: %w", errDamaged, err)
		}
		good += headerSize + int64(n)
	}
}

// readPayload reads n bytes, growing the buffer no faster than they come.
func readPayload(r io.Reader, buf []byte, n int) ([]byte, error) {
	buf = buf[:0]
	for len(buf) < n {
		at, step := len(buf), min(n-len(buf), bytesPerTry)
		if cap(buf) < at+step {
			buf = append(buf, make([]byte, step)...)
		}
		buf = buf[:at+step]
		if _, err := io.ReadFull(r, buf[at:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, errTorn
			}
			return nil, err
		}
	}
	return buf, nil
}
