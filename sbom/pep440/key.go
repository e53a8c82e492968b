package pep440

import (
	"encoding/binary"
	"strings"
)

// A key is a string that sorts, byte by byte, as its version does in the order
// of PEP 440. So comparing is one memcmp, and the places between versions (see
// cut.go) are strings too. A key is the concatenation of
//
//	epoch      number
//	release    numbers without trailing zeros, then keyEnd
//	pre        keyPreNone for a bare dev release, else preA, preB or preRC and
//	           a number, else keyPreFinal
//	post       keyEnd for none, else keyPost and a number
//	dev        keyDev and a number, else keyNoDev
//	local      segments, each keyText, its text and keyEnd, or keyNumber and a
//	           number; then keyEnd
//
// Every part says where it ends, so no key is the beginning of another one.
const (
	keyEnd      = 0x00
	keyPreNone  = 0x00
	keyPreFinal = 0x04
	keyPost     = 0x01
	keyAllPosts = 0x02 // in cuts only: after every post-release
	keyDev      = 0x00
	keyNoDev    = 0x01
	keyText     = 0x01 // PEP 440: numeric segments sort after others
	keyNumber   = 0x02
)

// A number below smallNumbers is one byte. One of at most longDigits-1 digits
// is a byte that counts the bytes of its big-endian form, and those. A longer
// one is numberLong, the count of its digits, and the digits. The first byte is
// always between numberBase and numberLong.
const (
	numberBase   = 0x10
	smallNumbers = 0xA0
	numberBytes  = 0xB0
	numberLong   = 0xC0
	longDigits   = 19 // 10^18 - 1 fits in 64 bits
)

// appendKey appends the key of p.
func (p *parts) appendKey(b []byte) []byte {
	b = appendKeyNumber(b, p.epoch)
	b = appendKeyRelease(b, p.release)
	switch {
	case p.pre != 0:
		b = appendKeyNumber(append(b, p.pre), p.preN)
	case p.hasDev && !p.hasPost:
		b = append(b, keyPreNone)
	default:
		b = append(b, keyPreFinal)
	}
	if p.hasPost {
		b = appendKeyNumber(append(b, keyPost), p.postN)
	} else {
		b = append(b, keyEnd)
	}
	if p.hasDev {
		b = appendKeyNumber(append(b, keyDev), p.devN)
	} else {
		b = append(b, keyNoDev)
	}
	return p.appendKeyLocal(b)
}

func appendKeyRelease(b []byte, release string) []byte {
	significant := len(b)
	for rest, more := release, true; more; {
		var number string
		number, rest, more = strings.Cut(rest, ".")
		number = trimZeros(number)
		b = appendKeyNumber(b, number)
		if number != "" {
			significant = len(b)
		}
	}
	return append(b[:significant], keyEnd)
}

func (p *parts) appendKeyLocal(b []byte) []byte {
	for rest := p.local; rest != ""; {
		var segment string
		segment, rest = cutSegment(rest)
		if digits(segment) == len(segment) {
			b = appendKeyNumber(append(b, keyNumber), segment)
		} else {
			b = append(appendLower(append(b, keyText), segment), keyEnd)
		}
	}
	return append(b, keyEnd)
}

// appendKeyNumber appends the number with the decimal digits s.
func appendKeyNumber(b []byte, s string) []byte {
	s = trimZeros(s)
	if len(s) >= longDigits {
		b = append(b, numberLong)
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		return append(b, s...)
	}
	var n uint64
	for i := range len(s) {
		n = n*10 + uint64(s[i]-'0')
	}
	if n < smallNumbers {
		return append(b, numberBase+byte(n))
	}
	var be [8]byte
	binary.BigEndian.PutUint64(be[:], n)
	skip := 0
	for be[skip] == 0 {
		skip++
	}
	b = append(b, numberBytes+byte(len(be)-skip))
	return append(b, be[skip:]...)
}

// increment returns the decimal number s plus one.
func increment(s string) string {
	b := []byte(s)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != '9' {
			b[i]++
			return string(b)
		}
		b[i] = '0'
	}
	return "1" + string(b)
}
