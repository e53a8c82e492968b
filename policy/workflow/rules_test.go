package workflow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/policy/workflow"
	"github.com/tallyman/tallyman/sbom"
)

const name = ".github/workflows/deploy.yml"

func TestEveryRuleFiresOnBadAndNotOnGood(t *testing.T) {
	for _, r := range workflow.Rules() {
		fires := func(content string) bool {
			findings, gaps := workflow.Check(name, []byte(content), "all")
			if len(gaps) > 0 {
				t.Errorf("%s: %v", r.ID, gaps)
			}
			return slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Rule == r.ID })
		}
		if !fires(r.Bad) {
			t.Errorf("%s is silent on its bad example:\n%s", r.ID, r.Bad)
		}
		if fires(r.Good) {
			t.Errorf("%s fires on its good example:\n%s", r.ID, r.Good)
		}
	}
}

func TestRulesAreDocumented(t *testing.T) {
	var ids []string
	for _, r := range workflow.Rules() {
		for field, text := range map[string]string{"Title": r.Title, "Why": r.Why, "Remedy": r.Remedy, "Bad": r.Bad, "Good": r.Good} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", r.ID, field)
			}
		}
		if !strings.HasPrefix(r.Source, "https://") || r.Severity == "" || r.Risk == "" {
			t.Errorf("%s: Source %q", r.ID, r.Source)
		}
		ids = append(ids, r.ID)
	}
	if !slices.IsSorted(ids) {
		t.Errorf("identifiers are not sorted: %v", ids)
	}
}

// check returns the findings of a workflow as "line rule risk".
func check(t *testing.T, content string) []string {
	t.Helper()
	findings, gaps := workflow.Check(name, []byte(content), "all")
	if len(gaps) > 0 {
		t.Errorf("gaps: %v", gaps)
	}
	var out []string
	for _, f := range findings {
		out = append(out, fmt.Sprintf("%d %s %s", f.Line, f.Rule, f.Risk))
	}
	return out
}

// steps is a job with a token of the Hub under two names; its steps begin at
// line 10.
func steps(text string) string {
	return "on: [push]\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    env:\n      HF_TOKEN: ${{ secrets.HF_TOKEN }}\n      CREDENTIAL: ${{ secrets.HF_TOKEN }}\n    steps:\n" + text
}

const leak, url = "GR-HFS-12 high", "GR-HFS-12 medium"

func TestToken(t *testing.T) {
	literal := "hf_" + strings.Repeat("aB3", 12)
	for _, tt := range []struct {
		name, content string
		want          []string
	}{
		{"variable", steps("    - run: git push https://u:$HF_TOKEN@huggingface.co/spaces/u/a main\n"), []string{"10 " + url}},
		{"braces", steps("    - run: git push \"https://u:${HF_TOKEN}@huggingface.co/spaces/u/a\" main\n"), []string{"10 " + url}},
		{"expression", steps("    - run: git push https://u:${{ secrets.HF_TOKEN }}@huggingface.co/spaces/u/a main\n"), []string{"10 " + url}},
		{"expression with quotes", steps("    - run: git push https://u:${{ secrets['HF_TOKEN'] }}@huggingface.co/spaces/u/a main\n"), []string{"10 " + url}},
		{"token alone", steps("    - run: git clone https://$HF_TOKEN@huggingface.co/u/a\n"), []string{"10 " + url}},
		{"another name", steps("    - run: git push https://u:$CREDENTIAL@$HOST/spaces/u/a main\n"), []string{"10 " + url}},
		{"remote in a block", steps("    - run: |\n        set -e\n\n        git remote add hub https://u:$HF_TOKEN@huggingface.co/spaces/u/a\n        git push hub main\n"), []string{"13 " + url}},
		{"folded", steps("    - run: >\n        git push\n        https://u:$HF_TOKEN@huggingface.co/spaces/u/a\n"), []string{"10 " + url}},
		{"variable of a URL", steps("    - env:\n        REMOTE: https://u:${{ secrets.HF_TOKEN }}@huggingface.co/spaces/u/a\n      run: git push $REMOTE\n"), []string{"11 " + url}},
		{"printed as well", steps("    - run: |\n        git push https://u:$HF_TOKEN@huggingface.co/spaces/u/a main\n        echo https://u:$HF_TOKEN@huggingface.co\n"), []string{"11 " + url, "12 " + url, "12 " + leak}},
		{"written out", steps("    - run: git push https://u:" + literal + "@huggingface.co/spaces/u/a main\n"), []string{"10 " + leak, "10 " + leak}},
		{"a password written out", steps("    - run: git push https://u:secret@huggingface.co/spaces/u/a main\n"), []string{"10 " + leak}},
		{"a password behind a variable", steps("    - run: git push https://$USER:secret@huggingface.co/spaces/u/a main\n"), []string{"10 " + leak}},
		{"written out behind a variable", steps("    - run: git push https://$USER:" + literal + "@huggingface.co/spaces/u/a main\n"), []string{"10 " + leak, "10 " + leak}},
		{"user alone", steps("    - run: git clone https://$HF_USER@huggingface.co/u/a\n"), nil},
		{"another host's token", steps("    - run: git push https://u:$GITHUB_TOKEN@github.com/u/a main\n"), nil},
		{"no login", steps("    - run: git clone https://huggingface.co/u/a\n"), nil},
		{"comment", steps("    - run: |\n        # git push https://u:$HF_TOKEN@huggingface.co/spaces/u/a main\n        true\n"), nil},
		{"in clear", steps("    - env:\n        HF_TOKEN: " + literal + "\n      run: hf upload a\n"), []string{"11 " + leak}},
		{"in clear in a comment", "# " + literal + "\n" + steps("    - run: true\n"), []string{"1 " + leak}},
		{"not a token", steps("    - run: pip install hf_transfer hf_" + strings.Repeat("a", 12) + "\n"), nil},
		{"echo", steps("    - run: echo $HF_TOKEN\n"), []string{"10 " + leak}},
		{"echo in quotes", steps("    - run: |\n        if true; then\n          echo \"the token is ${HF_TOKEN:0:8}\"\n        fi\n"), []string{"12 " + leak}},
		{"echo of what is made of it", steps("    - run: echo $(echo $HF_TOKEN | base64)\n"), []string{"10 " + leak}},
		{"echo to standard error", steps("    - run: echo $HF_TOKEN >&2\n"), []string{"10 " + leak}},
		{"echo of an expression in quotes", steps("    - run: echo '${{ secrets.HF_TOKEN }}'\n"), []string{"10 " + leak}},
		{"continued", steps("    - run: |\n        echo \\\n          $HF_TOKEN\n"), []string{"11 " + leak}},
		{"printenv", steps("    - run: printenv HF_TOKEN\n"), []string{"10 " + leak}},
		{"piped", steps("    - run: echo $HF_TOKEN | hf auth login --token-stdin\n"), nil},
		{"into a file", steps("    - run: echo \"token=$HF_TOKEN\" >> ~/.netrc\n"), nil},
		{"single quotes", steps("    - run: echo 'set $HF_TOKEN first'\n"), nil},
		{"escaped", steps("    - run: echo \"set HF_TOKEN first\"\n"), nil},
		{"whether it is set", steps("    - run: echo ${HF_TOKEN:+set}\n"), nil},
		{"length", steps("    - run: echo ${#HF_TOKEN}\n"), nil},
		{"mask", steps("    - run: echo \"::add-mask::$HF_TOKEN\"\n"), nil},
		{"after a pipe", steps("    - run: cat x | tr a b; echo done\n"), nil},
		{"no echo", steps("    - run: test -n \"$HF_TOKEN\" || echo missing\n"), nil},
		{"body of a here-document", steps("    - run: |\n        cat > x <<'EOF'\n        echo $HF_TOKEN\n        EOF\n        true\n"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, check(t, tt.content)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

const commit = "0123456789abcdef0123456789abcdef01234567"

func TestTarget(t *testing.T) {
	on := func(event, step string) string {
		return "on: " + event + "\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n" + step
	}
	head := "    - uses: actions/checkout@" + commit + "\n      with:\n        ref: ${{ github.event.pull_request.head.sha }}\n"
	for _, tt := range []struct {
		name, content string
		want          []string
	}{
		{"head", on("pull_request_target", head), []string{"9 TM-WF-01 high"}},
		{"list of events", on("[push, pull_request_target]", head), []string{"9 TM-WF-01 high"}},
		{"mapping of events", on("{pull_request_target: {types: [closed]}}", head), []string{"9 TM-WF-01 high"}},
		{"another event", on("pull_request", head), nil},
		{"the repository's own code", on("pull_request_target", "    - uses: actions/checkout@"+commit+"\n"), nil},
		{"into a folder of its own", on("pull_request_target", head+"        path: theirs\n"), []string{"9 TM-WF-01 medium"}},
		{"into the same folder", on("pull_request_target", head+"        path: ./\n"), []string{"9 TM-WF-01 high"}},
		{"merge ref", on("pull_request_target", "    - uses: actions/checkout@"+commit+"\n      with:\n        ref: refs/pull/${{ github.event.number }}/merge\n"), []string{"9 TM-WF-01 high"}},
		{"their repository", on("pull_request_target", "    - uses: actions/checkout@"+commit+"\n      with:\n        repository: ${{ github.event.pull_request.head.repo.full_name }}\n"), []string{"9 TM-WF-01 high"}},
		{"gh", on("pull_request_target", "    - run: |\n        set -e\n        gh pr checkout 1\n"), []string{"9 TM-WF-01 high"}},
		{"git", on("pull_request_target", "    - run: git fetch origin pull/1/head && git checkout FETCH_HEAD\n"), []string{"7 TM-WF-01 high"}},
		{"its number alone", on("pull_request_target", "    - run: gh pr comment ${{ github.event.number }} --body hello\n"), nil},
		{"other events alone", on("[push, pull_request_target]", "    - if: github.event_name == 'push'\n"+strings.Replace(head, "    - uses", "      uses", 1)), nil},
		{"one of two events", on("[push, pull_request_target]", "    - if: github.event_name == 'push' || true\n"+strings.Replace(head, "    - uses", "      uses", 1)), []string{"10 TM-WF-01 high"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, check(t, tt.content)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestPinnedAndPermissions(t *testing.T) {
	job := func(text string) string { return "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n" + text }
	const use, hub = "    - uses: actions/checkout@v4\n", "    - run: hf upload u/a .\n"
	for _, tt := range []struct {
		name, content string
		want          []string
	}{
		{"nothing to do with the Hub", job("    steps:\n" + use), nil},
		{"writes to it", job("    steps:\n" + use + hub), []string{"3 TM-WF-03 low", "6 TM-WF-02 medium"}},
		{"pushes to it", job("    steps:\n" + use + "    - run: git push https://huggingface.co/spaces/u/a\n"), []string{"3 TM-WF-03 low", "6 TM-WF-02 medium"}},
		{"a token of the workflow", "env: {T: '${{ secrets.HF_TOKEN }}'}\n" + job("    steps:\n"+use), []string{"4 TM-WF-03 low", "7 TM-WF-02 medium"}},
		{"a token under its name", job("    steps:\n" + use + "      with: {hf_token: '${{ secrets.BOT }}'}\n"), []string{"3 TM-WF-03 low", "6 TM-WF-02 medium"}},
		{"another job", job("    steps:\n"+use) + "  b:\n    permissions: {contents: read}\n    steps:\n" + hub, nil},
		{"reusable workflow", "on: push\njobs:\n  a:\n    permissions: {}\n    uses: o/r/.github/workflows/x.yml@main\n    secrets:\n      hf_token: ${{ secrets.X }}\n", []string{"5 TM-WF-02 medium"}},
		{"pinned", job("    permissions: {}\n    steps:\n    - uses: actions/checkout@" + commit + "\n    - uses: docker://alpine@sha256:" + strings.Repeat("a", 64) + "\n    - uses: ./local\n" + hub), nil},
		{"image by tag", job("    permissions: {}\n    steps:\n    - uses: docker://alpine:3\n" + hub), []string{"7 TM-WF-02 medium"}},
		{"short commit", job("    permissions: {}\n    steps:\n    - uses: o/r@0123456\n" + hub), []string{"7 TM-WF-02 medium"}},
		{"everything allowed", "permissions: write-all\n" + job("    steps:\n"+hub), []string{"1 TM-WF-03 low"}},
		{"everything allowed to others", "permissions: write-all\n" + job("    permissions: {}\n    steps:\n"+hub), nil},
		{"strangers", "on: pull_request_target\njobs:\n  a:\n    steps:\n" + use, []string{"3 TM-WF-03 low", "5 TM-WF-02 medium"}},
		{"aliases", "on: push\njobs:\n  a:\n    permissions: {}\n    steps: &s\n" + use + hub + "  b:\n    permissions: {}\n    steps: *s\n", []string{"6 TM-WF-02 medium", "6 TM-WF-02 medium"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, check(t, tt.content)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Nothing of a workflow that GitHub could run is left out in silence.
func TestGaps(t *testing.T) {
	many := "on: push\njobs:\n  a:\n    steps: &s\n" + strings.Repeat("    - run: x\n", 2001)
	for i := range 9 {
		many += fmt.Sprintf("  b%d:\n    steps: *s\n", i)
	}
	for _, tt := range []struct {
		name, content string
		want          sbom.GapKind
	}{
		{"empty", "", sbom.GapUnparsed},
		{"no YAML", "jobs: [\n", sbom.GapUnparsed},
		{"no mapping", "- a\n", sbom.GapUnparsed},
		{"no jobs", "on: push\n", sbom.GapUnparsed},
		{"jobs are a list", "on: push\njobs: [a]\n", sbom.GapUnparsed},
		{"a job is a word", "on: push\njobs: {a: b}\n", sbom.GapUnparsed},
		{"steps are a word", "on: push\njobs: {a: {steps: b}}\n", sbom.GapUnparsed},
		{"a step is a word", "on: push\njobs: {a: {steps: [b]}}\n", sbom.GapUnparsed},
		{"too large", "on: push\n#" + strings.Repeat("x", limit.ConfigBytes), sbom.GapTooLarge},
		{"too many steps through aliases", many, sbom.GapTooLarge},
	} {
		_, gaps := workflow.Check(name, []byte(tt.content))
		if len(gaps) != 1 || gaps[0].Kind != tt.want || !gaps[0].Hides {
			t.Errorf("%s: got %+v, want one gap of kind %q", tt.name, gaps, tt.want)
		}
	}
}

func TestFindingsHoldNoToken(t *testing.T) {
	literal := "hf_" + strings.Repeat("aB3", 12)
	content := strings.ReplaceAll(steps("    - uses: o/T@T\n    - run: git push https://u:T@huggingface.co/x\n    - run: echo T\n"), "T", literal)
	for _, c := range []string{content, "T: [\n", "jobs: {T: {steps: x}}", "jobs: {T: T}"} {
		findings, gaps := workflow.Check(name, []byte(strings.ReplaceAll(c, "T", literal)), "all")
		if text := fmt.Sprintf("%+v %+v", findings, gaps); strings.Contains(text, literal) {
			t.Error(text)
		}
	}
}

func TestIsWorkflow(t *testing.T) {
	for name, want := range map[string]bool{
		".github/workflows/a.yml": true, "app/.github/workflows/docker-compose.yaml": true, ".github/workflows/sub/a.yml": false,
		".github/dependabot.yml": false, "x.github/workflows/a.yml": false, ".github/workflows/a.json": false, "a.yml": false,
	} {
		if got := workflow.IsWorkflow(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

// Whatever the bytes: a file that gives no job to judge says so, findings lie
// inside it and hold no token, and a comment before it moves each by a line and
// changes nothing else.
func FuzzCheck(f *testing.F) {
	for _, r := range workflow.Rules() {
		f.Add([]byte(r.Bad))
		f.Add([]byte(r.Good))
	}
	f.Add([]byte("on: push\njobs: &a\n  b: *a\n"))
	f.Add([]byte("on: push\njobs: {a: {steps: [{run: \"echo \\\"$(x `y` ${z\"}]}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text := string(data)
		findings, gaps := workflow.Check(name, data, "all")
		if strings.TrimSpace(text) == "" && len(gaps) == 0 {
			t.Error("an empty file gives no gap")
		}
		breaks := strings.Count(strings.ReplaceAll(text, "\r", "\n"), "\n") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + strings.Count(text, "\u0085")
		for _, found := range findings {
			if found.Line < 1 || found.Line > breaks+1 {
				t.Errorf("line %d of %q", found.Line, data)
			}
		}
		if strings.HasPrefix(text, "\ufeff") || strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") || len(data) >= limit.ConfigBytes-4 {
			return
		}
		moved, _ := workflow.Check(name, append([]byte("#\n"), data...), "all")
		for i := range moved {
			moved[i].Line--
		}
		if diff := cmp.Diff(findings, moved); diff != "" {
			t.Error(diff)
		}
	})
}
