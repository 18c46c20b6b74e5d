package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
)

// numbered is a file of a generation.
type numbered struct {
	name, kind string
	number     int
}

// files lists the journals and snapshots by generation, snapshots first.
func (j *Journal) files() ([]numbered, error) {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, err
	}
	var out []numbered
	for _, e := range entries {
		for _, kind := range []string{"snapshot", "journal"} {
			var n int
			if _, err := fmt.Sscanf(e.Name(), kind+"-%08d", &n); err == nil && e.Name() == filepath.Base(j.path(kind, n)) {
				out = append(out, numbered{e.Name(), kind, n})
			}
		}
	}
	sort.Slice(out, func(a, b int) bool {
		if out[a].number != out[b].number {
			return out[a].number < out[b].number
		}
		return out[a].kind > out[b].kind
	})
	return out, nil
}

// recover restores what the files hold and opens the journal to be continued.
func (j *Journal) recover() (damaged bool, err error) {
	files, err := j.files()
	if err != nil {
		return false, err
	}
	first := 0 // of the files that count: the newest snapshot
	for i, f := range files {
		if f.kind == "snapshot" {
			first = i
		}
	}
	j.number = 1
	last := "" // journal to be continued
	broken := false
	for i, f := range files {
		switch {
		case i < first:
			continue
		case broken:
			// It builds on what could not be read.
			if err := j.setAsideFile(f.name); err != nil {
				return damaged, err
			}
			continue
		default:
			bad, err := j.recoverFile(f)
			if err != nil {
				return damaged, err
			}
			damaged = damaged || bad
			// A damaged snapshot does not end the recovery: changes of what it lacks are ignored.
			broken = bad && f.kind == "journal"
		}
		j.number = f.number
		if f.kind == "journal" {
			last = f.name
		}
	}
	name := j.path("journal", j.number)
	if filepath.Base(name) != last || !exists(name) {
		if exists(name) {
			return damaged, fmt.Errorf("%s is in the way", name)
		}
		j.file, err = createJournal(name)
		j.size = int64(len(magic))
		return damaged, err
	}
	if j.file, err = os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return damaged, err
	}
	info, err := j.file.Stat()
	if err == nil && info.Size() == 0 { // nothing of it could be read
		if _, err = j.file.WriteString(magic); err == nil {
			err = j.file.Sync()
		}
	}
	if err == nil {
		j.size = max(info.Size(), int64(len(magic)))
	}
	return damaged, err
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// recoverFile restores a file as far as it is good, and leaves nothing else in a journal.
func (j *Journal) recoverFile(f numbered) (damaged bool, err error) {
	name := filepath.Join(j.dir, f.name)
	file, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	ended := false
	good, err := readRecords(file, func(payload []byte) error {
		end, err := replay(payload, j.space)
		ended = ended || end
		return err
	})
	if f.kind == "snapshot" {
		if err == nil && !ended {
			err = fmt.Errorf("%w: the end of the snapshot is missing", errDamaged)
		}
		if err == nil {
			j.snapshot = good
		}
	}
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, errTorn) && f.kind == "journal":
		j.log.Info("dropped the record that was being written when the server ended; it was confirmed to nobody",
			"file", name, "from_byte", good)
		return false, os.Truncate(name, good)
	case errors.Is(err, errDamaged) || errors.Is(err, errTorn):
		aside, copyErr := j.setAside(file, f.name, good)
		if copyErr != nil {
			return true, fmt.Errorf("set the damaged part of %s aside: %w", name, copyErr)
		}
		j.log.Warn("a file is damaged; everything before that is recovered, the rest is set aside",
			"file", name, "from_byte", good, "set_aside", aside, "error", err)
		if f.kind == "snapshot" {
			return true, nil // replaced by a new one
		}
		return true, os.Truncate(name, good)
	}
	return false, err
}

// setAside copies a file from a byte on to a new one, whose name it returns.
func (j *Journal) setAside(file *os.File, name string, from int64) (aside string, err error) {
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return "", err
	}
	out, err := j.unused(fmt.Sprintf("%s.damaged-from-%d", name, from))
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, file)
	if err == nil {
		err = out.Sync()
	}
	return out.Name(), errors.Join(err, out.Close(), syncDir(j.dir))
}

// setAsideFile renames a whole file.
func (j *Journal) setAsideFile(name string) error {
	out, err := j.unused(name + ".damaged-from-0")
	if err != nil {
		return err
	}
	if err := errors.Join(out.Close(), os.Rename(filepath.Join(j.dir, name), out.Name())); err != nil {
		return err
	}
	j.log.Warn("a journal that follows a damaged one is set aside", "file", name, "set_aside", out.Name())
	return syncDir(j.dir)
}

// unused creates a file of that name, with a number after it if there is one already.
func (j *Journal) unused(name string) (*os.File, error) {
	for i := 0; ; i++ {
		try := filepath.Join(j.dir, name)
		if i > 0 {
			try = fmt.Sprintf("%s.%d", try, i)
		}
		f, err := os.OpenFile(try, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if !errors.Is(err, os.ErrExist) {
			return f, err
		}
	}
}
