package vuln

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type fixed []Advisory

func (f fixed) Advisories(context.Context, string, string) ([]Advisory, error) { return f, nil }

func TestAsOf(t *testing.T) {
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	source := fixed{
		{ID: "A", Published: day("2024-02-01"), Modified: day("2024-02-01")},
		{ID: "B", Published: day("2025-07-01"), Modified: day("2025-07-01")},
		{ID: "C", Published: day("2024-02-01"), Modified: day("2025-07-01")},
		{ID: "D", Published: day("2024-02-01"), Withdrawn: day("2024-03-01")},
		{ID: "E", Published: day("2024-02-01"), Withdrawn: day("2025-03-01")},
		{ID: "PYSEC-2026-1409", Aliases: []string{"CVE-2024-1727"}, Published: day("2026-07-07")},
		{ID: "PYSEC-2026-9", Aliases: []string{"CVE-2026-1"}, Published: day("2026-07-07")},
		{ID: "PYSEC-2024-9", Aliases: []string{"CVE-2024-9"}, Published: day("2024-07-07")},
		{ID: "NO-DATE"},
	}
	past := AsOf(source, day("2024-06-01"))
	list, err := past.Advisories(t.Context(), "PyPI", "gradio")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, a := range list {
		got[a.ID] = !a.Withdrawn.IsZero()
	}
	// What PyPA published again in 2026 was known in 2024.
	want := map[string]bool{"A": false, "C": false, "D": true, "E": false, "PYSEC-2026-1409": false, "NO-DATE": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("known, and whether withdrawn (-want +got):\n%s", diff)
	}
	if later, edited := past.Reconstructed(); later != 3 || edited != 1 {
		t.Errorf("left out %d, edited %d; want 3 and 1", later, edited)
	}
	if !source[4].Withdrawn.Equal(day("2025-03-01")) {
		t.Error("the source's own record was changed")
	}
}
