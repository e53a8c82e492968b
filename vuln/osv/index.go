package osv

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tallyman/tallyman/internal/limit"
)

// maxIndexLine bounds one line of modified_id.csv, in bytes.
const maxIndexLine = 512

// readIndex reads an ecosystem's modified_id.csv: on each line the time at
// which a record was modified and its id, separated by a comma, the newest
// first. The order is not relied on; of an id that comes twice the newest time
// counts. A line of any other form is an error of the whole, and so is an id
// that could lead anywhere else than to a file beside the list.
// https://google.github.io/osv.dev/data/#data-dumps
func readIndex(r io.Reader) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	lines := bufio.NewScanner(limit.Reader(r, limit.AdvisoryIndexBytes))
	lines.Buffer(make([]byte, 0, 4096), maxIndexLine)
	n := 0
	for lines.Scan() {
		n++
		id, modified, err := indexLine(lines.Text())
		if lines.Err() != nil {
			break // the line is not whole
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of the list: %w", n, err)
		}
		if before, ok := out[id]; !ok || modified.After(before) {
			out[id] = modified
		}
		if len(out) > limit.AdvisoryRecords {
			return nil, fmt.Errorf("%w of %d records in the list", limit.ErrTooLarge, limit.AdvisoryRecords)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("line %d of the list: %w of %d bytes", n+1, limit.ErrTooLarge, maxIndexLine)
	}
	return out, lines.Err()
}

func indexLine(line string) (id string, modified time.Time, err error) {
	at, id, ok := strings.Cut(line, ",")
	if !ok {
		return "", modified, fmt.Errorf("%.80q is not a time, a comma and an id", line)
	}
	modified, err = time.Parse(time.RFC3339, at)
	if modified = modified.UTC(); err != nil || modified.Year() < 1 || modified.Year() > 9999 {
		return "", modified, fmt.Errorf("%.80q is not a time", at)
	}
	if !isFileID(id) {
		return "", modified, fmt.Errorf("unusable id %.80q", id)
	}
	return id, modified, nil
}

// isFileID reports whether an id can be asked for by name: letters, digits and
// a few marks, which is what all databases have, and nothing that a URL, a
// path or an eye could take for something else.
// https://ossf.github.io/osv-schema/#id-modified-fields
func isFileID(id string) bool {
	if id == "" || len(id) > maxIDBytes || !isAlnum(id[0]) {
		return false
	}
	for i := range len(id) {
		if !isAlnum(id[i]) && !strings.ContainsRune("-_.:+", rune(id[i])) {
			return false
		}
	}
	return !strings.Contains(id, "..")
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// writeIndex is what readIndex reads, by id.
func writeIndex(list map[string]time.Time) []byte {
	var out bytes.Buffer
	for _, id := range sortedKeys(list) {
		fmt.Fprintf(&out, "%s,%s\n", list[id].Format(time.RFC3339Nano), id)
	}
	return out.Bytes()
}
