package osv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// TestMalformedRecordsAreCounted: set aside, with their reasons, never fatal.
func TestMalformedRecordsAreCounted(t *testing.T) {
	bad := map[string]string{
		"empty.json":      `{}`,
		"nothing.json":    ``,
		"list.json":       `[]`,
		"text.json":       `hello`,
		"nodate.json":     `{"id":"X-1"}`,
		"baddate.json":    `{"id":"X-1","modified":"yesterday"}`,
		"slash.json":      `{"id":"../X-1","modified":"2025-01-01T00:00:00Z"}`,
		"two.json":        `{"id":"X-1","modified":"2025-01-01T00:00:00Z"} {}`,
		"latin1.json":     "{\"id\":\"X-\xe4\",\"modified\":\"2025-01-01T00:00:00Z\"}",
		"nointro.json":    `{"id":"X-1","modified":"2025-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"fixed":"1"}]}]}]}`,
		"twofields.json":  `{"id":"X-1","modified":"2025-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0","fixed":"1"}]}]}]}`,
		"othertype.json":  `{"id":"X-1","modified":"2025-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"ranges":[{"type":"CALVER","events":[{"introduced":"0"}]}]}]}`,
		"noname.json":     `{"id":"X-1","modified":"2025-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":""}}]}`,
		"stringaff.json":  `{"id":"X-1","modified":"2025-01-01T00:00:00Z","affected":"all"}`,
		"wrongalias.json": `{"id":"X-1","modified":"2025-01-01T00:00:00Z","aliases":[3]}`,
	}
	files := []string{"PyPI/good.json", recordJSON("PYSEC-1", "PyPI", "Demo", "2025-01-01T00:00:00Z", "")}
	for name, data := range bad {
		files = append(files, "PyPI/"+name, data)
	}
	db := compile(t, folder(t, files...))
	refused, err := db.Refused()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range refused {
		seen[r.Record] = true
		if r.Source != "PyPI" || r.Reason == "" {
			t.Errorf("refusal without a source or reason: %+v", r)
		}
	}
	for name := range bad {
		if !seen[name] {
			t.Errorf("%s was not refused", name)
		}
	}
	status, err := db.StatusOf("PyPI", now)
	day := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	want := &osv.EcosystemStatus{Name: "PyPI", Records: 1, Packages: 1, Refused: len(bad), Date: day, Newest: day}
	if diff := cmp.Diff(want, status); err != nil || diff != "" {
		t.Errorf("status (-want +got):\n%s%v", diff, err)
	}
}

// TestOnlyRefusedRecordsAreNoEcosystem: a snapshot of nothing vouches for
// nothing.
func TestOnlyRefusedRecordsAreNoEcosystem(t *testing.T) {
	db := compile(t, folder(t, "PyPI/empty.json", "{}", "npm/a.json", recordJSON("GHSA-1", "npm", "a", "2025-01-01T00:00:00Z", "")))
	if _, err := db.Advisories(t.Context(), "PyPI", "demo"); !errors.Is(err, vuln.ErrNoEcosystem) {
		t.Errorf("got %v", err)
	}
	status, err := db.Status(now)
	if err != nil || len(status) != 2 || status[0].Name != "PyPI" || status[0].Refused != 1 || status[0].Records != 0 {
		t.Errorf("status %+v, %v", status, err)
	}
}

// TestForeignPackagesMakeNoEcosystem: a record of PyPI's that also names an
// npm package does not make this a snapshot of npm.
func TestForeignPackagesMakeNoEcosystem(t *testing.T) {
	both := strings.Replace(recordJSON("GHSA-1", "PyPI", "demo", "2025-01-01T00:00:00Z", ""), `"affected":[`,
		`"affected":[{"package":{"ecosystem":"npm","name":"demo"},"versions":["1"]},`, 1)
	db := compile(t, folder(t, "PyPI/a.json", both))
	if _, err := db.Advisories(t.Context(), "npm", "demo"); !errors.Is(err, vuln.ErrNoEcosystem) {
		t.Errorf("npm: %v", err)
	}
	list, err := db.Advisories(t.Context(), "PyPI", "demo")
	if err != nil || len(list) != 1 || len(list[0].Affected) != 1 {
		t.Errorf("PyPI: %v, %v", list, err)
	}
	if a, err := db.Get(t.Context(), "GHSA-1"); err != nil || len(a.Affected) != 2 {
		t.Errorf("Get: %v, %v", a, err)
	}
}

func TestReleases(t *testing.T) {
	at := "2025-01-01T00:00:00Z"
	db := compile(t, folder(t,
		"Debian/1.json", recordJSON("DSA-1-1", "Debian:10", "zlib", at, ""),
		"Debian/2.json", recordJSON("DSA-2-1", "Debian:12", "zlib", at, ""),
		"Ubuntu/1.json", recordJSON("UBUNTU-1", "Ubuntu:22.04:LTS", "zlib", at, ""),
		"Alpine/1.json", recordJSON("ALPINE-1", "Alpine:v3.20", "zlib", at, "")))
	for eco, want := range map[string]string{"Debian:10": "DSA-1-1", "Debian:12": "DSA-2-1", "Ubuntu:22.04": "UBUNTU-1", "Ubuntu:22.04:LTS": "UBUNTU-1", "Alpine:v3.20": "ALPINE-1"} {
		list, err := db.Advisories(t.Context(), eco, "zlib")
		if err != nil || len(list) != 1 || list[0].ID != want || len(list[0].Affected) != 1 {
			t.Errorf("%s: %+v, %v", eco, list, err)
		}
	}
	for _, eco := range []string{"Debian", "Debian:11", "Debian:1", "Debian:120", "Ubuntu:24.04", "Alpine:v3.2"} {
		if _, err := db.Advisories(t.Context(), eco, "zlib"); !errors.Is(err, vuln.ErrNoEcosystem) {
			t.Errorf("%s: %v", eco, err)
		}
	}
}

// TestDateDependsOnNow: a record dated in the future does not make the
// advisories fresh.
func TestDateDependsOnNow(t *testing.T) {
	db := compile(t, folder(t,
		"PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", "2024-01-01T00:00:00Z", ""),
		"PyPI/2.json", recordJSON("PYSEC-2", "PyPI", "b", "2025-01-01T00:00:00.5Z", ""),
		"PyPI/3.json", recordJSON("PYSEC-3", "PyPI", "c", "2027-07-09T15:54:00Z", "")))
	for at, want := range map[string]string{
		"2023-01-01T00:00:00Z": "0001-01-01T00:00:00Z", "2024-01-01T00:00:00Z": "2024-01-01T00:00:00Z",
		"2026-01-01T00:00:00Z": "2025-01-01T00:00:00Z", "2028-01-01T00:00:00Z": "2027-07-09T15:54:00Z",
	} {
		clock, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		s, err := db.StatusOf("PyPI", clock)
		if err != nil || s.Date.Format(time.RFC3339) != want {
			t.Errorf("at %s: %v, %v, want %s", at, s, err, want)
		}
	}
}

func TestSeverityIsTheHighestOfAllAliases(t *testing.T) {
	at := "2025-01-01T00:00:00Z"
	vector := func(v string) string { return `,"severity":[{"type":"CVSS_V3","score":"` + v + `"}]` }
	high, low := "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
	db := compile(t, folder(t,
		"PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", at, `,"aliases":["CVE-1"]`+vector(low)),
		"PyPI/2.json", recordJSON("GHSA-1", "PyPI", "a", at, `,"aliases":["CVE-1"]`+vector(high)),
		"PyPI/3.json", recordJSON("PYSEC-2", "PyPI", "a", at, `,"aliases":["CVE-2"]`),
		"PyPI/4.json", recordJSON("PYSEC-3", "PyPI", "a", at, `,"database_specific":{"severity":"MODERATE"}`),
		"PyPI/5.json", recordJSON("PYSEC-4", "PyPI", "a", at, vector("CVSS:3.1/nonsense")),
		"PyPI/6.json", recordJSON("PYSEC-5", "PyPI", "a", at, `,"severity":[{"type":"CVSS_V2","score":"AV:N/AC:L/Au:N/C:C/I:C/A:C"}]`),
		"PyPI/7.json", recordJSON("PYSEC-6", "PyPI", "a", at, vector("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N")),
		"PyPI/8.json", recordJSON("PYSEC-7", "PyPI", "a", at, `,"severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}]`),
		"PyPI/9.json", recordJSON("MAL-1", "PyPI", "a", at, ""),
		"Debian/1.json", recordJSON("DSA-1-1", "Debian:12", "a", at, `,"upstream":["CVE-1","CVE-9"]`),
	))
	list, err := db.Advisories(t.Context(), "PyPI", "a")
	if err != nil {
		t.Fatal(err)
	}
	debian, err := db.Advisories(t.Context(), "Debian:12", "a")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, a := range append(list, debian...) {
		got[a.ID] = fmt.Sprintf("%s, %s", a.Severity, a.SeveritySource)
	}
	want := map[string]string{
		"PYSEC-1": "high, GHSA-1 CVSS:3.1 7.5", "GHSA-1": "high, GHSA-1 CVSS:3.1 7.5", "PYSEC-2": "unknown, ",
		"PYSEC-3": "medium, PYSEC-3 severity MODERATE", "PYSEC-4": "unknown, ", "PYSEC-5": "high, PYSEC-5 CVSS:2.0 10.0",
		"PYSEC-6": "none, PYSEC-6 CVSS:3.1 0.0", "PYSEC-7": "critical, PYSEC-7 CVSS:4.0 9.3",
		"MAL-1": "critical, MAL-1 malicious package", "DSA-1-1": "high, GHSA-1 CVSS:3.1 7.5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSameRecordsGiveTheSameBytes, from a zip, from files, in another order,
// and with a file that comes twice.
func TestSameRecordsGiveTheSameBytes(t *testing.T) {
	a := recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", "")
	b := recordJSON("PYSEC-2", "PyPI", "b", "2025-01-02T00:00:00Z", "")
	want := compile(t, folder(t, "PyPI/PYSEC-1.json", a, "PyPI/PYSEC-2.json", b)).Digest()
	for name, from := range map[string]string{
		"zip":       folder(t, "PyPI/all.zip", string(zipOf(t, "PYSEC-2.json", b, "PYSEC-1.json", a))),
		"named zip": folder(t, "PyPI.zip", string(zipOf(t, "PYSEC-1.json", a, "PYSEC-2.json", b))),
		"twice":     folder(t, "PyPI/all.zip", string(zipOf(t, "PYSEC-1.json", a, "PYSEC-2.json", b, "PYSEC-1.json", a)), "PyPI/PYSEC-1.json", a),
		"nested":    folder(t, "PyPI/2025/PYSEC-1.json", a, "PyPI/2025/PYSEC-2.json", b),
	} {
		if got := compile(t, from).Digest(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestFlatFolder(t *testing.T) {
	db := compile(t, folder(t, "a.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""), "b.json", recordJSON("GHSA-1", "npm", "b", "2025-01-01T00:00:00Z", "")))
	for _, q := range []struct{ eco, name string }{{"PyPI", "A"}, {"npm", "b"}} {
		if list, err := db.Advisories(t.Context(), q.eco, q.name); err != nil || len(list) != 1 {
			t.Errorf("%v: %v, %v", q, list, err)
		}
	}
}

// bucket serves files by path, as OSV's bucket does.
func bucket(t *testing.T, files map[string]http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := files[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

func serve(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Fri, 01 May 2026 12:00:00 GMT")
		_, _ = w.Write(data)
	}
}

func TestUpdateFromServer(t *testing.T) {
	pypi := zipOf(t, "PYSEC-1.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
	debian := zipOf(t, "DSA-1-1.json", recordJSON("DSA-1-1", "Debian:12", "a", "2025-01-01T00:00:00Z", ""), "bad.json", "{}")
	server := bucket(t, map[string]http.HandlerFunc{"/base/PyPI/all.zip": serve(pypi), "/base/Debian/all.zip": serve(debian)})
	dir := t.TempDir()
	from := strings.Replace(server.URL, "http://", "http://user:secret@", 1) + "/base/?token=secret"
	var events []osv.Event
	update := func(ecosystem string) *osv.Result {
		t.Helper()
		res, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: from, Ecosystems: []string{ecosystem}, Client: server.Client(),
			Progress: func(e osv.Event) { events = append(events, e) }})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	first := update("PyPI")
	update("Debian:12")
	if again := update("Debian:12"); !again.Unchanged || again.Downloaded != int64(len(debian)) {
		t.Errorf("the same again: %+v", again)
	}
	db, err := osv.OpenCurrent(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// The second update kept what the first one brought.
	status, err := db.Status(now)
	served := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	want := []osv.EcosystemStatus{
		{Name: "Debian:12", Records: 1, Packages: 1, Refused: 1, Date: served, Newest: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Name: "PyPI", Records: 1, Packages: 1, Date: served, Newest: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, status); err != nil || diff != "" {
		t.Errorf("status (-want +got):\n%s%v", diff, err)
	}
	if refused, err := db.Refused(); err != nil || len(refused) != 1 {
		t.Errorf("refused %v, %v", refused, err)
	}
	all := fmt.Sprintf("%+v %+v %s", first, events, db.Source())
	if strings.Contains(all, "secret") || !strings.Contains(all, server.URL+"/base/PyPI/all.zip") {
		t.Errorf("credentials, or no source, in %s", all)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestHostileBuckets: each is refused with a clear error, and the old snapshot
// stays.
func TestHostileBuckets(t *testing.T) {
	good := zipOf(t, "PYSEC-1.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
	damaged := bytes.Clone(good)
	damaged[60] ^= 0xff
	bomb := zipOf(t, "a.json", strings.Repeat(" ", 70<<20), "b.json", strings.Repeat(" ", 70<<20))
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"absent":        {http.NotFound, "the server answers 404"},
		"not a zip":     {serve([]byte("hello")), "not a whole zip file"},
		"empty":         {serve(nil), "not a whole zip file"},
		"truncated zip": {serve(good[:len(good)-30]), "not a whole zip file"},
		"damaged entry": {serve(damaged), "the zip is damaged"},
		"bomb":          {serve(bomb), "zip bomb"},
		"redirect file": {redirect("file:///etc/passwd"), "refused a redirect from http to file"},
		"redirect ftp":  {redirect("ftp://example.com/all.zip"), "refused a redirect from http to ftp"},
		"redirect loop": {redirect("/PyPI/all.zip"), "more than 5 redirects"},
		"short of what it announces": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)+10))
			_, _ = w.Write(good)
		}, "unexpected EOF"},
		"announces too much": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99999999999")
			_, _ = w.Write(good)
		}, "larger than the bound"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			before, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: folder(t, "PyPI/all.zip", string(good))})
			if err != nil {
				t.Fatal(err)
			}
			server := bucket(t, map[string]http.HandlerFunc{"/PyPI/all.zip": test.handler})
			_, err = osv.Update(t.Context(), osv.Options{Dir: dir, From: server.URL, Ecosystems: []string{"PyPI"}, Client: server.Client(), Pause: noPause})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			db, err := osv.OpenCurrent(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if db.Digest() != before.Digest {
				t.Error("the old snapshot is gone")
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestUpdateErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	good := folder(t, "PyPI/a.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
	for name, test := range map[string]struct {
		ctx  context.Context
		o    osv.Options
		want string
	}{
		"no folder":     {t.Context(), osv.Options{From: filepath.Join(good, "absent")}, "no such file"},
		"nothing in it": {t.Context(), osv.Options{From: t.TempDir()}, "no advisories in"},
		"not that one":  {t.Context(), osv.Options{From: good, Ecosystems: []string{"npm"}}, `no advisories for "npm"`},
		"no client":     {t.Context(), osv.Options{From: "https://example.com", Ecosystems: []string{"PyPI"}}, "needs an HTTP client"},
		"no ecosystem":  {t.Context(), osv.Options{From: "https://example.com", Client: http.DefaultClient}, "needs the names"},
		"cancelled":     {ctx, osv.Options{From: good}, "context canceled"},
		"no host":       {t.Context(), osv.Options{From: "https:///x", Ecosystems: []string{"PyPI"}, Client: http.DefaultClient}, "is not a URL"},
	} {
		test.o.Dir = t.TempDir()
		_, err := osv.Update(test.ctx, test.o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
		if _, err := osv.OpenCurrent(test.o.Dir); !errors.Is(err, osv.ErrNoSnapshot) {
			t.Errorf("%s: a snapshot is there: %v", name, err)
		}
	}
}
