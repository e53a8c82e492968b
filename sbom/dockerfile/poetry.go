package dockerfile

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// poetry adds what poetry add is given.
// https://python-poetry.org/docs/cli/#add
func (c *collector) poetry(v *Invocation) {
	c.synced(v)
	words := v.Operands
	if v.Verb == "self" && len(words) > 0 && words[0].Text == "add" {
		words = words[1:]
	} else if v.Verb != "add" {
		return
	}
	_, editable := v.Option("--editable", "-e")
	for _, w := range words {
		if !w.Known {
			c.unknown(w)
			continue
		}
		name, constraint, at := strings.Cut(w.Text, "@")
		if !at || strings.Contains(w.Text, "://") || strings.ContainsAny(name, ":/ ") {
			c.requirement(w, editable, v.group())
			continue
		}
		specifier, ok := poetryConstraint(constraint)
		if !ok {
			project, _, _ := strings.Cut(name, "[")
			c.gap(sbom.GapRange, w.Line, pep508.NormalizeName(project), "the constraint of %q is not understood", shown(w.Text))
			continue
		}
		w.Text = name + specifier
		c.requirement(w, false, v.group())
	}
}

// poetryConstraint writes a constraint of Poetry's as PEP 440 does. It returns
// false for what PEP 440 cannot say (an alternative) or we do not read.
// https://python-poetry.org/docs/dependency-specification/#version-constraints
func poetryConstraint(text string) (specifier string, ok bool) {
	if strings.TrimSpace(text) == "latest" {
		return "", true
	}
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		switch {
		case part == "*":
		case part == "" || strings.Contains(part, "|"):
			return "", false
		case part[0] == '^' || part[0] == '~' && !strings.HasPrefix(part, "~="):
			lower := strings.TrimSpace(part[1:])
			upper, ok := poetryUpper(part[0], lower)
			if !ok {
				return "", false
			}
			out = append(out, ">="+lower, "<"+upper)
		case strings.ContainsRune("=<>!~", rune(part[0])):
			out = append(out, part)
		default:
			out = append(out, "=="+part)
		}
	}
	return strings.Join(out, ","), true
}

var plainRelease = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9}){0,9}`)

// poetryUpper returns the first release that a caret or tilde excludes: the
// caret keeps the first number that is not zero, the tilde the second one.
func poetryUpper(operator byte, lower string) (upper string, ok bool) {
	release := plainRelease.FindString(lower)
	if release == "" {
		return "", false
	}
	numbers := strings.Split(release, ".")
	at := min(1, len(numbers)-1)
	if operator == '^' {
		at = 0
		for at < len(numbers)-1 && strings.Trim(numbers[at], "0") == "" {
			at++
		}
	}
	n, err := strconv.Atoi(numbers[at])
	if err != nil {
		return "", false
	}
	numbers[at] = itoa(n + 1)
	return strings.Join(numbers[:at+1], "."), true
}
