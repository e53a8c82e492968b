package osv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/vuln/osv"
)

// TestShortListTakesNoRecordAway: a modified_id.csv that was cut at the end of
// a line, or that is older than the all.zip, lacks records that are there.
func TestShortListTakesNoRecordAway(t *testing.T) {
	for _, missing := range []int{1, 30} {
		w := world{"PyPI": {}}
		for i := range 100 {
			id := fmt.Sprintf("PYSEC-%d", i)
			w["PyPI"][id] = recordJSON(id, "PyPI", "p", "2025-01-01T00:00:00Z", "")
		}
		b, dir := newBucket(t, w), t.TempDir()
		first := b.update(t, dir, "PyPI")
		b.unlisted = map[string]bool{}
		for i := range missing {
			b.unlisted[fmt.Sprintf("PYSEC-%d", i)] = true
		}
		if got := b.update(t, dir, "PyPI"); got.Digest != first.Digest {
			t.Errorf("%d records are not listed, and the snapshot is another one", missing)
		}
	}
}

// TestSourceThatIsNoWebURLIsNotShown: a scheme in capitals, one that is not
// spoken or a URL that cannot be read is no folder to be named with its
// password.
func TestSourceThatIsNoWebURLIsNotShown(t *testing.T) {
	for _, from := range []string{
		"HTTPS://user:s3cret@127.0.0.1:1/", "ftp://user:s3cret@h/", " https://user:s3cret@h/",
		"http://user:s3cret@bad host/", "http://user:s3cr%zzs3cret@h/", "http://user:s3cret@[::1/",
	} {
		_, err := osv.Update(t.Context(), osv.Options{Dir: t.TempDir(), From: from, Ecosystems: []string{"PyPI"}, Client: newBucket(t, nil).Client()})
		if err == nil || strings.Contains(err.Error(), "s3cr") {
			t.Errorf("%.5s...: %v", from, err)
		}
	}
}
