package image

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tallyman/tallyman/internal/limit"
)

// crate is one package that was compiled into a Rust program.
type crate struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// crateCapture looks for the list that cargo-auditable puts into a section of
// its own: JSON, compressed in zlib's format. Where that section is stands at
// the end of the file, so it is known by how it begins.
// https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md
type crateCapture struct {
	blob  []byte
	on    bool // blob is being filled
	tries int  // to inflate the beginning, per bytes of the file
	fulls int  // to read a whole list
	seen  int64

	found    bool
	list     []crate
	problem  string
	tooLarge bool

	in       bytes.Reader
	inflater io.ReadCloser
}

func (c *crateCapture) reset() {
	*c = crateCapture{blob: c.blob[:0], inflater: c.inflater}
}

const (
	// crateStart is how the JSON begins.
	crateStart = `{"packages":[`
	// crateTryBytes is for how many bytes of the file the beginning of one list
	// is tried to be read. Chance alone makes a try in about 16 KiB.
	crateTryBytes = 2 << 10
	// crateFulls is how many lists of one file are read to their end.
	crateFulls = 4
)

// scan looks for a list that begins in the first upTo bytes of w.
func (c *crateCapture) scan(w []byte, upTo int) {
	c.seen += int64(upTo)
	for from := 0; from < upTo && !c.found; {
		if c.on {
			n := min(upTo-from, limit.CrateListBytes-len(c.blob))
			c.blob = append(c.blob, w[from:from+n]...)
			if from += n; len(c.blob) == limit.CrateListBytes {
				c.end()
			}
			continue
		}
		i := bytes.IndexByte(w[from:upTo], 0x78) // RFC 1950, 2.2: deflate with a window of 32 KiB
		if i < 0 {
			return
		}
		if from += i; c.begins(w[from:]) {
			c.on, c.blob = true, c.blob[:0]
			continue
		}
		from++
	}
}

// begins reports whether w begins with a compressed list.
func (c *crateCapture) begins(w []byte) bool {
	if len(w) < 8 || (uint(w[0])<<8|uint(w[1]))%31 != 0 || w[1]&0x20 != 0 {
		return false
	}
	if kind := w[2] >> 1 & 3; kind == 3 || c.fulls >= crateFulls || int64(c.tries) > 64+c.seen/crateTryBytes {
		return false
	}
	c.tries++
	var head [len(crateStart)]byte
	n, _ := io.ReadFull(c.inflate(w[2:min(len(w), carryBytes)]), head[:])
	return string(head[:n]) == crateStart
}

// inflate returns the one reader of deflated bytes, made ready for p.
func (c *crateCapture) inflate(p []byte) io.Reader {
	c.in.Reset(p)
	if c.inflater == nil {
		c.inflater = flate.NewReader(&c.in)
	} else if err := c.inflater.(flate.Resetter).Reset(&c.in, nil); err != nil {
		return bytes.NewReader(nil)
	}
	return c.inflater
}

// end reads the list that was collected.
func (c *crateCapture) end() {
	if !c.on {
		return
	}
	c.on = false
	c.fulls++
	list, err := readCrates(c.blob)
	if err != nil {
		c.problem, c.tooLarge = "a Rust program whose list of crates is damaged", false
		if errors.Is(err, limit.ErrTooLarge) || len(c.blob) == limit.CrateListBytes && errors.Is(err, io.ErrUnexpectedEOF) {
			c.problem, c.tooLarge = "a Rust program whose list of crates is larger than the bound", true
		}
		return
	}
	c.found, c.list, c.problem, c.tooLarge = true, list, "", false
}

// readCrates reads a list. What was only used to build the program is not in
// it, and is left out.
// https://github.com/rust-secure-code/cargo-auditable/blob/master/cargo-auditable.schema.json
func readCrates(blob []byte) ([]crate, error) {
	z, err := zlib.NewReader(bytes.NewReader(blob))
	if err != nil {
		return nil, err
	}
	data, err := limit.ReadAll(z, limit.CrateJSONBytes)
	if err != nil {
		return nil, err
	}
	var raw struct {
		Packages []struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			Kind    string `json:"kind"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	if len(raw.Packages) > limit.Crates {
		return nil, fmt.Errorf("%d crates: %w of %d", len(raw.Packages), limit.ErrTooLarge, limit.Crates)
	}
	var out []crate
	for _, p := range raw.Packages {
		switch {
		case !debWord(p.Name) || !debWord(p.Version):
			return nil, errors.New("a crate without a name or a version")
		case p.Kind != "build":
			out = append(out, crate{p.Name, p.Version})
		}
	}
	return out, nil
}
