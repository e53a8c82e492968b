package space_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckHub(t *testing.T) {
	answer := func(members string) string { return "{\"id\": \"o/a\", \"sdk\": \"gradio\",\n" + members + "}" }
	for _, tt := range []struct {
		name, members string
		want          []string
	}{
		{"nothing more", `"private": true`, nil},
		{"secret among variables", `"variables": {"MODEL": {"value": "a/b"}, "HF_TOKEN": {"value": "hunter2"}}`, []string{
			"2 GR-HFS-10 high the variable HF_TOKEN looks like a secret: variables are public, and copied with the Space"}},
		{"by list", `"variables": [{"key": "DB_PASSWORD", "value": "hunter2"}]`, []string{
			"2 GR-HFS-10 high the variable DB_PASSWORD looks like a secret: variables are public, and copied with the Space"}},
		{"variables without secrets", `"variables": {"MAX_TOKENS": {"value": "512"}, "API_KEY": {"value": ""}, "USE_TOKEN": {"value": "true"}, "SECRET": {"value": 1}}`, nil},
		{"dev mode", "\"runtime\": {\n\"devMode\": true}", []string{
			"3 GR-HFS-10 medium dev mode is on: the running container can be entered and changed, and is not what the repository holds"}},
		{"no dev mode", `"runtime": {"devMode": false}`, nil},
		{"secrets of a public Space", `"private": false, "secrets": {"HF_TOKEN": {}, "B": {}}`, []string{
			"2 GR-HFS-10 low anybody can use the application without signing in, and with it what these secrets are good for: HF_TOKEN, B"}},
		{"secrets of a protected Space", `"private": true, "visibility": "protected", "secrets": ["A", "B", "C", "D", "E", "F"]`, []string{
			"2 GR-HFS-10 low anybody can use the application without signing in, and with it what these secrets are good for: A, B, C, D, E, 1 more"}},
		{"secrets of a private Space", `"private": true, "secrets": {"HF_TOKEN": {}}`, nil},
		{"secrets behind a sign-in", `"private": false, "cardData": {"hf_oauth": true}, "secrets": {"HF_TOKEN": {}}`, nil},
		{"no sleep", `"private": false, "runtime": {"hardware": {"current": "t4-small", "requested": "t4-small"}, "gcTimeout": null, "storage": "small"}`, []string{
			"2 GR-HFS-10 low the Space never sleeps on paid hardware (t4-small), and anybody can use it",
			"2 GR-HFS-10 low what visitors leave in the Space's storage (small) outlives a restart, and anybody can be one"}},
		{"sleep", `"private": false, "runtime": {"hardware": {"current": "t4-small"}, "gcTimeout": 3600, "storage": {"current": null, "requested": null}}`, nil},
		{"free hardware", `"private": false, "runtime": {"hardware": {"current": "cpu-basic"}}`, nil},
		{"unsafe file", `"securityRepoStatus": {"scansDone": true, "filesWithIssues": [{"path": "a.pkl", "level": "unsafe"}, {"path": "b.bin", "level": "suspicious"}, {"path": "c", "level": "safe"}]}`, []string{
			"2 GR-HFS-11 high the Hub's scanners call a.pkl unsafe",
			"2 GR-HFS-11 medium the Hub's scanners call b.bin suspicious"}},
		{"not done", `"securityRepoStatus": {"scansDone": false}`, []string{"2 GR-HFS-11 low the Hub's scanners have not looked at everything yet"}},
		{"by file", `"tree": [{"path": "a", "securityFileStatus": {"status": "safe"}}, {"path": "b", "securityFileStatus": {"status": "unsafe", "avScan": {}}}, {"path": "c"}]`, []string{
			"2 GR-HFS-11 high the Hub's scanners call b unsafe"}},
		{"by file, not done", "\"tree\": [{\"path\": \"a\",\n\"securityFileStatus\": {\"status\": \"queued\"}}]", []string{
			"3 GR-HFS-11 low the Hub's scanners have not looked at everything yet"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range check(nil, "hub.json", answer(tt.members)) {
				if f.Rule == "GR-HFS-10" || f.Rule == "GR-HFS-11" {
					got = append(got, fmt.Sprintf("%d %s %s %s", f.Line, f.Rule, f.Risk, f.Message))
				} else {
					got = append(got, f.Rule)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || strings.Contains(fmt.Sprint(got), "hunter2") {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
