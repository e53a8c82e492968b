package pep440

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// String returns the set in interval notation, "none" and "any" for the two
// extremes. "[" and "]" include what they stand at, "(" and ")" do not:
//
//	[1.0, 2.dev0) | (2.1.post*, inf)
//
// "2.1.post*" is 2.1 with all its post-releases and their local versions.
// "1.0~3" is the spelling of 1.0 with three release numbers, 1.0.0; it comes
// from arbitrary equality only. The same set always prints the same.
func (s Set) String() string {
	if s.IsEmpty() {
		return "none"
	}
	if s.Equal(All()) {
		return "any"
	}
	var b strings.Builder
	for i, cut := range s.cuts {
		if i%2 == 0 {
			if i > 0 {
				b.WriteString(" | ")
			}
			writeLower(&b, cut)
			b.WriteString(", ")
		} else {
			writeUpper(&b, cut)
		}
	}
	return b.String()
}

func writeLower(b *strings.Builder, cut string) {
	switch text, after := cutText(cut); {
	case cut == cutStart:
		b.WriteString("(-inf")
	case after:
		b.WriteString("(" + text)
	default:
		b.WriteString("[" + text)
	}
}

func writeUpper(b *strings.Builder, cut string) {
	switch text, after := cutText(cut); {
	case cut == cutEnd:
		b.WriteString("inf)")
	case after:
		b.WriteString(text + "]")
	default:
		b.WriteString(text + ")")
	}
}

// cutText names the version that the cut stands at, and tells whether the cut
// is after it.
func cutText(cut string) (text string, after bool) {
	if cut == cutEnd {
		return "", false
	}
	d := decoder{rest: cut}
	p, allPosts := d.parts()
	text = string(p.appendText(nil))
	switch {
	case allPosts:
		return text + ".post*", true
	case d.rest == "":
		return text, false
	case d.rest == cutAfter:
		return text, true
	}
	return text + "~" + d.number(), false
}

// decoder takes apart what appendKey wrote. Its input is never untrusted: it
// comes from a key or a cut of this package.
type decoder struct{ rest string }

func (d *decoder) byte() byte {
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

// number reads a number as decimal text.
func (d *decoder) number() string {
	switch c := d.byte(); {
	case c == numberLong:
		n := binary.BigEndian.Uint64([]byte(d.rest[:8]))
		text := d.rest[8 : 8+n]
		d.rest = d.rest[8+n:]
		return text
	case c > numberBytes:
		var n uint64
		for range c - numberBytes {
			n = n<<8 | uint64(d.byte())
		}
		return strconv.FormatUint(n, 10)
	default:
		return strconv.Itoa(int(c - numberBase))
	}
}

// parts reads a key. allPosts is true, and the rest empty, for the cut after
// all post-releases.
func (d *decoder) parts() (p parts, allPosts bool) {
	p.epoch = d.number()
	p.release = d.release()
	if c := d.byte(); c != keyPreNone && c != keyPreFinal {
		p.pre, p.preN = c, d.number()
	}
	switch d.byte() {
	case keyAllPosts:
		return p, true
	case keyPost:
		p.hasPost, p.postN = true, d.number()
	}
	if d.byte() == keyDev {
		p.hasDev, p.devN = true, d.number()
	}
	p.local = d.local()
	return p, false
}

func (d *decoder) release() string {
	var numbers []string
	for d.rest[0] != keyEnd {
		numbers = append(numbers, d.number())
	}
	d.byte()
	if len(numbers) == 0 {
		return "0"
	}
	return strings.Join(numbers, ".")
}

func (d *decoder) local() string {
	var segments []string
	for {
		switch d.byte() {
		case keyNumber:
			segments = append(segments, d.number())
		case keyText:
			text, rest, _ := strings.Cut(d.rest, string(rune(keyEnd)))
			segments = append(segments, text)
			d.rest = rest
		default:
			return strings.Join(segments, ".")
		}
	}
}
