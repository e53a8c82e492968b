package fix

import (
	"bytes"
	"path"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// intoRequirements cures what comes through a Space's sdk_version: one call of
// pip installs it together with requirements.txt, so that a line there limits
// what it brings in. It reports whether it did; a file that is not there is not
// made, and one that a tool wrote gets no line.
// https://huggingface.co/docs/hub/spaces-dependencies
func (p *planner) intoRequirements(n *need, target pep440.Version) bool {
	f, err := p.load(path.Join(path.Dir(n.file), "requirements.txt"))
	if err != nil || target.IsPrerelease() || n.conditional() || wide(f.data) || compiledBy(f.data) != "" {
		return false
	}
	for _, sites := range f.sites {
		for _, s := range sites {
			if s.compiled {
				return false
			}
		}
	}
	at, with, ok := f.lastLine(n.name + ">=" + target.String())
	if !ok {
		return false
	}
	line := max(1, bytes.Count(f.data[:at], []byte("\n"))+1)
	own := &site{lineName: lineName{line, n.normal()}, text: n.name + ">=" + target.String(), locate: locate}
	if p.withheld(n, f.name, line, own.text) {
		return true
	}
	f.accept(&planned{
		site: own, text: own.text, from: at, to: at, with: with, added: true, floor: target,
		edit: Edit{File: f.name, Line: line, Package: n.name, New: own.text,
			Reason: "comes through " + n.through + "; cures " + n.reason(target)},
	})
	return true
}

// lastLine returns what to insert, and where, so that a text is the last line
// of a file. ok is false where the file ends within a line that goes on.
func (f *file) lastLine(text string) (at int, with string, ok bool) {
	end := "\n"
	if bytes.Contains(f.data, []byte("\r\n")) {
		end = "\r\n"
	}
	at = len(bytes.TrimSuffix(bytes.TrimSuffix(f.data, []byte("\n")), []byte("\r")))
	if at == 0 {
		return 0, text + end, true
	}
	return at, end + text, !bytes.HasSuffix(f.data[:at], []byte(`\`))
}
