package fix

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// contextLines is how many unchanged lines stand around a change.
const contextLines = 3

// Diff returns the edits as a patch in git's format, with paths below prefix:
// the folder that holds the root of the fs.FS, as seen from the root of the
// repository; "" when they are the same. It is empty without edits.
// https://git-scm.com/docs/diff-format#generate_patch_text_with_p
func (p *Plan) Diff(prefix string) []byte {
	var b bytes.Buffer
	for _, name := range p.Files() {
		f := p.files[name]
		name := path.Join(prefix, name)
		fmt.Fprintf(&b, "diff --git %s %s\n", gitName("a/"+name, false), gitName("b/"+name, false))
		fmt.Fprintf(&b, "--- %s\n+++ %s\n", gitName("a/"+name, true), gitName("b/"+name, true))
		f.hunks(&b)
	}
	return b.Bytes()
}

// gitName writes a path as git does: one with special characters in quotes,
// and in the lines "---" and "+++" one with a blank with a tab behind it.
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-corequotePath
func gitName(name string, tab bool) string {
	special := strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
	if !special {
		if tab && strings.Contains(name, " ") {
			return name + "\t"
		}
		return name
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(name) {
		switch c := name[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// block is a run of old lines and what takes their place; from and to count
// lines from 0.
type block struct {
	from, to int
	new      [][]byte
}

// blocks are the changed lines, sorted, those that touch joined.
func (f *file) blocks(lines [][]byte) []block {
	starts := make([]int, len(lines)+1)
	for i, l := range lines {
		starts[i+1] = starts[i] + len(l)
	}
	lineOf := func(offset int) int {
		i, found := slices.BinarySearch(starts, offset)
		if !found {
			i--
		}
		return i
	}
	var out []block
	var inside [][]*planned // the changes of each block
	for _, c := range f.sorted() {
		from, to := lineOf(c.from), lineOf(max(c.from, c.to-1))+1
		n := len(out) - 1
		if n < 0 || from >= out[n].to {
			out, inside = append(out, block{from: from, to: min(to, len(lines))}), append(inside, nil)
			n++
		}
		out[n].to = max(out[n].to, min(to, len(lines)))
		inside[n] = append(inside[n], c)
	}
	for i, x := range out {
		from, to := starts[x.from], starts[x.to]
		out[i].new = splitLines(replace(f.data[from:to], from, inside[i]))
	}
	return out
}

// splitLines cuts after every line feed.
func splitLines(data []byte) [][]byte {
	var out [][]byte
	for len(data) > 0 {
		n := bytes.IndexByte(data, '\n') + 1
		if n == 0 {
			n = len(data)
		}
		out = append(out, data[:n])
		data = data[n:]
	}
	return out
}

// hunks writes the changes with the lines around them.
func (f *file) hunks(b *bytes.Buffer) {
	lines := splitLines(f.data)
	blocks := f.blocks(lines)
	moved := 0
	for len(blocks) > 0 {
		n := 1
		for n < len(blocks) && blocks[n].from-blocks[n-1].to <= 2*contextLines {
			n++
		}
		moved += writeHunk(b, lines, blocks[:n], moved)
		blocks = blocks[n:]
	}
}

// writeHunk writes blocks that stand close together and returns by how many
// lines they made the file longer; moved is by how many earlier ones did.
func writeHunk(b *bytes.Buffer, lines [][]byte, blocks []block, moved int) int {
	first := max(0, blocks[0].from-contextLines)
	last := min(len(lines), blocks[len(blocks)-1].to+contextLines)
	longer := 0
	for _, x := range blocks {
		longer += len(x.new) - (x.to - x.from)
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", hunkRange(first, last-first), hunkRange(first+moved, last-first+longer))
	at := first
	for _, x := range blocks {
		writeLines(b, ' ', lines[at:x.from])
		writeLines(b, '-', lines[x.from:x.to])
		writeLines(b, '+', x.new)
		at = x.to
	}
	writeLines(b, ' ', lines[at:last])
	return longer
}

// hunkRange counts lines from 1; an empty range names the line before it.
func hunkRange(from, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", from)
	case 1:
		return fmt.Sprint(from + 1)
	}
	return fmt.Sprintf("%d,%d", from+1, count)
}

func writeLines(b *bytes.Buffer, mark byte, lines [][]byte) {
	for _, l := range lines {
		b.WriteByte(mark)
		b.Write(l)
		if !bytes.HasSuffix(l, []byte("\n")) {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
