package dockerfile

import (
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// shadow finds what stands in the image under the name of a requirement file
// and is not the file of that name in the build context: one that COPY or a
// mount gives the name is a requirement file too, and one that is made while
// the image is built is a gap. Only the last part of a name counts, for in
// which folder a command works is not tracked.
func (c *collector) shadow() {
	asked := map[string]bool{}
	for _, name := range c.requirements {
		asked[path.Base(name)] = true
	}
	if len(asked) == 0 {
		return
	}
	for _, s := range c.file.Stages {
		s.Walk(func(in *Instruction) {
			switch {
			case in.Name == "COPY" || in.Name == "ADD":
				c.renamed(in, asked)
			case in.Name == "RUN" && in.Script != nil:
				for _, m := range in.Mounts() {
					if m.From == "" && m.Source != "" && asked[path.Base(m.Target)] {
						c.include([]Word{{Text: m.Source, Known: !strings.Contains(m.Source, "$"), Line: in.Line}})
					}
				}
				for _, command := range in.Script.Commands {
					if name := command.writes(asked); name != "" {
						c.gap(sbom.GapInclude, command.Line, "", "%q is written while the image is built, and installed from", shown(name))
					}
				}
			}
		})
	}
}

// renamed adds the sources that a COPY or ADD puts under a name that is asked
// for. What it takes from an image, an address or the Dockerfile is a gap.
func (c *collector) renamed(in *Instruction, asked map[string]bool) {
	if len(in.Args) < 2 {
		return
	}
	to := path.Base(in.Args[len(in.Args)-1].Text)
	from, _ := in.Flag("from")
	for _, word := range in.Args[:len(in.Args)-1] {
		base := path.Base(word.Text)
		heredoc := slices.ContainsFunc(in.Heredocs, func(h Heredoc) bool { return strings.TrimLeft(word.Text, "<-") == h.Name })
		switch {
		case !asked[to] && (heredoc || !asked[base]):
		case heredoc || strings.Contains(word.Text, "://"):
			c.gap(sbom.GapInclude, in.Line, "", "%q is none of the files of the build context, and installed from", shown(to))
		case from == "":
			word.Line = in.Line
			c.include([]Word{word})
		case !c.isStage(from):
			c.gap(sbom.GapInclude, in.Line, "", "%q comes out of another image, and is installed from", shown(base))
		}
	}
}

// isStage reports whether --from names a stage of the file.
func (c *collector) isStage(from string) bool {
	return slices.ContainsFunc(c.file.Stages, func(s *Stage) bool { return strings.EqualFold(from, s.Name) || from == itoa(s.Index) })
}

// writes returns the name that a command writes a file to, if it is asked for.
func (c *Command) writes(asked map[string]bool) string {
	for _, r := range c.Redirects {
		if strings.HasPrefix(r.Op, ">") && asked[path.Base(r.Target.Text)] {
			return r.Target.Text
		}
	}
	switch c.Name {
	case "cp", "mv", "ln", "install":
		if n := len(c.Args); n > 1 {
			if to := c.Args[n-1].Text; asked[path.Base(to)] && path.Base(to) != path.Base(c.Args[n-2].Text) {
				return to
			}
		}
	case "sed", "perl", "patch", "truncate", "curl", "wget", "tee", "aria2c":
		if c.Name == "sed" && !slices.ContainsFunc(c.Args, func(w Word) bool { return strings.HasPrefix(w.Text, "-i") || strings.HasPrefix(w.Text, "--in-place") }) {
			return "" // it prints
		}
		for _, word := range c.Args {
			if asked[path.Base(word.Text)] {
				return word.Text
			}
		}
	}
	return ""
}
