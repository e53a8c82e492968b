// Package dockerfile reads a Dockerfile without judging it: its stages and
// which of them are shipped, its instructions with their variables expanded,
// and the commands that RUN would run, with what they would install.
//
// [Parse] never fails. What cannot be read becomes an [sbom.Gap] with its line,
// and reading goes on with the rest. Nothing is run, and no include, base image
// or URL is followed.
//
// The grammar is BuildKit's own (its parser reads the file), so a heredoc or a
// flag that docker build accepts is read here too. Shell text is parsed by
// mvdan.cc/sh. The reference of the format is
// https://docs.docker.com/reference/dockerfile/.
package dockerfile

import (
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// File is one Dockerfile, or a fragment of one. The zero value is an empty
// file.
type File struct {
	// Name is the file's name as given to Parse.
	Name string
	// Escape is the escape character: a backslash, or a backtick after
	// "# escape=`". https://docs.docker.com/reference/dockerfile/#escape
	Escape rune
	// Syntax is the frontend image of "# syntax=", "" without one.
	Syntax string
	// Global holds what stands before the first FROM: ARG instructions, and
	// (with a Gap) anything else.
	Global []*Instruction
	// Stages in the order of the file. A fragment without FROM is one stage
	// without a name and without From.
	Stages []*Stage
	// Comments are all comment lines outside heredocs and instructions.
	Comments []Comment
	// Gaps are what could not be read, sorted.
	Gaps []sbom.Gap
	// Lines is how many lines the file has.
	Lines int
}

// Comment is one comment line.
type Comment struct {
	// Line counts from 1.
	Line int
	// Text is what follows the "#", without surrounding blanks.
	Text string
}

// Reach says what a stage is to the image that a plain `docker build` gives.
type Reach int

// The kinds of reach. The zero value is Unused.
const (
	// Unused: nothing that ends in the image needs the stage.
	Unused Reach = iota
	// Source: files are copied or mounted from it, or from a stage that is
	// built on it.
	Source
	// Shipped: it is the final stage, or the final stage is built FROM it.
	Shipped
)

// Stage is what one FROM begins.
type Stage struct {
	// Index counts from 0.
	Index int
	// Name is the lower-case name after AS, "" without one.
	Name string
	// From is the FROM instruction, nil for a fragment.
	From *Instruction
	// Base is the image reference, empty when Parent is a stage or when there
	// is no FROM.
	Base Image
	// Parent is the index of the stage that it is built FROM, -1 for none.
	Parent int
	// Platform is the value of --platform with variables expanded.
	Platform string
	// Instructions after FROM, in order.
	Instructions []*Instruction
	// Uses are the stages and images that COPY --from and RUN --mount name.
	Uses []Use
	// Reach says whether the stage is shipped.
	Reach Reach
	// Final is true for the last stage, which `docker build` builds.
	Final bool
}

// Label returns the stage's name, or its number when it has none.
func (s *Stage) Label() string {
	if s.Name != "" {
		return s.Name
	}
	return itoa(s.Index)
}

// Line returns the line of FROM, or of the first instruction of a fragment.
func (s *Stage) Line() int {
	switch {
	case s.From != nil:
		return s.From.Line
	case len(s.Instructions) > 0:
		return s.Instructions[0].Line
	}
	return 1
}

// Use is one place where a stage takes files from another stage or image.
type Use struct {
	// Instruction is the COPY or RUN that does it.
	Instruction *Instruction
	// Stage is the index of an earlier stage, -1 for an image.
	Stage int
	// Image is the reference when Stage is -1.
	Image Image
}

// Instruction is one instruction.
type Instruction struct {
	// Name is the keyword in upper case ("RUN"); it may be one that Docker
	// does not know.
	Name string
	// Line and EndLine count from 1; EndLine includes heredocs. Column counts
	// bytes from 1.
	Line, EndLine, Column int
	// Original is the logical line: continuations joined, comments removed,
	// heredocs left out.
	Original string
	// Flags are the "--name=value" words after the keyword.
	Flags []Flag
	// JSON is true for the exec form, a JSON array.
	JSON bool
	// Args are the arguments. For FROM, COPY, ADD, EXPOSE, USER, WORKDIR and
	// the like Text has variables expanded; for RUN, CMD and ENTRYPOINT in
	// shell form there is one argument, which is not expanded.
	Args []Word
	// Pairs are the names and values of ARG, ENV and LABEL.
	Pairs []Pair
	// Heredocs in the order of the file.
	Heredocs []Heredoc
	// Shell is the SHELL in force, for the instructions that use it.
	Shell []string
	// Script is what a shell would run: for RUN, CMD, ENTRYPOINT and
	// HEALTHCHECK; nil for others, and when it cannot be parsed (a Gap says
	// so, for RUN).
	Script *Script
	// Trigger is the instruction of an ONBUILD, nil for others.
	Trigger *Instruction
}

// Flag is one "--name=value" of an instruction. Value is "" when there is no
// "=".
type Flag struct{ Name, Value string }

// Flag returns the value of the first flag with that name.
func (in *Instruction) Flag(name string) (string, bool) {
	for _, f := range in.Flags {
		if f.Name == name {
			return f.Value, true
		}
	}
	return "", false
}

// Pair is one name and value.
type Pair struct {
	Key string
	// Value is expanded; Raw is as written.
	Value, Raw string
	// HasValue is false for an ARG without default.
	HasValue bool
	// Known is false when Value holds a variable without known value.
	Known bool
}

// Heredoc is one here-document.
type Heredoc struct {
	// Name is the delimiter.
	Name string
	// Line is the line of its first content line, Column is always 1.
	Line int
	// Content is the text, with its final newline.
	Content string
	// Expand is false when the delimiter was quoted.
	Expand bool
}

// Mount is one --mount of RUN.
// https://docs.docker.com/reference/dockerfile/#run---mount
type Mount struct {
	// Type is "bind" when the flag names none.
	Type string
	// Source is the path that it is taken from, "" for all of it.
	Source string
	// Target is the path in the build container.
	Target string
	// From is the stage or image that it is taken from, "" for the context.
	From string
}

// Mounts returns the mounts of a RUN.
func (in *Instruction) Mounts() []Mount {
	var out []Mount
	for _, f := range in.Flags {
		if f.Name != "mount" {
			continue
		}
		m := Mount{Type: "bind"}
		for field := range strings.SplitSeq(f.Value, ",") {
			key, value, _ := strings.Cut(field, "=")
			value = strings.Trim(strings.TrimSpace(value), `"'`)
			switch strings.ToLower(strings.TrimSpace(key)) {
			case "type":
				m.Type = strings.ToLower(value)
			case "source", "src":
				m.Source = value
			case "target", "dst", "destination":
				m.Target = value
			case "from":
				m.From = value
			}
		}
		out = append(out, m)
	}
	return out
}

// Walk calls visit for every instruction of the stage but FROM, with the
// trigger of an ONBUILD in its place.
func (s *Stage) Walk(visit func(*Instruction)) {
	for _, in := range s.Instructions {
		if in.Trigger != nil {
			in = in.Trigger
		}
		visit(in)
	}
}
