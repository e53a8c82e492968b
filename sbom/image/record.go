package image

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"strings"
)

// parseRecord reads the lines of a RECORD that name a file and its SHA-256. The
// file's path is relative to the folder above that of the RECORD. Lines without
// a digest (RECORD itself, compiled modules) and those with another one say
// nothing that could be checked. complete is false when the file breaks the
// grammar, as by a quotation mark that is never closed, so that what it says
// further on is not known.
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
func parseRecord(at string, data []byte) (lines listing, complete bool) {
	lines.alg = algSHA256
	rows := csv.NewReader(bytes.NewReader(data))
	rows.FieldsPerRecord, rows.ReuseRecord = -1, true
	site := path.Dir(path.Dir(at))
	for {
		row, err := rows.Read()
		if err != nil {
			return lines, errors.Is(err, io.EOF)
		}
		if len(row) < 2 || row[0] == "" {
			continue
		}
		text, found := strings.CutPrefix(row[1], "sha256=")
		sum, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
		if !found || err != nil || len(sum) != 32 {
			continue
		}
		file := validText(strings.ReplaceAll(row[0], "\\", "/"))
		if !strings.HasPrefix(file, "/") {
			file = path.Join(site, file)
		}
		lines.add(path.Clean("/"+file), sum)
	}
}

// parseSums reads the lines of a .md5sums file that are about files that were
// digested.
// https://man7.org/linux/man-pages/man5/deb-md5sums.5.html
func parseSums(data []byte) (lines listing) {
	lines.alg = algMD5
	for line := range bytes.Lines(data) {
		digest, file, found := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		sum, err := hex.DecodeString(digest)
		p := path.Clean("/" + validText(strings.TrimPrefix(strings.TrimLeft(file, " "), "*")))
		if distribution, _ := wanted(p); found && err == nil && len(sum) == 16 && distribution {
			lines.add(p, sum)
		}
	}
	return lines
}
