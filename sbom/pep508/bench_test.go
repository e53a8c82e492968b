package pep508_test

import (
	"testing"

	"github.com/tallyman/tallyman/sbom/pep508"
)

// The input: a Requires-Dist line of gradio 5.
const benchRequirement = `pydantic (>=2.0,<2.12) ; python_version >= "3.10" and extra == "mcp"`

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pep508.Parse(benchRequirement); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	m := mustMarker(b, `python_version >= "3.10" and platform_machine == "x86_64"`)
	env := pep508.NewEnvironment("3.12.4", "linux/amd64")
	b.ReportAllocs()
	for b.Loop() {
		if m.Evaluate(env) != pep508.True {
			b.Fatal("not true")
		}
	}
}

func BenchmarkNormalizeName(b *testing.B) {
	for _, name := range []string{"gradio-client", "Ruamel.Yaml"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if pep508.NormalizeName(name) == "" {
					b.Fatal("empty")
				}
			}
		})
	}
}
