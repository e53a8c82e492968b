package policy

import "fmt"

// String returns "undecided", "allowed" or "denied".
func (o Outcome) String() string {
	switch o {
	case Allowed:
		return "allowed"
	case Denied:
		return "denied"
	}
	return "undecided"
}

// Worse returns the worse of two outcomes, whose exit code several targets have
// together: denied, then undecided, then allowed.
func (o Outcome) Worse(other Outcome) Outcome {
	switch {
	case o == Denied || other == Denied:
		return Denied
	case o == Allowed && other == Allowed:
		return Allowed
	}
	return Undecided
}

// MarshalText writes String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes; any other word is an error and
// leaves Undecided.
func (o *Outcome) UnmarshalText(text []byte) error {
	*o = Undecided
	switch string(text) {
	case "undecided":
	case "allowed":
		*o = Allowed
	case "denied":
		*o = Denied
	default:
		return fmt.Errorf("unknown outcome %q", text)
	}
	return nil
}
