package dockerfile

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/tallyman/tallyman/sbom"
)

// frame is what is in force at a point of a stage.
type frame struct {
	vars  scope
	shell []string
}

// builder makes stages of nodes.
type builder struct {
	*reader
	global scope
	frame  frame
	frames []frame // what each finished stage leaves to those built on it
	names  map[string]int
}

// predefined are the ARGs that BuildKit sets and whose values depend on the
// build. https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
var predefined = []string{
	"TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT",
	"BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT",
}

// build fills in Global and Stages.
func (r *reader) build(nodes []*parser.Node) {
	b := &builder{reader: r, global: scope{}, names: map[string]int{}}
	for _, name := range predefined {
		b.global.set(name, "", false, false)
	}
	fragment := true
	for _, n := range nodes {
		if strings.EqualFold(n.Value, "FROM") {
			fragment = false
		}
	}
	if fragment && len(nodes) > 0 {
		b.begin(&Stage{Parent: -1}, frame{vars: scope{}, shell: defaultShell("")})
	}
	for _, n := range nodes {
		b.node(n)
	}
	b.end()
	r.reach()
}

// node adds one instruction of the file.
func (b *builder) node(n *parser.Node) {
	in := b.instruction(n, n.Value)
	if err := b.check(n); err != nil {
		b.gap(sbom.GapUnparsed, n.StartLine, sentence(keyword(in.Name), err))
	}
	switch {
	case in.Name == "FROM":
		b.arguments(in, n, b.global)
		b.from(in)
	case len(b.file.Stages) == 0:
		b.file.Global = append(b.file.Global, in)
		b.arguments(in, n, b.global)
		if in.Name == "ARG" {
			b.assign(in, b.global)
		} else {
			b.gap(sbom.GapUnparsed, n.StartLine, "an instruction other than ARG stands before the first FROM")
		}
	default:
		s := b.file.Stages[len(b.file.Stages)-1]
		s.Instructions = append(s.Instructions, in)
		b.inside(s, in, n)
	}
}

// keyword names an instruction in a message.
func keyword(name string) string {
	for _, c := range name {
		if c > unicode.MaxASCII || !unicode.IsLetter(c) {
			return "instruction"
		}
	}
	if len(name) == 0 || len(name) > 20 {
		return "instruction"
	}
	return name + " instruction"
}

// check validates a node. A chain of ONBUILD is cut here: BuildKit's own
// check takes quadratic time over it.
func (b *builder) check(n *parser.Node) error {
	if strings.EqualFold(n.Value, "ONBUILD") && n.Next != nil && len(n.Next.Children) > 0 {
		if strings.EqualFold(n.Next.Children[0].Value, "ONBUILD") {
			return errChain
		}
	}
	return validate(n)
}

type constError string

func (e constError) Error() string { return string(e) }

const errChain constError = "ONBUILD cannot trigger ONBUILD"

// instruction makes what all instructions have in common.
func (b *builder) instruction(n *parser.Node, keyword string) *Instruction {
	in := &Instruction{
		Name: strings.ToUpper(keyword), Line: n.StartLine, EndLine: n.EndLine,
		Original: strings.TrimSpace(n.Original), JSON: n.Attributes["json"],
	}
	for _, f := range n.Flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		in.Flags = append(in.Flags, Flag{Name: strings.ToLower(name), Value: value})
	}
	logical, _ := b.source.logical(n.StartLine)
	_, in.Column = logical.at(0)
	// The bodies of heredocs end at EndLine, each with a line of its own for
	// the delimiter.
	line := n.EndLine + 1
	for _, h := range n.Heredocs {
		line -= strings.Count(h.Content, "\n") + 1
	}
	for _, h := range n.Heredocs {
		content := h.Content
		if h.Chomp {
			content = parser.ChompHeredocContent(content)
		}
		in.Heredocs = append(in.Heredocs, Heredoc{Name: h.Name, Line: line, Content: content, Expand: h.Expand})
		line += strings.Count(h.Content, "\n") + 1
	}
	return in
}

// arguments fills in Args and Pairs, with variables of vars expanded.
func (b *builder) arguments(in *Instruction, n *parser.Node, vars scope) {
	var raw []string
	for a := n.Next; a != nil; a = a.Next {
		if len(a.Children) == 0 && (a.Value != "" || in.JSON) {
			raw = append(raw, a.Value)
		}
	}
	switch in.Name {
	case "ENV", "LABEL":
		for a := n.Next; a != nil && a.Next != nil && a.Next.Next != nil; a = a.Next.Next.Next {
			key, _ := vars.expand(a.Value, b.file.Escape)
			b.pair(in, key, a.Next.Value, true, vars)
		}
	case "ARG":
		for _, word := range raw {
			key, value, has := strings.Cut(word, "=")
			b.pair(in, key, value, has, vars)
		}
	case "RUN", "CMD", "ENTRYPOINT", "SHELL", "HEALTHCHECK", "MAINTAINER":
		for _, word := range raw {
			in.Args = append(in.Args, Word{Raw: word, Text: word, Known: true, Line: in.Line, Column: in.Column})
		}
	default:
		for _, word := range raw {
			value, known := vars.expand(word, b.file.Escape)
			in.Args = append(in.Args, Word{Raw: word, Text: value, Known: known, Line: in.Line, Column: in.Column})
		}
	}
}

func (b *builder) pair(in *Instruction, key, raw string, has bool, vars scope) {
	value, known := vars.expand(raw, b.file.Escape)
	in.Pairs = append(in.Pairs, Pair{Key: key, Value: value, Raw: raw, HasValue: has, Known: known && has})
}

// assign puts the pairs of an ARG or ENV in force.
func (b *builder) assign(in *Instruction, vars scope) {
	for i, p := range in.Pairs {
		if !p.HasValue && in.Name == "ARG" {
			// An ARG without default takes the one declared before the first
			// FROM. https://docs.docker.com/reference/dockerfile/#understand-how-arg-and-from-interact
			if g, ok := b.global[p.Key]; ok {
				p.Value, p.Known = g.value, g.known
				in.Pairs[i].Value, in.Pairs[i].Known = g.value, g.known
			}
		}
		vars.set(p.Key, p.Value, p.Known, in.Name == "ENV")
	}
}

// inside reads one instruction of a stage.
func (b *builder) inside(s *Stage, in *Instruction, n *parser.Node) {
	if in.Name == "ONBUILD" {
		b.onbuild(s, in, n)
		return
	}
	b.arguments(in, n, b.frame.vars)
	switch in.Name {
	case "ARG", "ENV":
		b.assign(in, b.frame.vars)
	case "SHELL":
		b.frame.shell = nil
		for _, a := range in.Args {
			b.frame.shell = append(b.frame.shell, a.Text)
		}
	case "COPY":
		if from, ok := in.Flag("from"); ok {
			b.use(s, in, from)
		}
	case "RUN":
		for _, m := range in.Mounts() {
			if m.From != "" {
				b.use(s, in, m.From)
			}
		}
		fallthrough
	case "CMD", "ENTRYPOINT", "HEALTHCHECK":
		in.Shell = b.frame.shell
		in.Script = b.script(in, n)
	}
}

// onbuild reads the instruction that an ONBUILD triggers.
func (b *builder) onbuild(s *Stage, in *Instruction, n *parser.Node) {
	if n.Next == nil || len(n.Next.Children) == 0 {
		return
	}
	child := n.Next.Children[0]
	if strings.EqualFold(child.Value, "ONBUILD") {
		return
	}
	child.StartLine, child.EndLine, child.Heredocs = n.StartLine, n.EndLine, n.Heredocs
	in.Trigger = b.instruction(child, child.Value)
	outer := b.frame
	b.frame.vars = outer.vars.clone()
	b.inside(s, in.Trigger, child)
	b.frame = outer
}

// use records that a stage takes files from a stage or an image.
func (b *builder) use(s *Stage, in *Instruction, from string) {
	name, known := b.frame.vars.expand(from, b.file.Escape)
	u := Use{Instruction: in, Stage: b.find(name)}
	if i, err := strconv.Atoi(name); err == nil && u.Stage < 0 && i >= 0 && i < s.Index {
		u.Stage = i
	}
	if u.Stage < 0 {
		u.Image = parseImage(from, name, known)
	}
	s.Uses = append(s.Uses, u)
}

// find returns the index of the latest finished stage with that name, or -1.
func (b *builder) find(name string) int {
	if i, ok := b.names[strings.ToLower(name)]; ok {
		return i
	}
	return -1
}
