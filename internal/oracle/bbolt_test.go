package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

// lookUps is how many packages a run of the benchmark asks about.
const lookUps = 1000

// ecosystems are those of the shared data.
var ecosystems = []string{"AlmaLinux", "Alpine", "Debian", "Go", "PyPI", "crates.io", "npm"}

// databases are two that hold the same advisories.
type databases struct {
	snapshot, bolt string
	names          []subject // lookUps real packages
	megabytes      []float64 // of either
}

// newDatabases compiles all of the shared advisories into a snapshot, and
// writes what it answers for each package into a bbolt file as others do: a
// bucket an ecosystem, the package's name as the key, and the advisories as
// JSON.
func newDatabases(b *testing.B) *databases {
	b.Helper()
	data, dir := shared(b, "data/osv"), b.TempDir()
	res, err := osv.Update(b.Context(), osv.Options{Dir: dir, From: data})
	if err != nil {
		b.Fatal(err)
	}
	d := &databases{snapshot: res.Path, bolt: filepath.Join(dir, "advisories.bolt")}
	var all []subject
	for _, eco := range ecosystems {
		all = append(all, sortedSubjects(readZip(b, filepath.Join(data, eco, "all.zip"), eco))...)
	}
	for i := range lookUps {
		// Every 47th or so, in an order that jumps about the file.
		d.names = append(d.names, all[i*7919%len(all)])
	}
	db, err := osv.Open(d.snapshot)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	d.fill(b, db, all)
	for _, path := range []string{d.snapshot, d.bolt} {
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		d.megabytes = append(d.megabytes, float64(info.Size())/1e6)
	}
	return d
}

func (d *databases) fill(b *testing.B, db *osv.DB, all []subject) {
	b.Helper()
	out, err := bolt.Open(d.bolt, 0o600, &bolt.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	err = out.Update(func(tx *bolt.Tx) error {
		for _, s := range all {
			bucket, err := tx.CreateBucketIfNotExists([]byte(s.ecosystem))
			if err != nil {
				return err
			}
			list, err := db.Advisories(b.Context(), s.ecosystem, s.name)
			if err != nil {
				return err
			}
			value, err := json.Marshal(list)
			if err != nil {
				return err
			}
			if err := bucket.Put([]byte(s.name), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, out.Close()); err != nil {
		b.Fatal(err)
	}
}

// askSnapshot opens the snapshot and looks all names up.
func (d *databases) askSnapshot(b *testing.B) (found int) {
	db, err := osv.Open(d.snapshot)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, s := range d.names {
		list, err := db.Advisories(b.Context(), s.ecosystem, s.name)
		if err != nil {
			b.Fatal(err)
		}
		found += len(list)
	}
	return found
}

// askBolt does the same with bbolt; without decode it only copies the bytes.
func (d *databases) askBolt(b *testing.B, decode bool) (found int) {
	db, err := bolt.Open(d.bolt, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, s := range d.names {
		err := db.View(func(tx *bolt.Tx) error {
			value := tx.Bucket([]byte(s.ecosystem)).Get([]byte(s.name))
			if !decode {
				found += len(append([]byte(nil), value...))
				return nil
			}
			var list []vuln.Advisory
			if err := json.Unmarshal(value, &list); err != nil {
				return err
			}
			found += len(list)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return found
}

// BenchmarkOpenAndLookUp opens all of the shared advisories and looks 1,000 of
// their packages up, as a process does once: in a snapshot, in bbolt, and in
// bbolt without reading what was found. "turns" takes the first two in turns
// and gives the ratio of the fastest run of each. The snapshot checks what it
// reads against its digest, and bbolt nothing.
func BenchmarkOpenAndLookUp(b *testing.B) {
	d := newDatabases(b)
	if ours, theirs := d.askSnapshot(b), d.askBolt(b, true); ours != theirs || ours < lookUps {
		b.Fatalf("the snapshot gives %d advisories, bbolt %d", ours, theirs)
	}
	for _, c := range []struct {
		name string
		ask  func() int
	}{
		{"snapshot", func() int { return d.askSnapshot(b) }},
		{"bbolt", func() int { return d.askBolt(b, true) }},
		{"bbolt-read", func() int { return d.askBolt(b, false) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.ask()
			}
		})
	}
	b.Run("turns", func(b *testing.B) {
		ours, theirs := time.Hour, time.Hour
		for b.Loop() {
			began := time.Now()
			d.askSnapshot(b)
			between := time.Now()
			d.askBolt(b, true)
			ours, theirs = min(ours, between.Sub(began)), min(theirs, time.Since(between))
		}
		b.ReportMetric(ours.Seconds()*1000, "snapshot-ms")
		b.ReportMetric(theirs.Seconds()*1000, "bbolt-ms")
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "bbolt/snapshot")
		b.ReportMetric(d.megabytes[0], "snapshot-MB")
		b.ReportMetric(d.megabytes[1], "bbolt-MB")
	})
}

// boltChild and snapshotChild are the variables that make the test binary a
// reader of what they name.
const boltChild, snapshotChild = "TALLYMAN_ORACLE_BOLT", "TALLYMAN_ORACLE_SNAPSHOT"

// TestMain is the reader in a process of its own, for TestReadersAndWriters.
func TestMain(m *testing.M) {
	if path := os.Getenv(boltChild); path != "" {
		db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: 200 * time.Millisecond})
		if errors.Is(err, bolterrors.ErrTimeout) {
			fmt.Print("locked out")
			os.Exit(0)
		}
		exit(err, func() error { return db.Close() })
	}
	if dir := os.Getenv(snapshotChild); dir != "" {
		db, err := osv.OpenCurrent(dir)
		exit(err, func() error { return db.Close() })
	}
	os.Exit(m.Run())
}

func exit(err error, then func() error) {
	if err == nil {
		err = then()
	}
	if err != nil {
		fmt.Print(err)
		os.Exit(1)
	}
	fmt.Print("read")
	os.Exit(0)
}

// TestReadersAndWriters shows what several processes do to one another: readers
// of bbolt share its file, and a writer locks every one of them out, and they
// it; readers of a snapshot and its writer never meet.
func TestReadersAndWriters(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "advisories.bolt")
	writer, err := bolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := child(t, boltChild, file); got != "locked out" {
		t.Errorf("a reader of bbolt beside its writer: %s", got)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := bolt.Open(file, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if got := child(t, boltChild, file); got != "read" {
		t.Errorf("two readers of bbolt: %s", got)
	}
	if _, err := bolt.Open(file, 0o600, &bolt.Options{Timeout: 200 * time.Millisecond}); !errors.Is(err, bolterrors.ErrTimeout) {
		t.Errorf("a writer of bbolt beside a reader: %v", err)
	}
	update := osv.Options{Dir: filepath.Join(dir, "snapshots"), From: ownRecords}
	if _, err := osv.Update(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	read := ""
	update.Progress = func(osv.Event) {
		if read == "" {
			read = child(t, snapshotChild, update.Dir)
		}
	}
	db, err := osv.OpenCurrent(update.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := osv.Update(t.Context(), update); err != nil {
		t.Errorf("updating while a reader has the snapshot: %v", err)
	}
	if read != "read" {
		t.Errorf("reading a snapshot in the middle of an update: %s", read)
	}
}

func child(t *testing.T, variable, path string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), variable+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return string(out)
}
