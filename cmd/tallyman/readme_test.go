package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// elision stands in a block for lines that are left out.
const elision = "[...]"

// TestReadme runs every command of the README's console blocks, in order, in
// one copy of what the repository ships, and compares what it prints. A block
// may leave out lines with [...]; -update rewrites what is not left out.
func TestReadme(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the README's commands are a Unix shell's")
	}
	const page = "../../README.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	shell := newShell(t)
	var out strings.Builder
	commands := 0
	for i, part := range strings.Split(string(text), "```") {
		if i > 0 {
			out.WriteString("```")
		}
		block, ok := strings.CutPrefix(part, "console\n")
		if i%2 == 0 || !ok {
			out.WriteString(part)
			continue
		}
		out.WriteString("console\n")
		for _, step := range steps(block) {
			commands++
			got := shell.run(t, step.command)
			if step.want == elision+"\n" {
				t.Errorf("$ %s\nthe block leaves out everything", step.command)
			}
			if !matches(step.want, got) && !*update {
				t.Errorf("$ %s\nprints what the README does not say (-want +got):\n%s", step.command, cmp.Diff(step.want, got))
			}
			out.WriteString("$ " + step.command + "\n" + rewritten(step.want, got))
		}
	}
	if commands < 5 {
		t.Errorf("the README has %d commands: the test looks for blocks of another kind", commands)
	}
	if *update {
		if err := os.WriteFile(page, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type step struct{ command, want string }

// steps splits a console block at its "$ " lines. A command may go on after a
// backslash.
func steps(block string) []step {
	var out []step
	for line := range strings.Lines(block) {
		command, ok := strings.CutPrefix(line, "$ ")
		switch {
		case ok:
			out = append(out, step{command: strings.TrimSuffix(command, "\n")})
		case len(out) > 0 && out[len(out)-1].want == "" && strings.HasSuffix(out[len(out)-1].command, `\`):
			out[len(out)-1].command += "\n" + strings.TrimSuffix(line, "\n")
		case len(out) > 0:
			out[len(out)-1].want += line
		}
	}
	return out
}

// matches compares what is printed with a block that may leave out lines.
func matches(want, got string) bool {
	head, tail, elided := strings.Cut(want, elision+"\n")
	if !elided {
		return want == got
	}
	return strings.HasPrefix(got, head) && strings.HasSuffix(got, tail)
}

// rewritten is the block as -update writes it: as many lines at the head and
// the tail as before.
func rewritten(want, got string) string {
	head, tail, elided := strings.Cut(want, elision+"\n")
	if !elided || matches(want, got) {
		if elided {
			return want
		}
		return got
	}
	lines := strings.SplitAfter(strings.TrimSuffix(got, "\n"), "\n")
	h, l := strings.Count(head, "\n"), strings.Count(tail, "\n")
	if h+l >= len(lines) {
		return got
	}
	out := strings.Join(lines[:h], "") + elision + "\n"
	if l > 0 {
		out += strings.Join(lines[len(lines)-l:], "") + "\n"
	}
	return out
}

// shell runs commands as a reader of the README would, with this test binary as
// tallyman.
type shell struct {
	dir string
	env []string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	dir, home := t.TempDir(), t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS("../../testdata")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	// testscript.Main runs the program under the name that it was given.
	if err := os.Symlink(self, filepath.Join(bin, "tallyman")); err != nil {
		t.Fatal(err)
	}
	// Nothing else of this process's environment: what runs the tests may have
	// variables that the program heeds (GITHUB_ACTIONS, TALLYMAN_CACHE_DIR).
	return &shell{dir: dir, env: []string{
		"HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "NO_COLOR=1", "TMPDIR=" + os.TempDir(),
		"TALLYMAN_TEST_NOW=2026-11-22T12:00:00Z", "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"),
	}}
}

// run returns what the command prints, and "exit N" as a last line when it is
// not 0 and the command does not print its exit code itself.
func (s *shell) run(t *testing.T, command string) string {
	t.Helper()
	if command == "go test ./..." {
		return "" // this is it
	}
	command = strings.ReplaceAll(command, "go run ./cmd/tallyman", "tallyman")
	command = strings.ReplaceAll(command, "go install ./cmd/tallyman", "true")
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env = s.dir, s.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("$ %s: %v", command, err)
	}
	return out.String()
}
