package osv_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tallyman/tallyman/vuln/osv"
)

// readerEnv makes TestReaderProcess a reader of a folder.
const readerEnv = "TALLYMAN_TEST_READER"

// TestReaderProcess is one process of TestManyProcesses.
func TestReaderProcess(t *testing.T) {
	dir := os.Getenv(readerEnv)
	if dir == "" {
		t.Skip("it runs as a child of TestManyProcesses")
	}
	var longest time.Duration
	for range 40 {
		start := time.Now()
		db, err := osv.OpenCurrent(dir)
		if err != nil {
			t.Fatal(err)
		}
		if note := db.Fallback(); note != "" {
			t.Error(note)
		}
		for i := range 50 {
			list, err := db.Advisories(t.Context(), "PyPI", "p"+strconv.Itoa(i))
			if err != nil || len(list) != 1 {
				t.Fatalf("%v, %v", list, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(start))
	}
	fmt.Printf("longest %s\n", longest)
}

// TestManyProcesses read a folder while others update it: each reads a whole
// snapshot, old or new, at once. TALLYMAN_TEST_PROCESSES says how many.
func TestManyProcesses(t *testing.T) {
	processes := 6
	if n, err := strconv.Atoi(os.Getenv("TALLYMAN_TEST_PROCESSES")); err == nil {
		processes = n
	}
	dir := t.TempDir()
	var sources []string
	for _, at := range []string{"2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z"} {
		var files []string
		for i := range 50 {
			files = append(files, fmt.Sprintf("PyPI/%d.json", i), recordJSON(fmt.Sprintf("PYSEC-%d", i), "PyPI", "p"+strconv.Itoa(i), at, ""))
		}
		sources = append(sources, folder(t, files...))
	}
	update := func(i int) {
		if _, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: sources[i%2]}); err != nil {
			t.Error(err)
		}
	}
	update(0)
	var readers, writers sync.WaitGroup
	stop := make(chan struct{})
	updates := make([]int, 2)
	for w := range updates {
		writers.Go(func() {
			for i := w; ; i++ {
				update(i)
				updates[w]++
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for range processes {
		readers.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReaderProcess$", "-test.v")
			cmd.Env = append(os.Environ(), readerEnv+"="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
				t.Errorf("%v\n%s", err, out)
			}
			if processes > 6 {
				line, _, _ := bytes.Cut(out[bytes.Index(out, []byte("longest")):], []byte("\n"))
				t.Logf("%s", line)
			}
		})
	}
	readers.Wait()
	close(stop)
	writers.Wait()
	t.Logf("%d processes, %v updates meanwhile", processes, updates)
}
