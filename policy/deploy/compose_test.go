package deploy

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

func TestComposeRulesFireOnBadAndNotOnGood(t *testing.T) {
	for _, r := range composeRules() {
		t.Run(r.ID, func(t *testing.T) {
			if r.Title == "" || r.Why == "" || r.Remedy == "" || !strings.HasPrefix(r.Source, "https://") {
				t.Errorf("documentation is incomplete: %+v", r.Rule)
			}
			bad, gaps := CheckCompose("compose.yaml", []byte(r.Bad))
			if len(bad) != 1 || bad[0].Rule != r.ID || bad[0].Line < 4 || len(gaps) != 0 {
				t.Errorf("Bad gives %+v, %+v; want one finding of %s", bad, gaps, r.ID)
			}
			if good, gaps := CheckCompose("compose.yaml", []byte(r.Good)); len(good)+len(gaps) != 0 {
				t.Errorf("Good gives %+v, %+v", good, gaps)
			}
		})
	}
}

// lines shows findings as "LINE RULE".
func lines(findings []lint.Finding) []string {
	out := []string{}
	for _, f := range findings {
		out = append(out, fmt.Sprintf("%d %s", f.Line, f.Rule))
	}
	return out
}

func TestCheckCompose(t *testing.T) {
	tests := []struct {
		name, yaml string
		want       []string
	}{
		{"MergeKey", "x-base: &base\n  privileged: true\nservices:\n  a:\n    <<: *base\n", []string{"2 GR-RUN-01"}},
		{"OwnKeyWinsOverMerge", "x-base: &base\n  privileged: true\nservices:\n  a:\n    <<: *base\n    privileged: false\n", []string{}},
		{"MergeList", "x-a: &a {user: root}\nx-b: &b {pid: host}\nservices:\n  a:\n    <<: [*a, *b]\n", []string{"1 GR-IMG-01", "2 GR-RUN-06"}},
		{"AliasOfService", "x-s: &s\n  network_mode: host\nservices:\n  a: *s\n", []string{"2 GR-RUN-06"}},
		{"LongVolume", "services:\n  a:\n    volumes:\n    - type: bind\n      source: /\n      target: /host\n", []string{"4 GR-RUN-06"}},
		{"NamedVolume", "services:\n  a:\n    volumes: ['data:/data', '/cache']\n", []string{}},
		{"LongPort", "services:\n  a:\n    ports:\n    - target: 80\n      published: '80'\n", []string{"4 GR-NET-03"}},
		{"LongPortOnLoopback", "services:\n  a:\n    ports:\n    - target: 80\n      host_ip: 127.0.0.1\n", []string{}},
		{"PortOnEveryAddress", "services:\n  a:\n    ports: ['0.0.0.0:80:80', '[::]:80:80', '80', 81]\n",
			[]string{"3 GR-NET-03", "3 GR-NET-03", "3 GR-NET-03", "3 GR-NET-03"}},
		{"PortOnIPv6Loopback", "services:\n  a:\n    ports: ['[::1]:80:80/tcp']\n", []string{}},
		{"PortFromVariable", "services:\n  a:\n    ports: ['${PORT:-7860}:7860', '${BIND:-127.0.0.1}:80:80']\n", []string{"3 GR-NET-03"}},
		{"SecretInList", "services:\n  a:\n    environment:\n    - API_KEY=abc\n    - OTHER=x\n    - TOKEN\n    - PASSWORD_FILE=/run/secrets/p\n", []string{"4 GR-SEC-01"}},
		{"Nulls", "services:\n  a:\n  b:\n    environment:\n    ports:\n", []string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			findings, gaps := CheckCompose("compose.yaml", []byte(test.yaml))
			if diff := cmp.Diff(test.want, lines(findings)); diff != "" || len(gaps) != 0 {
				t.Errorf("gaps %+v, findings (-want +got):\n%s", gaps, diff)
			}
		})
	}
}

func TestCheckComposeLeavesAGapWhenAttackerRemovesWhatCanBeRead(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	merges := "x0: &x0 {privileged: true}\n"
	for i := range 80 {
		merges += fmt.Sprintf("x%d: &x%d {<<: *x%d}\n", i+1, i+1, i)
	}
	tests := []struct {
		name, yaml string
		kind       sbom.GapKind
	}{
		{"Syntax", "services: [", sbom.GapUnparsed},
		{"Everything", "", sbom.GapUnparsed},
		{"Mapping", "- a\n", sbom.GapUnparsed},
		{"Services", "services: 7\n", sbom.GapUnparsed},
		{"Include", "include: [other.yaml]\nservices: {}\n", sbom.GapInclude},
		{"Extends", "services:\n  a:\n    extends: {file: x.yaml, service: b}\n", sbom.GapInclude},
		{"Bounds", "#" + strings.Repeat("x", limit.ManifestBytes), sbom.GapTooLarge},
		{"AliasBomb", bomb + "services: *j\n", sbom.GapUnparsed},
		{"MergeChain", merges + "services:\n  a: {<<: *x80}\n", sbom.GapTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, gaps := CheckCompose("compose.yaml", []byte(test.yaml))
			if len(gaps) == 0 || gaps[0].Kind != test.kind || !gaps[0].Hides {
				t.Errorf("got %+v, want a gap of kind %q", gaps, test.kind)
			}
		})
	}
}

func TestCheckComposeNeverShowsSecrets(t *testing.T) {
	findings, _ := CheckCompose("compose.yaml", []byte("services:\n  a:\n    environment: {DB_PASSWORD: hunter2}\n"))
	if len(findings) != 1 || strings.Contains(fmt.Sprintf("%+v", findings), "hunter2") {
		t.Errorf("got %+v", findings)
	}
}

func TestIsCompose(t *testing.T) {
	for name, want := range map[string]bool{
		"compose.yaml": true, "a/docker-compose.yml": true, "docker-compose.prod.yml": true, "docker-compose-gpu.yaml": true,
		"compose.go": false, "composer.yaml": false, "values.yaml": false,
	} {
		if got := IsCompose(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

// Every real compose file is read, and its findings lie inside it.
func TestCheckComposeOnRealFiles(t *testing.T) {
	shared := os.Getenv("TALLYMAN_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	root := filepath.Join(shared, "data/deployment")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("the shared data is absent: %v", err)
	}
	files, rules := 0, map[string]int{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !IsCompose(name) {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		findings, gaps := CheckCompose(name, data)
		for _, g := range gaps {
			if g.Kind != sbom.GapInclude {
				t.Errorf("%s: %+v", name, g)
			}
		}
		for _, f := range findings {
			rules[f.Rule]++
			if f.Line < 1 || f.Line > strings.Count(string(data), "\n")+1 {
				t.Errorf("%s: %+v", name, f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 || rules["GR-NET-03"] == 0 || rules["GR-RUN-06"] == 0 {
		t.Errorf("%d files, findings %v", files, rules)
	}
	t.Logf("%d files, findings by rule %v", files, rules)
}

// Whatever the bytes, a file that gives nothing to judge says so, and no
// finding lies outside of it.
func FuzzCheckCompose(f *testing.F) {
	for _, r := range composeRules() {
		f.Add([]byte(r.Bad))
	}
	f.Add([]byte("a: &a\n  <<: *a\nservices: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		findings, gaps := CheckCompose("compose.yaml", data)
		if len(strings.TrimSpace(string(data))) == 0 && len(gaps) == 0 {
			t.Error("an empty file gives no gap")
		}
		for _, found := range findings {
			if found.Line < 1 || found.Line > strings.Count(strings.ReplaceAll(string(data), "\r", "\n"), "\n")+1+strings.Count(string(data), "\u2028")+strings.Count(string(data), "\u2029")+strings.Count(string(data), "\u0085") {
				t.Errorf("line %d of %q", found.Line, data)
			}
		}
		again, _ := CheckCompose("compose.yaml", data)
		if diff := cmp.Diff(findings, again); diff != "" {
			t.Error(diff)
		}
	})
}
