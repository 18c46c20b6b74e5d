package products

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// A summary carries the sha256 of itself in its metadata, taken while the hash's digits
// were zeros. (A forecast part has its hash in its name.) So every damage is seen before
// the Parquet library looks at a byte: it trusts lengths, and a wrong one can end the process.
const (
	metaSeal   = "seal"
	sealPrefix = "sha256:"

	sealBlank = "0000000000000000000000000000000000000000000000000000000000000000"
)

// sealAt finds the digits of the seal; −1 if there are none. Metadata is the last thing
// in a file that holds text, so the last prefix is the seal's whatever the SKUs are called.
func sealAt(data []byte) int {
	i := bytes.LastIndex(data, []byte(sealPrefix))
	if i < 0 || len(data) < i+len(sealPrefix)+len(sealBlank) {
		return -1
	}
	return i + len(sealPrefix)
}

// seal fills in the hash of a file that was written with a blank seal.
func seal(data []byte) error {
	at := sealAt(data)
	if at < 0 || string(data[at:at+len(sealBlank)]) != sealBlank {
		return fmt.Errorf("metadata has no blank %s", metaSeal)
	}
	sum := sha256.Sum256(data)
	hex.Encode(data[at:], sum[:])
	return nil
}

// intact reports whether data is what seal left.
func intact(data []byte) bool {
	at := sealAt(data)
	if at < 0 {
		return false
	}
	rest := at + len(sealBlank)
	h := sha256.New()
	h.Write(data[:at])
	h.Write([]byte(sealBlank))
	h.Write(data[rest:])
	return hex.EncodeToString(h.Sum(nil)) == string(data[at:rest])
}
