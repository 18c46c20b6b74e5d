package marked

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTablesGoBetweenTheMarks(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.md")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const begin, end = "<!-- begin: me -->\n", "<!-- end: me -->"
	write("# Title\n\n" + begin + "old\n" + end + "\nrest\n")
	for _, text := range []string{"first", "second"} {
		if err := Insert(file, "me", "\n"+text+"\n"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if want := "# Title\n\n" + begin + "\n" + text + "\n\n" + end + "\nrest\n"; err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	if err := Insert(file, "somebody else", "x"); err == nil {
		t.Error("the marks of another program are taken")
	}
}
