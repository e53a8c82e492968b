package pyreq

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// codingLine is the comment that declares an encoding.
// https://peps.python.org/pep-0263/#defining-the-encoding
var codingLine = regexp.MustCompile(`^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)`)

// damaged stands for a byte that the file's encoding does not define. It is
// the one code point that no valid text needs, so that the line that holds it
// can be told from all others.
const damaged = utf8.RuneError

// errEncoding is what decode fails with.
var errEncoding = errors.New("the declared encoding is not one that is read here")

// decode returns the text of a requirement file as pip decodes it: a byte
// order mark wins, then a coding comment in the first two lines, then UTF-8.
// Bytes that do not fit become damaged. It fails for an encoding that we do
// not read.
//
// https://pip.pypa.io/en/stable/reference/requirements-file-format/#encoding
func decode(data []byte) (string, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return decodeUTF8(data[3:]), nil
	case bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")):
		return decodeUTF32(data[4:], binary.LittleEndian), nil
	case bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")):
		return decodeUTF32(data[4:], binary.BigEndian), nil
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return decodeUTF16(data[2:], binary.LittleEndian), nil
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return decodeUTF16(data[2:], binary.BigEndian), nil
	}
	switch name := declaredCoding(data); pythonCodec(name) {
	case "", "utf-8", "utf8", "u8", "utf-8-sig":
		return decodeUTF8(data), nil
	case "ascii", "us-ascii", "646":
		return decodeSingle(data, 0x80), nil
	case "latin-1", "latin1", "iso-8859-1", "iso8859-1", "8859", "cp819", "l1", "latin":
		return decodeSingle(data, 0x100), nil
	case "iso-8859-15", "iso8859-15", "latin-9", "cp1252", "windows-1252", "1252":
		// They differ from ASCII only above 0x7f, where no name, version or
		// option has a character: such a line is damaged, the others are not.
		return decodeSingle(data, 0x80), nil
	default:
		return "", fmt.Errorf("%w: %q", errEncoding, name)
	}
}

// declaredCoding returns the encoding that a comment in the first two lines
// names, "" if none does.
func declaredCoding(data []byte) string {
	for range 2 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		if m := codingLine.FindSubmatch(line); m != nil {
			return string(m[1])
		}
		data = rest
	}
	return ""
}

// pythonCodec returns the form by which Python compares names of codecs.
// https://docs.python.org/3/library/codecs.html#standard-encodings
func pythonCodec(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

func decodeUTF8(data []byte) string {
	return strings.ToValidUTF8(string(data), string(damaged))
}

// decodeSingle decodes an encoding of one byte a character that agrees with
// Latin-1 below end and is unknown from there on.
func decodeSingle(data []byte, end int) string {
	var b strings.Builder
	b.Grow(len(data))
	for _, c := range data {
		if int(c) < end {
			b.WriteRune(rune(c))
		} else {
			b.WriteRune(damaged)
		}
	}
	return b.String()
}

func decodeUTF16(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(data)/2+1)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	if len(data) > 0 {
		units = append(units, uint16(damaged))
	}
	return string(utf16.Decode(units))
}

func decodeUTF32(data []byte, order binary.ByteOrder) string {
	var b strings.Builder
	for ; len(data) >= 4; data = data[4:] {
		// WriteRune writes damaged for what is no code point.
		b.WriteRune(rune(order.Uint32(data)))
	}
	if len(data) > 0 {
		b.WriteRune(damaged)
	}
	return b.String()
}
