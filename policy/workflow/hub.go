package workflow

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// hubToken matches a token of the Hub itself.
	// https://huggingface.co/docs/hub/security-tokens
	hubToken = regexp.MustCompile(`\bhf_[A-Za-z0-9]{34,}\b`)

	// tokenName matches the names by which tokens of the Hub go: HF_TOKEN,
	// HUGGING_FACE_HUB_TOKEN, HF_API_KEY, MY_HUGGINGFACE_SECRET.
	tokenName = regexp.MustCompile(`(?i)^([a-z0-9]+[_-])*(hf|hugging[_-]?face([_-]?hub)?)[_-]?([a-z0-9]+[_-])*(token|key|secret|password|pat)s?([_-][a-z0-9]+)*$`)

	// reference finds what a text takes from GitHub's secrets and from
	// variables, in expressions that squeeze has been over.
	secretReference   = regexp.MustCompile(`(?i)\bsecrets(?:\.|\[)([A-Za-z0-9_-]+)`)
	variableReference = regexp.MustCompile(`\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:[}:%#/^,@-]))`)
	expressionEnv     = regexp.MustCompile(`(?i)\$\{\{env\.([A-Za-z0-9_-]+)\}\}`)

	// alternative is a variable that is only asked whether it is set.
	alternative = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*:?\+`)
)

// holders are the names of the environment variables that hold a token of the
// Hub: by their own name, or because they are given such a secret.
type holders []string

func (h holders) with(env []pair) holders {
	out := slices.Clone(h)
	for _, e := range env {
		if e.name != "" && out.tokens(squeeze(e.value.value)) {
			out = append(out, e.name)
		}
	}
	return out
}

// named reports whether a variable of this name holds a token of the Hub.
func (h holders) named(name string) bool {
	return tokenName.MatchString(name) || slices.Contains(h, name)
}

// tokens reports whether a text, squeezed, has a token of the Hub put in.
func (h holders) tokens(text string) bool {
	for _, m := range secretReference.FindAllStringSubmatch(text, -1) {
		if tokenName.MatchString(m[1]) {
			return true
		}
	}
	for _, m := range expressionEnv.FindAllStringSubmatch(text, -1) {
		if h.named(m[1]) {
			return true
		}
	}
	for _, m := range variableReference.FindAllStringSubmatchIndex(text, -1) {
		name := text[max(m[2], m[4]):max(m[3], m[5])]
		if h.named(name) && !alternative.MatchString(text[m[0]:]) {
			return true
		}
	}
	return hubToken.MatchString(text)
}

// given reports whether one of the pairs has a token of the Hub, by the name of
// the secret or by that under which it is given.
func (h holders) given(pairs []pair) bool {
	return slices.ContainsFunc(pairs, func(p pair) bool {
		value := squeeze(p.value.value)
		return h.tokens(value) || tokenName.MatchString(p.name) && secretReference.MatchString(value)
	})
}

// writers are the commands that write to the Hub, with the words behind them.
// https://huggingface.co/docs/huggingface_hub/guides/cli
var writers = map[string][]string{
	"hf":              {"upload", "upload-large-folder", "repo", "repos", "spaces", "auth", "sync", "buckets"},
	"huggingface-cli": {"upload", "upload-large-folder", "repo", "login"},
}

// hubPush finds a repository of the Hub behind a git command.
var hubPush = regexp.MustCompile(`\bgit\b[^\n]*(huggingface\.co|hf\.co)\b`)

// deploys reports whether a job is given a token of the Hub or writes to it.
func (w *workflow) deploys(j *job) bool {
	h := holders{}.with(w.env).with(j.env)
	if h.given(w.env) || h.given(j.env) || h.given(j.with) || h.given(j.secrets) {
		return true
	}
	return slices.ContainsFunc(j.steps, func(s step) bool {
		return h.given(s.env) || h.given(s.with) || h.tokens(squeeze(s.run.value)) || s.writes()
	})
}

// writes reports whether a step writes to the Hub by what it calls.
func (s *step) writes() bool {
	if strings.HasPrefix(s.uses.value, "huggingface/hub-sync@") || hubPush.MatchString(s.run.value) {
		return true
	}
	return slices.ContainsFunc(commandsOf(squeeze(s.run.value)), func(c command) bool {
		verbs := writers[c.words[0]]
		return len(c.words) > 1 && slices.Contains(verbs, c.words[1])
	})
}

// strangers is the event by which the workflow runs for pull requests of
// strangers with the rights and secrets of the repository, "" for none.
// https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request_target
func (w *workflow) strangers() string {
	for _, e := range w.events {
		if e.value == "pull_request_target" {
			return e.value
		}
	}
	return ""
}

// concerned yields the jobs that the rules about pinning and permissions speak
// of, with the reason.
func (w *workflow) concerned(yield func(j *job, why string) bool) {
	for i := range w.jobs {
		j, why := &w.jobs[i], ""
		switch {
		case w.strangers() != "":
			why = "runs for pull requests of strangers with the repository's rights"
		case w.deploys(j):
			why = "has a token of the Hub or writes to it"
		default:
			continue
		}
		if !yield(j, why) {
			return
		}
	}
}
