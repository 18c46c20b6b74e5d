// Package marked puts what a program printed between two marks of a Markdown file.
package marked

import (
	"fmt"
	"os"
	"strings"
)

// Insert replaces what lies between the marks of by, the program that makes it:
//
//	<!-- begin: by -->
//	<!-- end: by -->
func Insert(file, by, text string) error {
	begin, end := "<!-- begin: "+by+" -->\n", "<!-- end: "+by+" -->"
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(old), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return fmt.Errorf("%s does not hold the line %s before %s", file, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(file, []byte(before+begin+"\n"+strings.TrimSpace(text)+"\n\n"+end+after), 0o644)
}
