package space_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom/space"
)

func TestReadHub(t *testing.T) {
	got, err := space.ReadHub(strings.NewReader(`{
 "id": "owner/app",
 "private": false,
 "sdk": "gradio",
 "cardData": {"hf_oauth": true},
 "runtime": {"stage": "RUNNING",
  "hardware": {"current": "t4-small", "requested": "t4-small"},
  "storage": {"current": "small", "requested": "small"},
  "gcTimeout": 3600,
  "devMode": true},
 "variables": {"MODEL": {"value": "a/b"}, "N": {"value": "4"}},
 "secrets": {
  "HF_TOKEN": {"description": null}},
 "securityRepoStatus": {"scansDone": true,
  "filesWithIssues": [
   {"path": "a.pkl", "level": "unsafe"}]}
}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &space.Hub{
		ID: "owner/app", Visibility: space.Setting{Value: "public", Line: 3}, DevMode: space.Setting{On: true, Line: 10},
		Hardware: space.Setting{Value: "t4-small", Line: 7}, Storage: space.Setting{Value: "small", Line: 8}, Sleeps: true, OAuth: true,
		Variables: []space.Variable{{Name: "MODEL", Line: 11, Set: true}, {Name: "N", Line: 11}},
		Secrets:   []space.Variable{{Name: "HF_TOKEN", Line: 13, Set: true}},
		Scanned:   true, ScansDone: true, ScansLine: 14,
		Issues: []space.Issue{{Path: "a.pkl", Level: "unsafe", Line: 16}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A setting that cannot be read is not taken for a good one.
func TestReadHubRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "unexpected EOF"},
		{"half of it", "{\n\"id\": \"o/a\",", "line 2"},
		{"two answers", `{"id": "o/a", "sdk": "gradio"} {}`, "more than one value"},
		{"a list", "[]", "not an object"},
		{"the Hub's refusal", `{"error": "Repository not found"}`, "must be asked with a token"},
		{"a model", `{"id": "o/a", "modelId": "o/a", "pipeline_tag": "x"}`, "not the Hub's answer about a Space"},
		{"runtime of another kind", "{\"id\": \"o/a\", \"sdk\": \"docker\",\n\"runtime\": []}", `line 2: "runtime" is no object`},
		{"dev mode of another kind", `{"id": "o/a", "runtime": {"devMode": "yes"}}`, `"devMode" is no switch`},
		{"visibility of another kind", `{"id": "o/a", "sdk": "x", "private": 1}`, `"private" is no switch`},
		{"variables of another kind", `{"id": "o/a", "sdk": "x", "variables": "A"}`, `"variables" is no object or list`},
		{"variable without a name", `{"id": "o/a", "sdk": "x", "variables": [{}]}`, `"variables" is no list of names`},
		{"scans of another kind", `{"id": "o/a", "sdk": "x", "securityRepoStatus": {"scansDone": "true"}}`, `"scansDone" is no switch`},
		{"issues of another kind", `{"id": "o/a", "sdk": "x", "securityRepoStatus": {"filesWithIssues": {}}}`, `"filesWithIssues" is no list`},
		{"an issue without a file", `{"id": "o/a", "sdk": "x", "securityRepoStatus": {"filesWithIssues": [1]}}`, `"filesWithIssues" is no list of files`},
		{"tree of another kind", `{"id": "o/a", "sdk": "x", "tree": {}}`, `"tree" is no list`},
		{"too deep", `{"id": "o/a", "sdk": "x", "x": ` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "nested deeper"},
	} {
		hub, err := space.ReadHub(strings.NewReader(tt.text))
		if err == nil || hub != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %+v, %v, want an error with %q", tt.name, hub, err, tt.want)
		}
	}
	if _, err := space.ReadHub(strings.NewReader(strings.Repeat(" ", limit.ManifestBytes+1))); !errors.Is(err, limit.ErrTooLarge) {
		t.Errorf("too large: got %v", err)
	}
}

// Whatever the bytes: an answer or an error, never both; lines lie in the
// answer, and a line before it moves each by one and changes nothing else.
func FuzzReadHub(f *testing.F) {
	f.Add(`{"id": "o/a", "sdk": "gradio", "variables": {"A": {"value": "VALUE"}}, "secrets": ["B"], "tree": [{"path": "x", "securityFileStatus": {"status": "unsafe"}}]}`)
	f.Add("{\"id\": \"o/a\",\n\"runtime\": {\"devMode\": true, \"hardware\": {\"current\": \"x\"}, \"volumes\": [1]}}")
	f.Fuzz(func(t *testing.T, text string) {
		hub, err := space.ReadHub(strings.NewReader(text))
		if (hub == nil) == (err == nil) {
			t.Fatalf("%v and %v", hub, err)
		}
		if err != nil {
			return
		}
		lines := strings.Count(text, "\n") + 1
		for _, line := range []int{hub.Visibility.Line, hub.DevMode.Line, hub.Hardware.Line, hub.Storage.Line, hub.ScansLine} {
			if line < 0 || line > lines {
				t.Errorf("line %d of %d", line, lines)
			}
		}
		for _, v := range append(hub.Variables, hub.Secrets...) {
			if v.Line < 1 || v.Line > lines {
				t.Errorf("%+v of %d lines", v, lines)
			}
		}
		moved, err := space.ReadHub(strings.NewReader("\n" + text))
		if err != nil {
			t.Fatal(err)
		}
		for i := range moved.Variables {
			moved.Variables[i].Line--
		}
		for i := range moved.Issues {
			moved.Issues[i].Line--
		}
		if diff := cmp.Diff(hub.Variables, moved.Variables) + cmp.Diff(hub.Issues, moved.Issues); diff != "" {
			t.Error(diff)
		}
	})
}
