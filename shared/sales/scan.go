package sales

import (
	"context"
	"fmt"

	"github.com/parquet-go/parquet-go"
)

// scan streams columns side by side with flat memory and calls f row by row until it says
// stop. A column that is optional and absent reads as null.
func (t *table) scan(ctx context.Context, required, optional []string, f func(row []parquet.Value) (more bool, err error)) error {
	ids, err := t.columns(required, optional...)
	if err != nil {
		return err
	}
	s := scanner{
		t: t, w: newWindows(ctx, &t.blob, len(ids)), ids: ids,
		cols: make([]column, len(ids)), held: make([][]parquet.Value, len(ids)), row: make([]parquet.Value, len(ids)),
	}
	for g, group := range t.file.RowGroups() {
		more, err := s.group(g, int(group.NumRows()), f)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

type scanner struct {
	t    *table
	w    *windows
	ids  []int
	cols []column
	held [][]parquet.Value // per column: what is decoded and not yet used
	row  []parquet.Value
}

func (s *scanner) group(group, n int, f func([]parquet.Value) (bool, error)) (bool, error) {
	defer s.close()
	err := s.t.guard("rows", s.w, func() error {
		for i, id := range s.ids {
			if id >= 0 {
				if err := s.cols[i].open(s.t, s.w, group, id, 0); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for r := range n {
		for i, id := range s.ids {
			if id < 0 {
				continue
			}
			if len(s.held[i]) == 0 {
				if err := s.fill(i, group, r, n); err != nil {
					return false, err
				}
			}
			s.row[i], s.held[i] = s.held[i][0], s.held[i][1:]
		}
		// Outside of guard: a panic of f is not the file's fault.
		more, err := f(s.row)
		if err != nil {
			return false, s.t.unreadable("rows", err)
		}
		if !more {
			return false, nil
		}
	}
	return true, nil
}

func (s *scanner) fill(i, group, r, n int) error {
	return s.t.guard("rows", s.w, func() error {
		v, err := s.cols[i].next(min(batch, n-r))
		if err != nil {
			return fmt.Errorf("row group %d, row %d of %d, column %d: %w", group, r, n, s.ids[i], err)
		}
		s.held[i] = v
		return nil
	})
}

func (s *scanner) close() {
	for i := range s.cols {
		s.cols[i].close()
		s.held[i] = nil
	}
}
