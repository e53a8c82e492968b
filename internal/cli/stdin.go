package cli

import (
	"bufio"
	"bytes"
	"io"
	"os"
)

// tarMagicAt is where the header of a tar's first entry says that it is one.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06 (ustar Interchange Format)
const tarMagicAt = 257

// streamsJSON reports whether standard input is JSON, which an SBOM is and the
// tar of an image is not, even one whose first file is named like JSON. What it
// looks at is still read by whoever reads standard input next.
func (a *app) streamsJSON() bool {
	if a.env.StdinTerminal || a.env.Stdin == nil {
		return false
	}
	head := a.stdinStart(tarMagicAt + len("ustar"))
	if bytes.HasPrefix(head[min(tarMagicAt, len(head)):], []byte("ustar")) {
		return false
	}
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{"))
}

// stdinStart are the first bytes of standard input, at most n. A file that the
// shell opened stays where it is: its image is read in place.
func (a *app) stdinStart(n int) []byte {
	if f, ok := a.env.Stdin.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			if at, err := f.Seek(0, io.SeekCurrent); err == nil {
				head := make([]byte, n)
				n, _ = f.ReadAt(head, at)
				return head[:n]
			}
		}
	}
	buffered, ok := a.env.Stdin.(*bufio.Reader)
	if !ok {
		buffered = bufio.NewReader(a.env.Stdin)
		a.env.Stdin = buffered
	}
	head, _ := buffered.Peek(n) // what is there; an error comes again
	return head
}
