package space_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/lint"
	rules "github.com/tallyman/tallyman/policy/space"
	"github.com/tallyman/tallyman/sbom/pyreq"
	"github.com/tallyman/tallyman/sbom/space"
)

// good is a Space without findings.
const good = "---\nsdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.12'\n---\n"

// check reads files by name and content and applies the rules to README.md.
func check(enable []string, pairs ...string) []lint.Finding {
	fsys := fstest.MapFS{}
	var reqs []*pyreq.File
	for i := 0; i < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	for i := 0; i < len(pairs); i += 2 {
		if strings.HasSuffix(pairs[i], "requirements.txt") {
			reqs = append(reqs, pyreq.Read(fsys, pairs[i], pyreq.Options{}))
		}
	}
	return rules.Check(space.Read(fsys, "README.md"), reqs, enable...)
}

// example returns the files that an example of a rule stands for: the front
// matter, or packages.txt beside a good one.
func example(id, content string) []string {
	if id == "GR-HFS-04" {
		return []string{"README.md", good, "packages.txt", content}
	}
	return []string{"README.md", content}
}

func TestEveryRuleFiresOnBadAndNotOnGood(t *testing.T) {
	for _, r := range rules.Rules() {
		t.Run(r.ID, func(t *testing.T) {
			fires := func(f lint.Finding) bool { return f.Rule == r.ID }
			if !slices.ContainsFunc(check([]string{"all"}, example(r.ID, r.Bad)...), fires) {
				t.Errorf("silent on its bad example:\n%s", r.Bad)
			}
			if slices.ContainsFunc(check([]string{"all"}, example(r.ID, r.Good)...), fires) {
				t.Errorf("fires on its good example:\n%s", r.Good)
			}
		})
	}
}

func TestRulesAreDocumented(t *testing.T) {
	var ids []string
	for _, r := range rules.Rules() {
		for name, text := range map[string]string{"Title": r.Title, "Why": r.Why, "Remedy": r.Remedy, "Bad": r.Bad, "Good": r.Good} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", r.ID, name)
			}
		}
		if !strings.HasPrefix(r.Source, "https://") || !slices.IsSorted(r.Aliases) || r.Severity == "" || r.Risk == "" {
			t.Errorf("%s: Source %q, Aliases %v", r.ID, r.Source, r.Aliases)
		}
		ids = append(ids, r.ID)
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("identifiers are not sorted or not unique: %v", ids)
	}
}

func TestCheck(t *testing.T) {
	front := func(keys string) string { return strings.TrimSuffix(good, "---\n") + keys + "---\n" }
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, tt := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"good", []string{"README.md", good}, nil},
		{"no Space", []string{"README.md", "# Title\n"}, nil},
		{"docker needs no version", []string{"README.md", "---\nsdk: docker\n---\n"}, nil},
		{"nothing", []string{"README.md", "---\nsdk: gradio\n---\n"}, []string{"README.md:2 GR-HFS-02", "README.md:2 GR-HFS-05"}},
		{"empty values", []string{"README.md", "---\nsdk: gradio\nsdk_version:\npython_version:\n---\n"}, []string{"README.md:3 GR-HFS-02", "README.md:4 GR-HFS-05"}},
		{"no versions", []string{"README.md", "---\nsdk: gradio\nsdk_version: newest\npython_version: new\n---\n"}, []string{"README.md:3 GR-HFS-02", "README.md:4 GR-HFS-05"}},
		{"numbers", []string{"README.md", "---\nsdk: gradio\nsdk_version: 5.10\npython_version: 3.10\n---\n"}, []string{"README.md:3 GR-HFS-02", "README.md:4 GR-HFS-05"}},
		{"number that keeps its zeros", []string{"README.md", "---\nsdk: gradio\nsdk_version: 5.1\npython_version: 3.11\n---\n"}, []string{"README.md:3 GR-HFS-02"}},
		{"same pin", []string{"README.md", good, "requirements.txt", "gradio==6.26.0\n"}, nil},
		{"range that admits it", []string{"README.md", good, "requirements.txt", "gradio>=5\n"}, nil},
		{"other pin", []string{"README.md", good, "requirements.txt", "numpy\nGradio[oauth]==6.25.0\n"}, []string{"requirements.txt:2 GR-HFS-02"}},
		{"range that excludes it", []string{"README.md", good, "requirements.txt", "gradio<6\n"}, []string{"requirements.txt:1 GR-HFS-02"}},
		{"included pin", []string{"README.md", good, "requirements.txt", "-r a.txt\n", "a.txt", "gradio==5\n"}, []string{"a.txt:1 GR-HFS-02"}},
		{"constraint", []string{"README.md", good, "requirements.txt", "-c a.txt\n", "a.txt", "gradio==5\n"}, []string{"a.txt:1 GR-HFS-02"}},
		{"gradio from elsewhere", []string{"README.md", good, "requirements.txt", "gradio @ git+https://github.com/gradio-app/gradio\n"}, []string{"requirements.txt:1 GR-HFS-02"}},
		{"another folder's pin", []string{"README.md", good, "demo/requirements.txt", "gradio==5\n"}, nil},
		{"a file that the build does not install", []string{"README.md", good, "dev-requirements.txt", "gradio==5\n"}, nil},
		{"Python of old", []string{"README.md", strings.Replace(good, "3.12", "3.9.18", 1)}, []string{"README.md:4 GR-HFS-05"}},
		{"Debian packages", []string{"README.md", good, "packages.txt", "git=1:2.39\nvim\n-y\n$(id)\nlibx;\n"}, []string{
			"packages.txt:2 GR-HFS-04", "packages.txt:3 GR-HFS-04", "packages.txt:4 GR-HFS-04", "packages.txt:5 GR-HFS-04"}},
		{"old pip", []string{"README.md", good, "pre-requirements.txt", "pip<24\nsetuptools>=70\nwheel==0.40\nnumpy==1\n"}, []string{"pre-requirements.txt:1 GR-HFS-04", "pre-requirements.txt:3 GR-HFS-04"}},
		{"scopes", []string{"README.md", front("disable_embedding: true\nhf_oauth: true\nhf_oauth_scopes: [email,\n  Jobs,\n  read-billing]\n")}, []string{"README.md:8 GR-HFS-06", "README.md:9 GR-HFS-06"}},
		{"one scope", []string{"README.md", front("disable_embedding: true\nhf_oauth: true\nhf_oauth_scopes: manage-repos\n")}, []string{"README.md:7 GR-HFS-06"}},
		{"scopes that are not asked for", []string{"README.md", front("hf_oauth: false\nhf_oauth_scopes: [jobs]\n")}, nil},
		{"expiration", []string{"README.md", front("disable_embedding: true\nhf_oauth: true\nhf_oauth_expiration_minutes: 481\n")}, []string{"README.md:7 GR-HFS-06"}},
		{"default expiration", []string{"README.md", front("disable_embedding: true\nhf_oauth: true\nhf_oauth_expiration_minutes: 480\n")}, nil},
		{"frame", []string{"README.md", front("hf_oauth: true\n")}, []string{"README.md:5 GR-HFS-07"}},
		{"headers", []string{"README.md", front("custom_headers:\n  cross-origin-opener-policy: same-origin\n  Cross-Origin-Resource-Policy: same-site\n  strict-transport-security: x\n")}, []string{"README.md:7 GR-HFS-07", "README.md:8 GR-HFS-07"}},
		{"preload", []string{"README.md", front("preload_from_hub:\n- a/b\n- a/b x.safetensors main\n- a/b x.safetensors " + commit + "\n- a/b y.PKL,z.json " + commit + "\n")}, []string{
			"README.md:6 GR-HFS-09", "README.md:7 GR-HFS-09", "README.md:9 GR-HFS-09"}},
		{"malformed", []string{"README.md", strings.TrimPrefix(good, "---\n")}, []string{"README.md:1 TM-HFS-01"}},
		{"key twice", []string{"README.md", front("sdk_version: '6.26.0'\n")}, []string{"README.md:5 TM-HFS-01"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range check(nil, tt.files...) {
				got = append(got, fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Rule))
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("got -, want +\n%s", diff)
			}
		})
	}
}

func TestFindingsHoldNoCredentials(t *testing.T) {
	for _, f := range check([]string{"all"}, "README.md", "---\nsdk: gradio\nsdk_version: https://u:hunter2@h/\npreload_from_hub:\n- https://u:hunter2@h/a\n---\n",
		"requirements.txt", "gradio @ https://u:hunter2@h/a.zip\n", "packages.txt", "https://u:hunter2@h/a.deb\n") {
		if strings.Contains(fmt.Sprintf("%+v", f), "hunter2") {
			t.Errorf("%+v", f)
		}
	}
}
