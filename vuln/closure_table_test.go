package vuln

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// TestClosureTable: the embedded table can be read, and each release has what
// every release has.
func TestClosureTable(t *testing.T) {
	table, err := closures(closureTable)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range table {
		client := slices.IndexFunc(r.requirements[""], func(q pep508.Requirement) bool { return sbom.NormalName(pypi, q.Name) == "gradio-client" })
		if client < 0 {
			t.Errorf("gradio %s has no client", r.version)
			continue
		}
		if _, pinned := r.requirements[""][client].Specifiers.Pin(); !pinned {
			t.Errorf("gradio %s does not pin its client", r.version)
		}
		if n := len(r.requirements[""]) + len(r.named); n < 25 {
			t.Errorf("gradio %s has %d requirements", r.version, n)
		}
	}
	if _, err := closures("? pillow\n"); err == nil {
		t.Error("a name before any release was read")
	}
	if _, err := closures("== gradio 1.0\npillow>=\n"); err == nil {
		t.Error("half a requirement was read")
	}
}

// TestClosureTableAgainstRealFiles holds the table against every uv.lock that
// has gradio, and against gradio's own requirement files.
func TestClosureTableAgainstRealFiles(t *testing.T) {
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(root, "data", "gradio")); err != nil {
		t.Skipf("the shared data is absent (set TALLYMAN_SHARED): %v", err)
	}
	table, err := closures(closureTable)
	if err != nil {
		t.Fatal(err)
	}
	locks, err := filepath.Glob(filepath.Join(root, "data", "gradio-apps", "*", "uv.lock"))
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, path := range locks {
		version, want := lockedGradio(t, path)
		if version == "" {
			continue
		}
		held++
		i := slices.IndexFunc(table, func(r release) bool { return r.version.String() == version })
		if i < 0 {
			t.Errorf("%s: gradio %s is not in the table", path, version)
			continue
		}
		if diff := cmp.Diff(want, lockLines(&table[i])); diff != "" {
			t.Errorf("%s: gradio %s (-lock +table):\n%s", path, version, diff)
		}
	}
	if held < 2 {
		t.Errorf("%d locks have gradio, want 2 or more", held)
	}
	last := &table[slices.IndexFunc(table, func(r release) bool { return r.version.String() == "6.25.0" })]
	for extra, name := range map[string]string{"": "requirements.txt", "oauth": "requirements-oauth.txt", "mcp": "requirements-mcp.txt"} {
		if diff := cmp.Diff(requirementLines(t, filepath.Join(root, "data", "gradio", name)), texts(last.requirements[extra])); diff != "" {
			t.Errorf("%s (-file +table):\n%s", name, diff)
		}
	}
}

// lockedGradio returns gradio's version in a uv.lock, "" for none, and what it
// requires: "name; marker", and "gradio-client==" and its version.
func lockedGradio(t *testing.T, path string) (version string, lines []string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block := func(name string) (version, rest string) {
		_, rest, _ = strings.Cut(string(data), "\nname = \""+name+"\"\nversion = \"")
		version, rest, _ = strings.Cut(rest, "\"\n")
		return version, rest
	}
	version, rest := block("gradio")
	if version == "" {
		return "", nil
	}
	_, rest, _ = strings.Cut(rest, "dependencies = [\n")
	rest, _, _ = strings.Cut(rest, "\n]")
	entry := regexp.MustCompile(`name = "([^"]+)"(?:, marker = "([^"]+)")?`)
	for _, m := range entry.FindAllStringSubmatch(rest, -1) {
		name, marker := m[1], ""
		if name == "gradio-client" {
			client, _ := block(name)
			name += "==" + client
		}
		if m[2] != "" {
			parsed, err := pep508.ParseMarker(m[2])
			if err != nil {
				t.Fatal(err)
			}
			marker = "; " + parsed.String()
		}
		lines = append(lines, name+marker)
	}
	slices.Sort(lines)
	return version, lines
}

// lockLines is a release as lockedGradio gives it.
func lockLines(r *release) []string {
	var out []string
	for _, q := range slices.Concat(r.requirements[""], r.named) {
		text := sbom.NormalName(pypi, q.Name) + q.Specifiers.String()
		if q.Marker != nil {
			text += "; " + q.Marker.String()
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

func requirementLines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []pep508.Requirement
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		r, err := pep508.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return texts(out)
}

func texts(list []pep508.Requirement) []string {
	var out []string
	for _, r := range list {
		out = append(out, r.String())
	}
	slices.Sort(out)
	return out
}
