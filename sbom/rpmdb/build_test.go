package rpmdb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/adler32"
	"slices"
)

// field is a tag with its values as they stand in a header.
type field struct {
	tag, kind, count uint32
	data             []byte
}

func text(tag uint32, s string) field { return field{tag, typeString, 1, append([]byte(s), 0)} }

func texts(tag uint32, list ...string) field {
	f := field{tag: tag, kind: typeList, count: uint32(len(list))}
	for _, s := range list {
		f.data = append(append(f.data, s...), 0)
	}
	return f
}

func number32(tag uint32, list ...uint32) field {
	f := field{tag: tag, kind: typeInt32, count: uint32(len(list))}
	for _, n := range list {
		f.data = binary.BigEndian.AppendUint32(f.data, n)
	}
	return f
}

func number16(tag uint32, list ...uint16) field {
	f := field{tag: tag, kind: typeInt16, count: uint32(len(list))}
	for _, n := range list {
		f.data = binary.BigEndian.AppendUint16(f.data, n)
	}
	return f
}

func characters(tag uint32, list ...byte) field {
	return field{tag, typeChar, uint32(len(list)), list}
}

// build makes a header of fields.
func build(fields ...field) []byte { return join(entriesOf(0, fields...)) }

// entriesOf lays fields out behind the first of the data.
func entriesOf(first uint32, fields ...field) (index, data []byte) {
	for _, f := range fields {
		for _, n := range []uint32{f.tag, f.kind, first + uint32(len(data)), f.count} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
		data = append(data, f.data...)
	}
	return index, data
}

func join(index, data []byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(index)/entryBytes))
	return slices.Concat(binary.BigEndian.AppendUint32(head, uint32(len(data))), index, data)
}

// signed makes a header as an installed package has it: an immutable region of
// fields, its digest, and what was added.
func signed(fields []field, added ...field) []byte {
	index, data := entriesOf(0, fields...)
	region, _ := entriesOf(uint32(len(data)), field{tagImmutable, typeBinary, entryBytes, nil})
	trailer := slices.Clone(region)
	binary.BigEndian.PutUint32(trailer[8:], -uint32(len(region)+len(index)))
	index, data = slices.Concat(region, index), append(data, trailer...)
	sum := sha256.Sum256(slices.Concat(headerMagic, join(index, data)))
	more, moreData := entriesOf(uint32(len(data)), append(added, text(tagSHA256, hex.EncodeToString(sum[:])))...)
	return join(append(index, more...), append(data, moreData...))
}

// nevra are the fields that a package must have.
func nevra(name, version, release string) []field {
	return []field{text(tagName, name), text(tagVersion, version), text(tagRelease, release), text(tagArch, "noarch")}
}

// ndbOf makes an ndb database of records, numbered from 1.
func ndbOf(records ...[]byte) []byte {
	head := make([]byte, ndbPageBytes)
	copy(head, ndbMagic)
	binary.LittleEndian.PutUint32(head[12:], 1)
	binary.LittleEndian.PutUint32(head[16:], uint32(len(records)+1))
	for at := ndbHeadBytes; at < ndbPageBytes; at += ndbSlotBytes {
		copy(head[at:], ndbSlotMagic)
	}
	var out bytes.Buffer
	for i, r := range records {
		slot := head[ndbHeadBytes+i*ndbSlotBytes:]
		binary.LittleEndian.PutUint32(slot[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(slot[8:], uint32((ndbPageBytes+out.Len())/ndbBlockBytes))
		binary.LittleEndian.PutUint32(slot[12:], uint32(ndbBlocks(uint32(len(r)))))
		raw := make([]byte, ndbBlocks(uint32(len(r)))*ndbBlockBytes)
		copy(raw, ndbBlobStart)
		binary.LittleEndian.PutUint32(raw[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(raw[12:], uint32(len(r)))
		copy(raw[ndbBlobHead:], r)
		tail := raw[len(raw)-ndbBlobTail:]
		binary.LittleEndian.PutUint32(tail, adler32.Checksum(raw[:len(raw)-ndbBlobTail]))
		binary.LittleEndian.PutUint32(tail[4:], uint32(len(r)))
		copy(tail[8:], ndbBlobEnd)
		out.Write(raw)
	}
	return append(head, out.Bytes()...)
}
