package space

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
)

// fullCommit matches the full identifier of a commit on the Hub.
var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// pickles are the endings of files that run code when they are loaded.
// https://huggingface.co/docs/hub/security-pickle
var pickles = []string{".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"}

func preload() rule {
	return rule{lint.Rule{
		ID: "GR-HFS-09", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "preload_from_hub names a full commit, and no pickles",
		Why:    "A repository's default branch holds what its owner, or whoever takes it over, put there last; a pickle among its files runs code when it is loaded.",
		Remedy: "Write each item as \"owner/name files commit\" with 40 hexadecimal digits, and take safetensors.",
		Bad:    "---\nsdk: docker\npreload_from_hub:\n  - owner/model model.safetensors\n---\n",
		Good:   "---\nsdk: docker\npreload_from_hub:\n  - owner/model model.safetensors 0123456789abcdef0123456789abcdef01234567\n---\n",
		Source: reference,
	}, func(p *pass) {
		for _, item := range p.PreloadFromHub {
			if !fullCommit.MatchString(item.Revision) {
				p.report(p.File, item.Line, fmt.Sprintf("%s is whatever its repository holds on the day", shown(item.Repository)))
			}
			for _, f := range item.Files {
				if slices.Contains(pickles, strings.ToLower(path.Ext(f))) {
					p.report(p.File, item.Line, fmt.Sprintf("%s of %s may run code when it is loaded", shown(f), shown(item.Repository)))
				}
			}
		}
	}}
}
