package deploy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

// parse reads the part of an OCI image configuration that examples use.
func parse(t *testing.T, text string) ImageConfig {
	t.Helper()
	var raw struct {
		Config struct {
			User        string
			Env         []string
			Entrypoint  []string
			Cmd         []string
			Healthcheck *struct{ Test []string }
		} `json:"config"`
		Left             []LeftFile
		Setuid, Writable []string
		NotBuiltOn       string `json:"not_built_on"`
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	c := ImageConfig{
		User: raw.Config.User, Entrypoint: raw.Config.Entrypoint, Cmd: raw.Config.Cmd,
		Healthcheck: raw.Config.Healthcheck != nil, GradioEnv: map[string]string{}, Left: raw.Left, Setuid: raw.Setuid, Writable: raw.Writable, NotBuiltOn: raw.NotBuiltOn,
	}
	for _, e := range raw.Config.Env {
		name, value, _ := strings.Cut(e, "=")
		if strings.HasSuffix(name, "_TOKEN") {
			c.SecretEnvNames = append(c.SecretEnvNames, name)
		} else if strings.HasPrefix(name, "GRADIO_") {
			c.GradioEnv[name] = value
		}
	}
	return c
}

func TestRulesFireOnBadAndNotOnGood(t *testing.T) {
	for _, r := range all() {
		t.Run(r.ID, func(t *testing.T) {
			if r.Title == "" || r.Why == "" || r.Remedy == "" || !strings.HasPrefix(r.Source, "https://") || r.Bad == r.Good {
				t.Errorf("documentation is incomplete: %+v", r)
			}
			if !slices.IsSorted(r.Aliases) {
				t.Errorf("aliases are not sorted: %q", r.Aliases)
			}
			bad := CheckImage(parse(t, r.Bad))
			if len(bad) != 1 || bad[0].Rule != r.ID {
				t.Errorf("Bad gives %+v, want one finding of %s", bad, r.ID)
			}
			if good := CheckImage(parse(t, r.Good)); len(good) != 0 {
				t.Errorf("Good gives %+v", good)
			}
		})
	}
}

func TestRulesAreNamedOnce(t *testing.T) {
	rules := Rules()
	if !slices.IsSortedFunc(rules, func(a, b lint.Rule) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("rules are not sorted")
	}
	if unique := slices.CompactFunc(slices.Clone(rules), func(a, b lint.Rule) bool { return a.ID == b.ID }); len(unique) != len(rules) {
		t.Errorf("%d rules have %d identifiers", len(rules), len(unique))
	}
}

func TestRoot(t *testing.T) {
	tests := []struct {
		name string
		cfg  ImageConfig
		want bool
	}{
		{"NoUser", ImageConfig{}, true},
		{"Blank", ImageConfig{User: " "}, true},
		{"Name", ImageConfig{User: "root"}, true},
		{"NameInCapitals", ImageConfig{User: "Root"}, true},
		{"Zero", ImageConfig{User: "0"}, true},
		{"Zeros", ImageConfig{User: "000:1000"}, true},
		{"Group", ImageConfig{User: "root:app"}, true},
		{"OnlyGroup", ImageConfig{User: ":1000"}, true},
		{"Number", ImageConfig{User: "1000"}, false},
		{"NumberOfRootGroup", ImageConfig{User: "1000:0"}, false},
		{"OtherName", ImageConfig{User: "rooted"}, false},
		{"Windows", ImageConfig{OS: "windows"}, false},
		{"Gosu", ImageConfig{Entrypoint: []string{"/usr/sbin/gosu", "app", "python"}}, false},
		{"GosuUnderInit", ImageConfig{Entrypoint: []string{"tini", "--", "gosu", "app"}, Cmd: []string{"python"}}, false},
		{"GosuToRoot", ImageConfig{Entrypoint: []string{"gosu", "root", "python"}}, true},
		{"GosuAsAnArgument", ImageConfig{Entrypoint: []string{"python", "gosu", "app"}}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := slices.ContainsFunc(CheckImage(test.cfg), func(f lint.Finding) bool { return f.Rule == "GR-IMG-01" })
			if got != test.want {
				t.Errorf("root is %t, want %t", got, test.want)
			}
		})
	}
}

func TestAllowedPaths(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "/srv/data": false, "/app/files, /data/x": false,
		"/": true, "/srv/..": true, "/app,/etc/": true, "~": true, "$HOME/x": true, ".": true, "../up": true, "/tmp": true, "//": true, "/etc/ssl": true,
	} {
		got := len(allowedPaths().check(ImageConfig{GradioEnv: map[string]string{"GRADIO_ALLOWED_PATHS": value}})) > 0
		if got != want {
			t.Errorf("%q fires: %t, want %t", value, got, want)
		}
	}
}

func TestCheckImageNeverShowsValuesOfSecrets(t *testing.T) {
	got := CheckImage(ImageConfig{User: "1000", Healthcheck: true, SecretEnvNames: []string{"B_KEY", "A_TOKEN", "A_TOKEN"}})
	var messages []string
	for _, f := range got {
		messages = append(messages, f.File+" "+f.Rule+" "+f.Message)
	}
	want := []string{
		`image config GR-SEC-01 the environment variable "A_TOKEN" looks like a secret and has a value in the image`,
		`image config GR-SEC-01 the environment variable "B_KEY" looks like a secret and has a value in the image`,
	}
	if diff := cmp.Diff(want, messages); diff != "" {
		t.Error(diff)
	}
}

// TestLeftFiles: what is found in files is said at their paths, also of those
// that a later layer deletes; very many paths are one finding at their folder.
func TestLeftFiles(t *testing.T) {
	cfg := parse(t, `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "left": [
		{"Path": "/root/.ssh/id_rsa", "What": "private-key", "MadeBy": "COPY . /root", "Deleted": true}, {"Path": "/root/.netrc", "What": "credentials"}]}`)
	cfg.Setuid = []string{"/opt/a", "/opt/b"}
	for i := range 12 {
		cfg.Writable = append(cfg.Writable, fmt.Sprintf("/app/%02d", i))
	}
	var got []string
	for _, f := range CheckImage(cfg) {
		if f.Deleted != strings.Contains(f.Message, "deletes it") {
			t.Errorf("%s: deleted is %t", f.File, f.Deleted)
		}
		got = append(got, f.File+": "+f.Rule+" "+f.Message)
	}
	want := []string{
		`app: GR-IMG-09 everyone can write to it: "/app/00", "/app/01", "/app/02", "/app/03", "/app/04", "/app/05", "/app/06", "/app/07", "/app/08", "/app/09" and 2 more`,
		`opt/a: GR-IMG-10 setuid or setgid, and not of a distribution's base`,
		`opt/b: GR-IMG-10 setuid or setgid, and not of a distribution's base`,
		`root/.netrc: GR-SEC-01 a file in which a tool keeps credentials, in a layer`,
		`root/.ssh/id_rsa: GR-SEC-01 a private key, in the layer of "COPY . /root"; a later layer deletes it, and whoever pulls the image can read it still`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// TestFindingsOfFilesNameTheirLayer: what is said of a file has its layer, each
// layer by itself; what is said of the configuration has none.
func TestFindingsOfFilesNameTheirLayer(t *testing.T) {
	cfg := ImageConfig{
		SecretEnvNames: []string{"HF_TOKEN"},
		Left: []LeftFile{
			{Path: "/k", What: "private-key", Layer: "sha256:b0"}, {Path: "/k", What: "private-key", Layer: "sha256:a1"}, {Path: "/app/.env", What: "env-file", Layer: "sha256:a1"},
		},
		Setuid: []string{"/opt/a", "/opt/b", "/usr/bin/passwd"}, Writable: []string{"/app"},
		Locations: []sbom.Location{{File: "/app", Layer: "sha256:a1"}, {File: "/opt/a", Layer: "sha256:b0"}, {File: "/opt/b", Layer: "sha256:a1"}, {File: "/usr/bin/passwd", Layer: "sha256:b0"}},
	}
	var got []string
	for _, f := range CheckImage(cfg) {
		got = append(got, f.Rule+" "+f.Place())
	}
	want := []string{
		"GR-IMG-09 app (layer sha256:a1)", "GR-SEC-02 app/.env (layer sha256:a1)",
		"GR-IMG-01 image config", "GR-IMG-06 image config", "GR-SEC-01 image config",
		"GR-SEC-01 k (layer sha256:a1)", "GR-SEC-01 k (layer sha256:b0)", "GR-IMG-10 opt/a (layer sha256:b0)", "GR-IMG-10 opt/b (layer sha256:a1)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
