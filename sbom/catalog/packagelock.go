package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// lockDepth bounds how deep the dependencies of an old package-lock may nest.
const lockDepth = 64

var errNotObject = errors.New("the lock is not a JSON object")

// packageLockReader walks a package-lock.json, keeping where each entry is.
type packageLockReader struct {
	dec *json.Decoder
	// line is that of the byte before offset.
	data   []byte
	offset int64
	line   int

	packages, dependencies lockIndex
	version                int
}

// packageEntry is an entry of "packages" (formats 2 and 3).
// https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json#packages
type packageEntry struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Resolved string `json:"resolved"`
	Link     bool   `json:"link"`
	Dev      bool   `json:"dev"`
}

// indexPackageLock indexes a package-lock.json or npm-shrinkwrap.json.
func indexPackageLock(data []byte) (lockIndex, error) {
	r := &packageLockReader{dec: json.NewDecoder(bytes.NewReader(data)), data: data, line: 1}
	err := r.object(func(key string) error {
		switch key {
		case "lockfileVersion":
			return r.dec.Decode(&r.version)
		case "packages":
			return r.object(r.packageEntry)
		case "dependencies":
			return r.object(func(name string) error { return r.dependency(name, 0) })
		}
		return r.skip()
	})
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", r.at(r.dec.InputOffset()), err)
	}
	switch r.version {
	case 1:
		return r.dependencies, nil
	case 2, 3:
		return r.packages, nil
	}
	return nil, fmt.Errorf("lockfileVersion %d is not one that is read here", r.version)
}

// object calls f for every key of the object that comes next; f consumes the
// value.
func (r *packageLockReader) object(f func(key string) error) error {
	if token, err := r.dec.Token(); err != nil {
		return err
	} else if token != json.Delim('{') {
		return errNotObject
	}
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if err := f(key); err != nil {
			return err
		}
	}
	_, err := r.dec.Token()
	return err
}

func (r *packageLockReader) skip() error {
	var value json.RawMessage
	return r.dec.Decode(&value)
}

// at returns the line of an offset, counting from 1. Offsets only grow.
func (r *packageLockReader) at(offset int64) int {
	r.line += bytes.Count(r.data[r.offset:offset], []byte("\n"))
	r.offset = offset
	return r.line
}

// packageEntry reads an entry of "packages", whose key is where it is installed.
func (r *packageLockReader) packageEntry(key string) error {
	line := r.at(r.dec.InputOffset())
	var e packageEntry
	if err := r.dec.Decode(&e); err != nil {
		return err
	}
	name := e.Name
	if at := strings.LastIndex(key, "node_modules/"); name == "" && at >= 0 {
		name = key[at+len("node_modules/"):]
	}
	own := e.Link || !strings.Contains(key, "node_modules/")
	if name == "" {
		name = key
	}
	r.packages = append(r.packages, lockEntry{
		names: []string{name}, version: e.Version, line: line, own: own, dev: e.Dev, source: otherSource(e.Resolved),
	})
	return nil
}

// dependency reads an entry of "dependencies" (format 1), which nests.
func (r *packageLockReader) dependency(name string, depth int) error {
	if depth > lockDepth {
		return fmt.Errorf("dependencies nest deeper than %d", lockDepth)
	}
	e := lockEntry{names: []string{name}, line: r.at(r.dec.InputOffset())}
	err := r.object(func(key string) error {
		switch key {
		case "version":
			return r.dec.Decode(&e.version)
		case "dev":
			return r.dec.Decode(&e.dev)
		case "dependencies":
			return r.object(func(name string) error { return r.dependency(name, depth+1) })
		}
		return r.skip()
	})
	if err != nil {
		return err
	}
	// An alias: "npm:canonical@1.0.0".
	if alias, ok := strings.CutPrefix(e.version, "npm:"); ok {
		if at := strings.LastIndexByte(alias, '@'); at > 0 {
			e.names, e.version = []string{alias[:at]}, alias[at+1:]
		}
	}
	r.dependencies = append(r.dependencies, e)
	return nil
}

// otherSource returns what a lock says where a package is from, unless that is
// a registry's archive.
func otherSource(resolved string) string {
	if strings.HasPrefix(resolved, "https://") || strings.HasPrefix(resolved, "http://") {
		return ""
	}
	return resolved
}
