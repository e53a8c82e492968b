package policy

import (
	"fmt"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// crowded is an audit with n findings in n/5 packages, and ten components for
// each finding: about what a Debian-based image of a Gradio application has.
func crowded(n int) Input {
	in := clean()
	severities := []vuln.Severity{vuln.SeverityCritical, vuln.SeverityHigh, vuln.SeverityMedium, vuln.SeverityLow, vuln.SeverityUnknown}
	for i := range n {
		f := gradioFinding()
		f.Package = fmt.Sprintf("package-%d", i/5)
		f.IDs = []string{fmt.Sprintf("CVE-2024-%04d", i), fmt.Sprintf("PYSEC-2024-%d", i)}
		f.Severity = severities[i%len(severities)]
		if i%2 == 0 {
			f.Ecosystem, f.Evidence, f.Fixed = "Debian:12", sbom.Installed, ""
		}
		in.Findings = append(in.Findings, f)
	}
	for i := range 3 * n {
		c := in.Components[i%2]
		c.Name = fmt.Sprintf("package-%d", i)
		in.Components = append(in.Components, c)
	}
	return in
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{0, 200} {
		in := crowded(n)
		b.Run(fmt.Sprintf("findings=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decide(b.Context(), in, Options{Tool: "tallyman test"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
