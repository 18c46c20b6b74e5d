package functions

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
)

// App is the app root as the host sees it, host.json beside the function folders, without
// staging it to disk: what the local host starts from inside one binary. It is kept as the
// zip that a deployment uploads, which the standard library serves as a file system.
func App(hostJSON []byte) (fs.FS, error) {
	files, err := fs.Glob(embedded, "*/function.json")
	if err != nil {
		return nil, fmt.Errorf("list embedded functions: %w", err)
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	add := func(name string, data []byte) error {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(data)
		}
		return err
	}
	if err := add("host.json", hostJSON); err != nil {
		return nil, fmt.Errorf("add host.json: %w", err)
	}
	for _, name := range files {
		data, err := embedded.ReadFile(name)
		if err == nil {
			err = add(name, data)
		}
		if err != nil {
			return nil, fmt.Errorf("add %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("close app archive: %w", err)
	}
	r, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		return nil, fmt.Errorf("open app archive: %w", err)
	}
	return r, nil
}
