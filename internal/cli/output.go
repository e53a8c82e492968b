package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
)

// writeOutput writes one FORMAT=FILE. The file appears whole or not at all.
func (a *app) writeOutput(spec string, r *audit.Report) error {
	format, name, _ := strings.Cut(spec, "=")
	var b bytes.Buffer
	if err := report.Write(&b, format, r, report.Options{Verbose: a.flags.verbose}); err != nil {
		return err
	}
	if err := writeFile(a.path(name), b.Bytes()); err != nil {
		return fmt.Errorf("writing --output %q: %w", spec, err)
	}
	return nil
}

// writeFile replaces a file by rename, so that a reader never sees half of it.
func writeFile(name string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".tallyman-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// progress shows one line of what is going on, on a terminal's standard error
// and only when it takes long enough for a person to wonder.
type progress struct {
	app   *app
	mu    sync.Mutex
	began time.Time
	drawn bool
}

// progressDelay is how long a run stays silent.
const progressDelay = 400 * time.Millisecond

func (a *app) progress() *progress {
	p := &progress{app: a, began: time.Now()}
	a.notify = p.step
	return p
}

func (p *progress) step(text string) {
	if p.app.flags.quiet || !p.app.env.StderrTerminal {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.began) < progressDelay {
		return
	}
	width := max(p.app.env.Width, 40)
	line := discreet(text)
	if runes := []rune(line); len(runes) > width-1 {
		line = string(runes[:width-1])
	}
	fmt.Fprintf(p.app.env.Stderr, "\r\x1b[K%s", line)
	p.drawn = true
}

// warn writes a line that stays: about what costs time, and decides nothing.
func (p *progress) warn(text string) {
	if p.app.flags.quiet {
		return
	}
	p.done()
	fmt.Fprintln(p.app.env.Stderr, "tallyman: "+discreet(text))
}

// done removes the line.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		fmt.Fprint(p.app.env.Stderr, "\r\x1b[K")
		p.drawn = false
	}
}
