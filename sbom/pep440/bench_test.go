package pep440_test

import (
	"testing"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// The inputs: versions of gradio and torch on PyPI, and what gradio 5 asks of
// pydantic.
var benchVersions = []string{"4.44.1", "3.50.2", "5.0.0b10", "2.4.0+cu121", "1.0.0a0.dev20240101"}

const benchSpecifiers = ">=2.0,<2.12,!=2.4.*,!=2.10.0"

func BenchmarkParse(b *testing.B) {
	for _, text := range benchVersions {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pep440.Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	v, w := pep440.MustParse("4.44.1"), pep440.MustParse("4.44.0")
	b.ReportAllocs()
	for b.Loop() {
		if v.Compare(w) != 1 {
			b.Fatal("wrong order")
		}
	}
}

func BenchmarkParseSpecifiers(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pep440.ParseSpecifiers(benchSpecifiers); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkContains(b *testing.B) {
	s, v := mustSpecifiers(b, benchSpecifiers), pep440.MustParse("2.11.3")
	b.ReportAllocs()
	for b.Loop() {
		if !s.Contains(v, pep440.PrereleasesAllowed) {
			b.Fatal("not contained")
		}
	}
}

func BenchmarkSpecifiersSet(b *testing.B) {
	s := mustSpecifiers(b, benchSpecifiers)
	b.ReportAllocs()
	for b.Loop() {
		if s.Set().IsEmpty() {
			b.Fatal("empty")
		}
	}
}

func BenchmarkIntersect(b *testing.B) {
	s := mustSpecifiers(b, benchSpecifiers).Set()
	affected := pep440.Below(pep440.MustParse("2.4.0")).Intersect(pep440.AtLeast(pep440.MustParse("2.0")))
	b.ReportAllocs()
	for b.Loop() {
		if s.Intersect(affected).IsEmpty() {
			b.Fatal("empty")
		}
	}
}

func BenchmarkSetContains(b *testing.B) {
	s, v := mustSpecifiers(b, benchSpecifiers).Set(), pep440.MustParse("2.11.3")
	b.ReportAllocs()
	for b.Loop() {
		if !s.Contains(v) {
			b.Fatal("not contained")
		}
	}
}
