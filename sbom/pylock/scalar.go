package pylock

import "strconv"

// scalar returns a decoded TOML or JSON value as text if it is a text or a
// whole number, else "".
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
