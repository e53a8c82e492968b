package dockerfile

import (
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// Origins is what a Dockerfile says of the layers of an image.
type Origins struct {
	// Made has the instruction that made each layer, from the base up; nil where
	// none was found.
	Made []*Instruction
	// Base is how many layers, from the lowest, are not of the Dockerfile: those
	// of the image that its last stage begins FROM. It is 0 when that cannot be
	// told: when an instruction that makes a layer made none of these, or when a
	// layer above the base was made by no instruction.
	Base int
}

// Found is how many layers were made by an instruction of the Dockerfile.
func (o *Origins) Found() int {
	n := 0
	for _, in := range o.Made {
		if in != nil {
			n++
		}
	}
	return n
}

// maxSteps is how many instructions that make layers are held against an image.
const maxSteps = 2000

// Origins says which instructions of the stages that are shipped made the layers
// of an image, whose lines of the history are layers' CreatedBy. The two are laid
// side by side so that as many as possible agree, from the end, for an
// instruction that changed nothing makes no layer, and the Dockerfile may have
// changed since. The history is what the image says of itself.
func (f *File) Origins(layers []sbom.Layer) *Origins {
	out := &Origins{Made: make([]*Instruction, len(layers))}
	final := f.Final()
	if final == nil {
		return out
	}
	steps := f.steps(final)
	if len(steps) == 0 || len(steps) > maxSteps {
		return out
	}
	lines := make([]string, len(layers))
	for i := range layers {
		lines[i] = layers[i].Instruction()
	}
	matched := align(len(lines), len(steps), func(i, j int) bool { return steps[j].made(lines[i]) })
	every := true
	for j, i := range matched {
		if i >= 0 {
			out.Made[i] = steps[j].Instruction
		} else if steps[j].Name != "WORKDIR" { // a folder that was there makes no layer
			every = false
		}
	}
	lowest := slices.IndexFunc(out.Made, func(in *Instruction) bool { return in != nil })
	if every && lowest >= 0 && !slices.Contains(out.Made[lowest:], nil) {
		out.Base = lowest
	}
	return out
}

// step is an instruction that makes a layer, and what a history says of it.
type step struct {
	*Instruction
	// text is the instruction as a history has it.
	text string
	// to is where a WORKDIR, COPY or ADD leads.
	to string
}

// steps are the instructions of a stage, and of those that it is built from,
// that make layers.
func (f *File) steps(final *Stage) []step {
	var out []step
	dir := ""
	for _, s := range slices.Backward(f.Chain(final)) {
		for _, in := range s.Instructions {
			switch in.Name {
			case "RUN":
				out = append(out, step{Instruction: in, text: runText(in)})
			case "COPY", "ADD":
				words := texts(in.Args)
				if len(words) > 0 {
					text := sbom.RedactCommand(in.Name + " " + strings.Join(words, " "))
					out = append(out, step{Instruction: in, text: text, to: words[len(words)-1]})
				}
			case "WORKDIR":
				if len(in.Args) == 1 {
					if dir = in.Args[0].Text; !path.IsAbs(dir) && len(out) > 0 {
						dir = path.Join(lastDir(out), dir)
					}
					out = append(out, step{Instruction: in, text: "WORKDIR " + dir, to: dir})
				}
			}
		}
	}
	return out
}

// lastDir is the folder of the last WORKDIR so far, "" without one.
func lastDir(steps []step) string {
	for _, s := range slices.Backward(steps) {
		if s.Name == "WORKDIR" {
			return s.to
		}
	}
	return ""
}

// texts are the words as a history has them: of a here-document its delimiter
// without quotes.
func texts(words []Word) []string {
	var out []string
	for _, w := range words {
		text := w.Text
		if name, found := strings.CutPrefix(text, "<<"); found && !strings.ContainsAny(text, " \t\n") {
			text = "<<" + strings.Trim(strings.TrimPrefix(name, "-"), `"'`)
		}
		out = append(out, text)
	}
	return out
}

// runText is a RUN as sbom.Instruction leaves it of a history. A here-document
// that is the whole command is what the shell runs; another one stands behind
// the command with its delimiter.
// https://docs.docker.com/reference/dockerfile/#here-documents
func runText(in *Instruction) string {
	text := strings.Join(texts(in.Args), " ")
	if in.JSON {
		return sbom.Instruction(sbom.RedactCommand("RUN " + text))
	}
	for _, h := range in.Heredocs {
		if len(in.Heredocs) == 1 && wholeHeredoc(text, h.Name) {
			if text = h.Content; strings.HasPrefix(text, "#!") {
				text = "/dev/pipes/" + h.Name // BuildKit writes it there and runs it
			}
			break
		}
		text += "\n" + h.Content + h.Name
	}
	return sbom.Instruction(sbom.RedactCommand("RUN /bin/sh -c " + text))
}

// wholeHeredoc reports whether a command is nothing but the beginning of a
// here-document.
func wholeHeredoc(text, name string) bool {
	rest, found := strings.CutPrefix(strings.TrimSpace(text), "<<")
	return found && strings.Trim(strings.TrimPrefix(rest, "-"), `"'`) == name
}

// made reports whether a line of a history, as sbom.Instruction leaves it, is
// about the step.
func (s *step) made(line string) bool {
	switch s.Name {
	case "RUN":
		return line == s.text || "RUN "+line == s.text // docker's first builder has the exec form without RUN
	case "WORKDIR":
		to, found := strings.CutPrefix(line, "WORKDIR ")
		return found && (path.Clean(to) == path.Clean(s.to) || !path.IsAbs(s.to) && strings.HasSuffix(path.Clean(to), "/"+path.Clean(s.to)))
	}
	rest, found := strings.CutPrefix(line, s.Name+" ")
	if !found {
		return false
	}
	words := strings.Fields(rest)
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		words = words[1:] // which flags a history keeps depends on the builder
	}
	// docker's first builder has a digest for what was copied:
	// "COPY file:0af3... in /app".
	if len(words) == 3 && words[1] == "in" && hashed(words[0]) {
		return words[2] == s.to
	}
	return s.Name+" "+strings.Join(words, " ") == strings.Join(strings.Fields(s.text), " ")
}

// hashed reports whether a word is how docker's first builder names what was
// copied.
func hashed(word string) bool {
	kind, _, found := strings.Cut(word, ":")
	return found && (kind == "file" || kind == "dir" || kind == "multi")
}

// align pairs two sequences of n and m so that as many as possible are the same,
// in order, those nearest to the end first. It returns for each of the second
// which of the first it is, -1 for none.
func align(n, m int, same func(i, j int) bool) []int {
	best := make([][]int, n+1)
	for i := range best {
		best[i] = make([]int, m+1)
	}
	equal := make([]bool, n*m)
	for i := range n {
		for j := range m {
			if equal[i*m+j] = same(i, j); equal[i*m+j] {
				best[i+1][j+1] = best[i][j] + 1
				continue
			}
			best[i+1][j+1] = max(best[i][j+1], best[i+1][j])
		}
	}
	out := slices.Repeat([]int{-1}, m)
	for i, j := n, m; i > 0 && j > 0; {
		switch {
		case equal[(i-1)*m+j-1]:
			i, j = i-1, j-1
			out[j] = i
		case best[i][j-1] > best[i-1][j]:
			j--
		default:
			i--
		}
	}
	return out
}
