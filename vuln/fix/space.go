package fix

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/space"
)

// spaceGrammar is that of the front matter of a Space's README.md, where
// "sdk_version: 4.18.0" asks for gradio==4.18.0.
// https://huggingface.co/docs/hub/spaces-config-reference
type spaceGrammar struct{ name string }

// sdkPackage is what the key sdk_version names the version of.
const sdkPackage = "gradio"

func (g spaceGrammar) declared(data []byte) []declaration {
	s := space.Read(oneFile{g.name, data}, g.name)
	if s == nil {
		return nil
	}
	var out []declaration
	for _, k := range s.Keys {
		if k.Name == "sdk_version" && s.SDKVersion != "" {
			out = append(out, declaration{lineName: lineName{k.Line, sdkPackage}, specifier: "==" + s.SDKVersion, rest: s.SDK + s.Malformed})
			continue
		}
		out = append(out, declaration{lineName: lineName{k.Line, "key " + k.Name}, rest: fmt.Sprintf("%q %v %+v", k.Value, k.Items, k.Table)})
	}
	return out
}

// sdkVersion is a line that names the version as a plain scalar, with or
// without quotes: what stands before the value, the value, what stands behind.
var sdkVersion = regexp.MustCompile(`^([ \t]*(?:sdk_version|"sdk_version"|'sdk_version')[ \t]*:[ \t]+)("[^"\\]*"|'[^']*'|[0-9A-Za-z.+!_-]+)([ \t]*|[ \t]+#.*)$`)

func (g spaceGrammar) sites(data []byte) []*site {
	s := space.Read(oneFile{g.name, data}, g.name)
	if s == nil {
		return nil
	}
	k := s.Key("sdk_version")
	if k == nil {
		return nil
	}
	out := &site{lineName: lineName{k.Line, sdkPackage}, locate: locateSDK, label: "sdk_version: ", refuse: "the version is not written as a plain value: edit it by hand"}
	lines := lineStarts(data)
	if k.Line < 1 || k.Line > len(lines) {
		return []*site{out}
	}
	from, to := lines[k.Line-1], len(data)
	if k.Line < len(lines) {
		to = lines[k.Line] - 1
	}
	line := strings.TrimSuffix(string(data[from:to]), "\r")
	at := sdkVersion.FindStringSubmatchIndex(line)
	if at == nil {
		return []*site{out}
	}
	raw := line[at[4]:at[5]]
	out.from, out.to = from+at[4], from+at[5]
	out.text, out.refuse = strings.Trim(raw, `"'`), ""
	if out.text != raw {
		quote := raw[:1]
		out.write = func(text string) string { return quote + text + quote }
		return []*site{out}
	}
	out.write = func(text string) string {
		// YAML takes 5.10 for the number 5.1.
		if strings.Count(text, ".") < 2 {
			return `"` + text + `"`
		}
		return text
	}
	return []*site{out}
}

// locateSDK reads a version that stands alone.
func locateSDK(text string) (spans, error) {
	parsed, err := pep440.ParseSpecifiers("==" + text)
	if err != nil || len(parsed.Clauses()) != 1 {
		return spans{}, fmt.Errorf("%q is no version", shown(text))
	}
	c := clauseSpan{Clause: parsed.Clauses()[0], to: len(text)}
	return spans{text: text, clauses: []clauseSpan{c}, grammar: locateSDK}, nil
}

// absent says what to write into a Space's README for what stands on no line of
// it.
func (g spaceGrammar) absent(n *need) string {
	if n.normal() == sdkPackage {
		return fmt.Sprintf("the front matter has no sdk_version: write \"sdk_version: %s\" by hand", n.target())
	}
	return fmt.Sprintf("the Space's build installs it: write %s into requirements.txt beside it by hand", n.asks())
}
