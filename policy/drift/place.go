package drift

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// maxNames is how many packages one message names.
const maxNames = 60

// maxInstructionBytes is how much of an instruction a message quotes.
const maxInstructionBytes = 120

// where says which layer brought an installed component.
func (s *sides) where(c *sbom.Component) string {
	if len(c.Locations) == 0 {
		return "in the image"
	}
	return "at " + c.Locations[0].File + " in " + s.layer(c.Locations[0].Layer)
}

// layer names a layer by its digest, and the instruction that made it.
func (s *sides) layer(digest string) string {
	if digest == "" {
		return "the image"
	}
	if text := instruction(s.opts.Created[digest]); text != "" {
		return fmt.Sprintf("layer %s (%s)", digest, text)
	}
	return "layer " + digest
}

const secretWord = `(?:token|secret|passw|pwd|auth|key|credential)`

var (
	// buildArguments matches what a builder's history puts in front of the
	// shell: the values of all build arguments, which often are secrets.
	buildArguments = regexp.MustCompile(`^(RUN )?\|[0-9]+ .*?(/[^ ]*sh (-[a-z]+ (pipefail )?)*)`)
	// secretValue matches the value of a variable or option whose name says
	// that it is secret.
	secretValue = regexp.MustCompile(`(?i)((?:--[a-z0-9_-]*` + secretWord + `[a-z0-9_-]* |[a-z0-9_-]*` + secretWord + `[a-z0-9_-]*=))("[^"]*"?|'[^']*'?|[^ =][^ ]*)`)
)

// instruction returns what may be shown of a line of an image's history: in
// one line, without the values of build arguments and of what is named like a
// secret.
// https://github.com/opencontainers/image-spec/blob/main/config.md#properties (history)
func instruction(text string) string {
	text = strings.TrimSuffix(strings.Join(strings.Fields(text), " "), " # buildkit")
	if bare := strings.TrimPrefix(text, "RUN "); strings.HasPrefix(bare, "|") {
		if !buildArguments.MatchString(text) {
			return "an instruction with build arguments"
		}
		text = buildArguments.ReplaceAllString(text, "$1$2")
	}
	text = sbom.RedactText(secretValue.ReplaceAllString(text, "$1***"))
	if len(text) > maxInstructionBytes {
		text = strings.ToValidUTF8(text[:maxInstructionBytes], "") + "..."
	}
	return text
}

// lines says where the source asks for a component.
func lines(list []*sbom.Component) string {
	var out []string
	for _, c := range list {
		for _, l := range c.Locations {
			out = append(out, place(l))
		}
	}
	return listed(out)
}

func place(l sbom.Location) string {
	if l.Line == 0 {
		return l.File
	}
	return fmt.Sprintf("%s:%d", l.File, l.Line)
}

// first returns the first place of a component.
func first(c *sbom.Component) (file string, line int) {
	if len(c.Locations) == 0 {
		return "", 0
	}
	return c.Locations[0].File, c.Locations[0].Line
}

// listed joins names, and counts those that are too many to name.
func listed(names []string) string {
	if len(names) <= maxNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
}
