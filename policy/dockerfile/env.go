package dockerfile

import (
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func itoa(n int) string { return strconv.Itoa(n) }

// env returns the value of a variable of ENV or ARG that is in force at an
// instruction of a stage.
func (p *pass) env(s *dockerfile.Stage, at *dockerfile.Instruction, name string) (string, bool) {
	for i, stage := range p.Chain(s) {
		value, found := "", false
		for _, in := range stage.Instructions {
			if i == 0 && in.Line >= at.Line {
				break
			}
			if in.Name != "ENV" && in.Name != "ARG" {
				continue
			}
			for _, pair := range in.Pairs {
				if pair.Key == name && (pair.HasValue || pair.Value != "") {
					value, found = pair.Value, true
				}
			}
		}
		if found {
			return value, true
		}
	}
	return "", false
}

// mounted reports whether a cache or tmpfs mount of a RUN covers the folder:
// it is mounted there or at a folder above it.
func mounted(in *dockerfile.Instruction, folder string) bool {
	for _, m := range in.Mounts() {
		if m.Type != "cache" && m.Type != "tmpfs" {
			continue
		}
		target := strings.TrimRight(m.Target, "/")
		if target != "" && (folder == target || strings.HasPrefix(folder, target+"/")) {
			return true
		}
	}
	return false
}
