package pep440

import "strings"

// A cut is a place in the order of versions with nothing in it: versions are
// before or after it. It is a string that compares with the keys of versions,
// and with other cuts, byte by byte.
//
// The order is PEP 440's, refined so that arbitrary equality has its place:
// versions that are equal but for trailing zeros (1, 1.0, 1.0.0: a class) sort
// by the length of their release. The place of a version is therefore its key
// and the number of release segments. The cuts are
//
//	key                  before the class
//	key and a number n   inside the class, before the spelling with n segments
//	key and cutAfter     after the class
//	...keyAllPosts       after all post-releases of a final release
//	cutEnd               after every version
//
// Every other place that an operator needs is the place before some class,
// because dev and post numbers begin with 0 and go up by one: "before all
// pre-releases of V" is before V.dev0, "after V and its local versions" is
// before V.post0.dev0, "after all posts of 1a1" is before 1a2.dev0. For that
// reason any two different cuts have a version between them, and a Set is
// empty only when it has no cuts.
const (
	cutAfter = "\xff"
	cutEnd   = "\xff"
	// cutStart is the place before the least of all versions, 0.dev0.
	cutStart = "\x10\x00\x00\x00\x00\x10\x00"
)

// isBefore tells whether v stands after the cut.
func isBefore(cut string, v Version) bool {
	if cut <= v.key {
		return true
	}
	if !strings.HasPrefix(cut, v.key) {
		return false
	}
	// A cut inside of v's class, or after it.
	var buf [16]byte
	return cut[len(v.key):] <= string(appendCount(buf[:0], v.segments()))
}

// segments counts the numbers of v's release.
func (v Version) segments() int {
	n := 1
	text := v.text
	if i := strings.IndexByte(text, '!'); i >= 0 {
		text = text[i+1:]
	}
	for i := 0; i+1 < len(text); i++ {
		switch {
		case isDigit(text[i]):
		case text[i] == '.' && isDigit(text[i+1]):
			n++
		default:
			return n
		}
	}
	return n
}

// appendCount appends n as a number of a key.
func appendCount(b []byte, n int) []byte {
	if n < smallNumbers {
		return append(b, numberBase+byte(n))
	}
	return append(b, numberBytes+8, byte(n>>56), byte(n>>48), byte(n>>40),
		byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// cutBefore is the place before p and all that equal it.
func (p *parts) cutBefore() string {
	var buf [128]byte
	return string(p.appendKey(buf[:0]))
}

// cutBeforePrereleases is the place before the pre-releases of p, which has no
// pre, dev or local part.
func (p *parts) cutBeforePrereleases() string {
	q := *p
	q.hasDev, q.devN = true, "0"
	return q.cutBefore()
}

// cutAfterLocals is the place after p, which has no local part, and all its
// local versions.
func (p *parts) cutAfterLocals() string {
	q := *p
	switch {
	case q.hasDev:
		q.devN = increment(q.devN)
	case q.hasPost:
		q.postN = increment(q.postN)
		q.hasDev, q.devN = true, "0"
	default:
		q.hasPost, q.postN = true, "0"
		q.hasDev, q.devN = true, "0"
	}
	return q.cutBefore()
}

// cutAfterPosts is the place after p and all its post-releases; p has no post,
// dev or local part.
func (p *parts) cutAfterPosts() string {
	if p.pre != 0 {
		q := *p
		q.preN = increment(q.preN)
		q.hasDev, q.devN = true, "0"
		return q.cutBefore()
	}
	var buf [128]byte
	b := appendKeyRelease(appendKeyNumber(buf[:0], p.epoch), p.release)
	return string(append(b, keyPreFinal, keyAllPosts))
}

// cutAfterPrefix is the place after all that begin with the release of p.
func (p *parts) cutAfterPrefix() string {
	q := parts{epoch: p.epoch, hasDev: true, devN: "0"}
	last := strings.LastIndexByte(p.release, '.') + 1
	q.release = p.release[:last] + increment(p.release[last:])
	return q.cutBefore()
}
