package space_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/lint"
	rules "github.com/tallyman/tallyman/policy/space"
	"github.com/tallyman/tallyman/sbom/dockerfile"
	"github.com/tallyman/tallyman/sbom/pyreq"
	"github.com/tallyman/tallyman/sbom/space"
)

// good is a Space without findings.
const good = "---\nsdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.12'\n---\n"

// check reads files by name and content and applies the rules to README.md, and
// those about the Hub to hub.json.
func check(enable []string, pairs ...string) []lint.Finding {
	if pairs[0] == "hub.json" {
		hub, err := space.ReadHub(strings.NewReader(pairs[1]))
		if err != nil {
			return []lint.Finding{{Rule: err.Error()}}
		}
		return rules.CheckHub(pairs[0], hub, enable...)
	}
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
	beside := rules.Beside{Requirements: reqs}
	if f, ok := fsys["Dockerfile"]; ok {
		beside.Dockerfile = dockerfile.Parse("Dockerfile", f.Data)
	}
	return rules.Check(space.Read(fsys, "README.md"), beside, enable...)
}

// example returns the files that an example of a rule stands for: the front
// matter, or packages.txt beside a good one.
func example(id, content string) []string {
	switch id {
	case "GR-HFS-04":
		return []string{"README.md", good, "packages.txt", content}
	case "GR-HFS-10", "GR-HFS-11":
		return []string{"hub.json", content}
	case "GR-HFS-08":
		return []string{"README.md", "---\nsdk: docker\n---\n", "Dockerfile", content}
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
		{"organization", []string{"README.md", front("disable_embedding: true\nhf_oauth: true\nhf_oauth_authorized_org: mine\n")}, nil},
		{"no organization", []string{"README.md", front("disable_embedding: true\nhf_oauth: true\nhf_oauth_authorized_org:\n")}, []string{"README.md:7 GR-HFS-06"}},
		{"empty organizations", []string{"README.md", front("disable_embedding: true\nhf_oauth: true\nhf_oauth_authorized_org: []\n")}, []string{"README.md:7 GR-HFS-06"}},
		{"an organization and no sign-in", []string{"README.md", front("hf_oauth_authorized_org: mine\n")}, []string{"README.md:5 GR-HFS-06"}},
		{"longest expiration", []string{"README.md", front("disable_embedding: true\nhf_oauth: true\nhf_oauth_expiration_minutes: 43201\n")}, []string{"README.md:7 GR-HFS-06"}},
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

func TestDockerSpace(t *testing.T) {
	const base, user = "FROM python:3.12-slim\n", "RUN useradd -m -u 1000 user\nUSER user\n"
	for _, tt := range []struct {
		name, keys, dockerfile string
		want                   []string
	}{
		{"the documentation's way", "", base + user + "EXPOSE 7860\n", nil},
		{"by number", "", base + "USER 1000:1000\n", nil},
		{"no user", "", base, []string{"Dockerfile:1 no USER"}},
		{"root", "", base + user + "USER root\n", []string{"Dockerfile:4 USER root is not 1000"}},
		{"another number", "", base + "USER 1001\n", []string{"Dockerfile:2 USER 1001 is not 1000"}},
		{"a name with another number", "", base + "RUN adduser --uid=1500 app\nUSER app\n", []string{"Dockerfile:3 USER app has the number 1500"}},
		{"changed to another number", "", base + user + "RUN usermod -u 1234 user\n", []string{"Dockerfile:3 USER user has the number 1234"}},
		{"a system user", "", base + "RUN useradd --system app\nUSER app\n", []string{"Dockerfile:3 USER app is a system user"}},
		{"a name of the base image", "", "FROM node:22\nUSER node\n", nil},
		{"a number that is not known", "", "ARG U\n" + base + "ARG U\nRUN useradd -u $U app\nUSER app\n", nil},
		{"a user that is not known", "", base + "ARG U\nUSER $U\n", nil},
		{"the base stage's user", "", base + "USER 1000\nFROM python:3.12-slim AS x\nUSER 5\nFROM x\n", []string{"Dockerfile:4 USER 5 is not 1000"}},
		{"a build stage's user", "", base + "USER root\n" + base + user, nil},
		{"opened data", "", base + user + "RUN mkdir -p /data/x && chmod -R 0777 /data/x\n", []string{"Dockerfile:4 chmod 0777 lets every user write to /data/x"}},
		{"opened by letters", "", base + user + "RUN chmod u+x,a+rwX /data\n", []string{"Dockerfile:4 chmod u+x,a+rwX lets every user"}},
		{"made open", "", base + user + "RUN mkdir -m 777 /data\n", []string{"Dockerfile:4 mkdir 777 lets every user"}},
		{"opened elsewhere", "", base + user + "RUN chmod 777 /database\n", nil},
		{"not for others", "", base + user + "RUN chmod 775 /data && chmod g+w /data\n", nil},
		{"argument", "", base + "ARG HF_TOKEN\nARG MODEL=a/b\n" + user, []string{"Dockerfile:2 ARG HF_TOKEN takes"}},
		{"argument before FROM", "", "ARG API_KEY=hunter2\n" + base + user, []string{"Dockerfile:1 ARG API_KEY takes"}},
		{"mounted secret", "", base + "RUN --mount=type=secret,id=HF_TOKEN true\n" + user, nil},
		{"another port", "", base + user + "EXPOSE 8000\n", []string{"Dockerfile:4 EXPOSE 8000, and the Hub sends visitors to 7860, the default"}},
		{"app_port", "app_port: 8000\n", base + user + "EXPOSE 8000/tcp\n", nil},
		{"another app_port", "app_port: 8080\n", base + user + "EXPOSE 8000-8010\n", []string{"Dockerfile:4 EXPOSE 8000-8010, and the Hub sends visitors to 8080"}},
		{"one of several ports", "", base + user + "EXPOSE 9000\nEXPOSE 7860\n", nil},
		{"a port that is not known", "", base + user + "ARG PORT\nEXPOSE $PORT\n", nil},
		{"no port", "app_port: http\n", base + user + "EXPOSE 8000\n", []string{"README.md:3 app_port \"http\" is no port"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := check(nil, "README.md", "---\nsdk: docker\n"+tt.keys+"---\n", "Dockerfile", tt.dockerfile)
			if len(found) != len(tt.want) {
				t.Fatalf("got %+v, want %q", found, tt.want)
			}
			for i, f := range found {
				if got := fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Message); f.Rule != "GR-HFS-08" || !strings.HasPrefix(got, tt.want[i]) || strings.Contains(got, "hunter2") {
					t.Errorf("got %s %s, want %s", f.Rule, got, tt.want[i])
				}
			}
		})
	}
	if found := check(nil, "README.md", good, "Dockerfile", base); len(found) > 0 {
		t.Errorf("a Gradio Space is not built from its Dockerfile: %+v", found)
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

// What has ended depends on when the Space is judged, and not on when this was
// written.
func TestPythonHasEndedAsOf(t *testing.T) {
	at := func(day string) time.Time {
		when, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, test := range []struct {
		version string
		asOf    time.Time
		want    bool
	}{
		{"3.10", at("2026-10-31"), false}, {"3.10", at("2026-11-01"), true}, {"3.10.4", at("2040-01-01"), true}, {"3.10", time.Time{}, true},
		{"3.12", at("2040-01-01"), false}, {"3.12", time.Time{}, false}, {"3.9", at("2025-11-01"), true}, {"2.7", at("2026-01-01"), true},
	} {
		src := strings.Replace(good, "3.12", test.version, 1)
		s := space.Read(fstest.MapFS{"README.md": {Data: []byte(src)}}, "README.md")
		got := slices.ContainsFunc(rules.Check(s, rules.Beside{AsOf: test.asOf}), func(f lint.Finding) bool {
			return f.Rule == "GR-HFS-05" && strings.Contains(f.Message, "no security fixes since")
		})
		if got != test.want {
			t.Errorf("Python %s as of %s: %v, want %v", test.version, test.asOf.Format(time.DateOnly), got, test.want)
		}
	}
}
