package pyproject

import (
	"bytes"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// script reads the metadata in the comments of a script.
// https://packaging.python.org/en/latest/specifications/inline-script-metadata/
func (r *reader) script(data []byte) {
	if !bytes.Contains(data, []byte("# ///")) {
		return
	}
	source := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	blocks := scriptBlocks(strings.Split(source, "\n"))
	if len(blocks) == 0 {
		return
	}
	if len(blocks) > 1 {
		r.gap(sbom.GapUnparsed, blocks[1].line, "the script has two blocks of metadata, so that neither counts")
	}
	for _, b := range blocks {
		// None of two counts for a tool that follows the specification; all
		// are read for those that do not.
		root, line, err := parseTOML([]byte(b.text), b.line)
		if err != nil {
			r.gap(sbom.GapUnparsed, line, "no TOML: %s", shown(err.Error()))
			continue
		}
		if python := root.get("requires-python"); python != nil {
			r.python(python.string(), python.line)
		}
		r.requirements(root.get("dependencies"), "dependencies", "")
		r.uv(root.get("tool", "uv"))
	}
}

// scriptBlock is the content of a block; line is that of its opening line.
type scriptBlock struct {
	text string
	line int
}

// scriptBlocks returns the blocks of type "script". A block ends with the last
// "# ///" of the comment lines that follow its opening line.
func scriptBlocks(lines []string) []scriptBlock {
	var out []scriptBlock
	for i := 0; i < len(lines); i++ {
		kind, opens := strings.CutPrefix(lines[i], "# /// ")
		if !opens || kind == "" || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			continue
		}
		last := -1
		end := i + 1
		for ; end < len(lines) && (lines[end] == "#" || strings.HasPrefix(lines[end], "# ")); end++ {
			if lines[end] == "# ///" {
				last = end
			}
		}
		if last < 0 {
			// What opens below it is not closed either.
			i = end - 1
			continue
		}
		if kind == "script" {
			var b strings.Builder
			for _, l := range lines[i+1 : last] {
				b.WriteString(strings.TrimPrefix(strings.TrimPrefix(l, "#"), " ") + "\n")
			}
			out = append(out, scriptBlock{b.String(), i + 1})
		}
		i = last
	}
	return out
}
