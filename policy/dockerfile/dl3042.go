package dockerfile

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3042() rule {
	return rule{lint.Rule{
		ID: "DL3042", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskLow, Default: true,
		Title:  "pip install leaves no cache behind",
		Why:    "The wheels stay in the layer a second time, as pip's cache.",
		Remedy: "Add --no-cache-dir, set ENV PIP_NO_CACHE_DIR=1, or put the cache on a cache mount.",
		Bad:    "FROM python:3.12-slim\nRUN pip install gradio==5.49.1\n",
		Good:   "FROM python:3.12-slim\nRUN pip install --no-cache-dir gradio==5.49.1\n",
		Source: hadolintURL("DL3042"),
	}, func(p *pass) {
		p.installs(func(s *dockerfile.Stage, in *dockerfile.Instruction, i *dockerfile.Install) {
			if s.Reach == dockerfile.Shipped && !p.pipCacheless(s, in, i) {
				p.report(s, i.Command.Line, i.Command.Column, fmt.Sprintf("%s install leaves its cache in the image", i.Manager))
			}
		}, "pip", "pipx", "pipenv")
	}}
}

// pipCacheless reports whether an installation leaves no cache in the image.
// https://pip.pypa.io/en/stable/topics/caching/
func (p *pass) pipCacheless(s *dockerfile.Stage, in *dockerfile.Instruction, i *dockerfile.Install) bool {
	if _, ok := i.Option("--no-cache-dir", "--no-cache"); ok {
		return true
	}
	if o, ok := i.Option("--pip-args"); ok && strings.Contains(o.Value.Text, "--no-cache-dir") {
		return true
	}
	if value, ok := p.env(s, in, "PIP_NO_CACHE_DIR"); ok && value != "" {
		return true
	}
	for _, m := range in.Mounts() {
		if m.Type == "cache" && strings.Contains(m.Target, "cache") || m.Type == "tmpfs" && strings.HasPrefix("/root/.cache/pip", m.Target) {
			return true
		}
	}
	for _, a := range i.Command.Assigns {
		if a.Name == "PIP_NO_CACHE_DIR" && a.Value.Text != "" {
			return true
		}
	}
	for _, w := range i.Command.Via {
		for _, a := range w.Args {
			if strings.HasPrefix(a.Text, "PIP_NO_CACHE_DIR=") {
				return true
			}
		}
	}
	return cleansPip(in.Script)
}

// cleansPip reports whether a script empties pip's cache itself.
func cleansPip(script *dockerfile.Script) bool {
	for _, c := range script.Commands {
		if v, ok := c.Invocation(); ok && v.Manager == "pip" && v.Verb == "cache" && len(v.Operands) > 0 && v.Operands[0].Text == "purge" {
			return true
		}
		if c.Name != "rm" {
			continue
		}
		for _, a := range c.Args {
			t := strings.TrimSuffix(strings.TrimSuffix(a.Text, "*"), "/")
			if strings.HasSuffix(t, "/.cache") || strings.HasSuffix(t, "/.cache/pip") {
				return true
			}
		}
	}
	return false
}
