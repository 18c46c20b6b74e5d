package run

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// Digest is a sum of sha256 hashes modulo 2²⁵⁶, big-endian: the same for the same set of
// lines in any order, on any number of workers.
type Digest [32]byte

// AddLine adds the hash of one canonical line, which ends in a line feed.
func (d *Digest) AddLine(line []byte) { d.Add(sha256.Sum256(line)) }

// Add adds another partial sum.
func (d *Digest) Add(o Digest) {
	var carry uint64
	for i := 24; i >= 0; i -= 8 {
		var sum uint64
		sum, carry = bits.Add64(binary.BigEndian.Uint64(d[i:]), binary.BigEndian.Uint64(o[i:]), carry)
		binary.BigEndian.PutUint64(d[i:], sum)
	}
}

// String is 64 hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }
