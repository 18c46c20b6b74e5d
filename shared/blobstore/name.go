package blobstore

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxBlobName is Azure's limit for the name inside its container, in characters.
const maxBlobName = 1024

// CheckName returns ErrInvalidName, with the reason, unless name can be a blob's: a
// container and a path in it. The rules are Azure's, so that what works in a folder works
// in the cloud.
func CheckName(name string) error {
	container, blob := Split(name)
	if reason := badContainer(container); reason != "" {
		return fmt.Errorf("%.200q: %s: %w", name, reason, ErrInvalidName)
	}
	if reason := badPath(blob, false); reason != "" {
		return fmt.Errorf("%.200q: %s: %w", name, reason, ErrInvalidName)
	}
	return nil
}

// CheckPrefix is CheckName for a prefix to list: a container, a slash, and the beginning
// of a path, which may be empty or end in a slash.
func CheckPrefix(prefix string) error {
	container, blob, ok := strings.Cut(prefix, "/")
	if reason := badContainer(container); reason != "" {
		return fmt.Errorf("prefix %.200q: %s: %w", prefix, reason, ErrInvalidName)
	}
	if !ok {
		return fmt.Errorf("prefix %.200q: no slash after the container: %w", prefix, ErrInvalidName)
	}
	if reason := badPath(blob, true); reason != "" {
		return fmt.Errorf("prefix %.200q: %s: %w", prefix, reason, ErrInvalidName)
	}
	return nil
}

// Split cuts a name into its container and the path inside it.
func Split(name string) (container, blob string) {
	container, blob, _ = strings.Cut(name, "/")
	return container, blob
}

func badContainer(c string) string {
	if len(c) < 3 || len(c) > 63 || strings.Trim(c, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
		c[0] == '-' || c[len(c)-1] == '-' || strings.Contains(c, "--") {
		return "the first element, the container, is not 3 to 63 lower-case letters, digits and single hyphens"
	}
	return ""
}

func badPath(p string, prefix bool) string {
	switch {
	case p == "" && !prefix:
		return "no path after the container"
	case !utf8.ValidString(p):
		return "not UTF-8"
	case utf8.RuneCountInString(p) > maxBlobName:
		return "longer than 1024 characters"
	case strings.ContainsFunc(p, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return "a control character"
	}
	for rest, more := p, true; more; {
		var element string
		element, rest, more = strings.Cut(rest, "/")
		switch {
		case element == "." || element == "..":
			if !prefix || more {
				return `an element "." or ".."`
			}
		case element == "" && (!prefix || more):
			return "an empty element"
		}
	}
	return ""
}
