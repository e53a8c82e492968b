package osv

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
)

// EcosystemStatus is what a snapshot has for one ecosystem.
type EcosystemStatus struct {
	// Name is OSV's name with release suffix ("PyPI", "Debian:12"). For a
	// source of which no record was usable it is the source's name, with
	// Records 0; such an ecosystem is not one that Has reports.
	Name string `json:"name"`
	// Records is how many usable records name a package of it, withdrawn ones
	// included.
	Records int `json:"records"`
	// Withdrawn is how many of them are withdrawn.
	Withdrawn int `json:"withdrawn"`
	// Packages is how many packages they name.
	Packages int `json:"packages"`
	// Refused is how many records of its source could not be read.
	Refused int `json:"refused"`
	// Date is when the HTTP server was last asked, by its own clock, or, for
	// another source and for a file that was opened by its name, the newest
	// modified date not after the time asked for; zero if there is none.
	Date time.Time `json:"date,omitzero"`
	// Newest is the newest modified date of a record not after the time asked
	// for, whenever a server was asked: a mirror that stands still is asked
	// today and says what was known long ago. Zero if there is none.
	Newest time.Time `json:"newest,omitzero"`
}

// Refusal is a record that was set aside.
type Refusal struct {
	// Source is the ecosystem's folder, "" for a flat one.
	Source string `json:"source"`
	// Record is the file's name.
	Record string `json:"record"`
	// Reason says what is wrong; it quotes the record, so who prints it must
	// escape it.
	Reason string `json:"reason"`
}

// maxRefusals bounds how many refusals of one source are listed (all are
// counted), maxRefusalRunes their texts.
const (
	maxRefusals     = 1000
	maxRefusalRunes = 300
)

// Status returns what the snapshot has, sorted by name. now is the time that
// Date is asked for.
func (db *DB) Status(now time.Time) ([]EcosystemStatus, error) {
	n := db.count(sectionEcosystems, ecosystemBytes)
	out := make([]EcosystemStatus, 0, n)
	for i := range n {
		e, err := db.section(sectionEcosystems, i, 1, ecosystemBytes)
		if err != nil {
			return nil, err
		}
		s, err := db.status(e, now)
		if err != nil {
			return nil, err
		}
		out = append(out, *s)
	}
	return db.addEmptySources(out)
}

// StatusOf returns the status of one ecosystem, nil if the snapshot has no
// record for it.
func (db *DB) StatusOf(ecosystem string, now time.Time) (*EcosystemStatus, error) {
	e, err := db.ecosystem(ecosystem)
	if err != nil || e == nil {
		return nil, err
	}
	return db.status(e, now)
}

func (db *DB) status(e []byte, now time.Time) (*EcosystemStatus, error) {
	name, err := db.text(e)
	if err != nil {
		return nil, err
	}
	newest, err := db.dateAt(e, now)
	if err != nil {
		return nil, err
	}
	date := db.pointer.asked(string(name))
	if date.IsZero() || date.After(now) {
		date = newest
	}
	return &EcosystemStatus{Name: string(name), Packages: u32(e, 3), Records: u32(e, 6), Withdrawn: u32(e, 7), Refused: u32(e, 8), Date: date, Newest: newest}, nil
}

// addEmptySources adds the sources of which no record was usable.
func (db *DB) addEmptySources(list []EcosystemStatus) ([]EcosystemStatus, error) {
	sources, err := db.sources()
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		used := false
		for _, e := range list {
			used = used || s.accepts(e.Name)
		}
		if !used && (s.name != "" || s.refused > 0) {
			list = append(list, EcosystemStatus{Name: s.name, Refused: s.refused})
		}
	}
	sortStatus(list)
	return list, nil
}

func (db *DB) sources() ([]source, error) {
	out := make([]source, 0, db.count(sectionSources, sourceBytes))
	for i := range cap(out) {
		e, err := db.section(sectionSources, i, 1, sourceBytes)
		if err != nil {
			return nil, err
		}
		name, err := db.text(e)
		if err != nil {
			return nil, err
		}
		out = append(out, source{name: string(name), refused: u32(e, 4)})
	}
	return out, nil
}

// Refused lists the records that were set aside, sorted by source and file,
// at most 1000 of each source; Status has the full counts.
func (db *DB) Refused() ([]Refusal, error) {
	s := db.region.head.sections[sectionRefused]
	data, err := db.region.read(s.off, s.len)
	if err != nil {
		return nil, err
	}
	in := &blobReader{b: data}
	out := make([]Refusal, 0, in.count())
	for range cap(out) {
		out = append(out, Refusal{Source: in.string(), Record: in.string(), Reason: in.string()})
	}
	if in.err != nil {
		return nil, fmt.Errorf("%w: the list of refused records", ErrDamaged)
	}
	return out, nil
}

func sortStatus(list []EcosystemStatus) {
	slices.SortFunc(list, func(a, b EcosystemStatus) int { return strings.Compare(a.Name, b.Name) })
}

// i64 reads the index-th 64-bit word of a table entry.
func i64(entry []byte, index int) int64 { return int64(binary.LittleEndian.Uint64(entry[8*index:])) }

// Origin is where a source of a snapshot is from.
type Origin struct {
	// Source is the ecosystem's folder, "" for a flat one.
	Source string `json:"source"`
	// From is a folder or a URL, credentials removed.
	From string `json:"from"`
	// How is how it was last brought up to date.
	How How `json:"how"`
	// Asked is when the server was last asked and Full when it last gave
	// everything, by its own clock; zero for what is of no server.
	Asked time.Time `json:"asked,omitzero"`
	Full  time.Time `json:"full,omitzero"`
}

// Origins lists where the snapshot is from, by source; nothing for one that
// was opened by its file name.
func (db *DB) Origins() []Origin {
	out := []Origin{}
	for _, name := range sortedKeys(db.pointer.Origins) {
		for _, o := range db.pointer.Origins[name] {
			out = append(out, Origin{Source: name, From: o.From, How: o.How, Asked: o.Date, Full: o.Full})
		}
	}
	return out
}
