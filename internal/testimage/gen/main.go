// Command gen writes the example image below a testdata folder. Its only
// argument is that folder; "go generate ./internal/testimage" gives it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/tallyman/tallyman/internal/testimage"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run replaces the layout and the public key below the folder.
func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: gen TESTDATA")
	}
	files, err := testimage.Files()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(args[0], filepath.FromSlash(testimage.LayoutDir))); err != nil {
		return err
	}
	for name, data := range files {
		file := filepath.Join(args[0], filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
