package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// age is a flag value: a length of time in Go's notation, or in whole days
// ("7d") or weeks ("2w"). It is kept in seconds, because a policy may allow
// more years than a time.Duration holds (292).
type age struct{ seconds int64 }

func parseAge(s string) (age, error) {
	for suffix, unit := range map[string]int64{"d": 86400, "w": 7 * 86400} {
		number, ok := strings.CutSuffix(s, suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 40)
		if err != nil || n <= 0 {
			return age{}, fmt.Errorf("%q is not a length of time such as 36h, 7d or 2w", s)
		}
		return age{n * unit}, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second {
		return age{}, fmt.Errorf("%q is not a length of time such as 36h, 7d or 2w", s)
	}
	return age{int64(d / time.Second)}, nil
}

// String returns the age as Set reads it, "" for none.
func (a *age) String() string {
	switch {
	case a.seconds == 0:
		return ""
	case a.seconds%86400 == 0:
		return strconv.FormatInt(a.seconds/86400, 10) + "d"
	}
	return strconv.FormatInt(a.seconds, 10) + "s"
}

// Set implements pflag.Value.
func (a *age) Set(s string) (err error) { *a, err = parseAge(s); return err }

// Type implements pflag.Value: the word that help shows.
func (a *age) Type() string { return "AGE" }
