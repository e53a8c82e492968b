package deploy

import (
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// interpolated puts the defaults of variables into a value of a compose file,
// as where no variable is set. missing names the first variable that has no
// default; then the value is not known.
// https://docs.docker.com/reference/compose-file/interpolation/
func interpolated(text string) (value, missing string) {
	i := interpolation{rest: text}
	value = i.until("", 0)
	return value, i.missing
}

// interpolation reads one value from left to right.
type interpolation struct {
	rest, missing string
}

// until reads to the first of the bytes in stop, which it leaves, or to the end.
func (i *interpolation) until(stop string, depth int) string {
	var out strings.Builder
	for i.rest != "" {
		if strings.IndexByte(stop, i.rest[0]) >= 0 {
			break
		}
		if i.rest[0] != '$' {
			out.WriteByte(i.rest[0])
			i.rest = i.rest[1:]
			continue
		}
		i.rest = i.rest[1:]
		out.WriteString(i.variable(depth))
	}
	return out.String()
}

// variable reads what follows a dollar sign.
func (i *interpolation) variable(depth int) string {
	switch {
	case strings.HasPrefix(i.rest, "$"):
		i.rest = i.rest[1:]
		return "$"
	case !strings.HasPrefix(i.rest, "{"):
		name := i.name()
		i.unset(name)
		return ""
	case depth == limit.InterpolationDepth:
		i.unset("nested too deep")
		i.rest = ""
		return ""
	}
	i.rest = i.rest[1:]
	name := i.name()
	operator := i.operator()
	// The words of an operator that does not count here may have variables of
	// their own, which nobody misses.
	before := i.missing
	word := i.until("}", depth+1)
	if strings.HasSuffix(operator, "+") || strings.HasSuffix(operator, "?") {
		i.missing = before
	}
	closed := strings.HasPrefix(i.rest, "}")
	i.rest = strings.TrimPrefix(i.rest, "}")
	switch {
	case !closed || name == "":
		i.unset("${" + name)
	case strings.HasSuffix(operator, "-"):
		return word
	case !strings.HasSuffix(operator, "+"):
		i.unset(name)
	}
	return ""
}

// operator reads one of -, ?, +, with or without a colon before it; "" for
// none.
func (i *interpolation) operator() string {
	n := 0
	if strings.HasPrefix(i.rest, ":") {
		n = 1
	}
	if n < len(i.rest) && strings.IndexByte("-?+", i.rest[n]) >= 0 {
		operator := i.rest[:n+1]
		i.rest = i.rest[n+1:]
		return operator
	}
	return ""
}

// name reads a variable's name, "" where there is none.
func (i *interpolation) name() string {
	n := 0
	for n < len(i.rest) && (i.rest[n] == '_' || 'a' <= i.rest[n]|0x20 && i.rest[n]|0x20 <= 'z' || n > 0 && '0' <= i.rest[n] && i.rest[n] <= '9') {
		n++
	}
	name := i.rest[:n]
	i.rest = i.rest[n:]
	return name
}

func (i *interpolation) unset(name string) {
	if i.missing == "" {
		i.missing = "$" + strings.TrimPrefix(name, "$")
	}
}
