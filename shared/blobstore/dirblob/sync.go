package dirblob

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/skucast/skucast/shared/blobstore"
)

// level says what of a put must have reached the disk before it is visible.
type level int

const (
	none     level = iota // what a power cut takes is found missing and made again
	itself                // the blob
	everyone              // the blob and whatever was written before it
)

// durability: the records that cannot be made again, and those whose existence says that
// others are there. A power cut must not leave them behind without what they speak of.
func durability(name string) level {
	switch path.Base(name) {
	case "_complete.json":
		return everyone
	case "run.json", "_manifest.json":
		return itself
	}
	if strings.HasPrefix(name, blobstore.Forecasts+"/drops/") {
		return itself
	}
	return none
}

func syncFile(f *os.File, l level) error {
	switch l {
	case everyone:
		return syncFS(f)
	case itself:
		return f.Sync()
	default:
		return nil
	}
}

// syncParents makes the folders on the way to a blob remember it.
func (s *Store) syncParents(name string, l level) error {
	if l == none {
		return nil
	}
	for dir := filepath.Dir(s.path(name)); len(dir) >= len(s.dir); dir = filepath.Dir(dir) {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		err = d.Sync()
		_ = d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
