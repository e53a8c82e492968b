package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelpFitsATerminal holds that the help of every command has no line that a
// terminal of the usual width breaks in the middle of a word.
func TestHelpFitsATerminal(t *testing.T) {
	const width = 84
	seen := 0
	visit(new(app).root(), func(cmd *cobra.Command) {
		if !strings.HasPrefix(cmd.CommandPath(), "tallyman completion") { // which cobra wrote
			for line := range strings.Lines(cmd.Long) {
				if seen++; len(strings.TrimSuffix(line, "\n")) > width {
					t.Errorf("%s --help: %d characters: %s", cmd.CommandPath(), len(line), line)
				}
			}
		}
	})
	if seen < 50 {
		t.Errorf("%d lines of help: the commands were not found", seen)
	}
}
