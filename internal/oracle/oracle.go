// Package oracle holds our matcher against the reference: osv-scanner's
// [osvscanner.DoScan] offline, and osv-scalibr's enricher vulnmatch/osvlocal as
// a second opinion, (package, version) pair by pair. It also holds our order of
// PyPI versions against osv-scalibr's, and our snapshot against bbolt.
//
// It is a module of its own: what the reference needs does not build beside
// what tallyman needs. It has tests and benchmarks only; .ci/oracle runs them.
// They need the advisories that lie beside the repository (TALLYMAN_SHARED, or
// ../shared below its root) and skip without them, except for those on the few
// records in testdata, which are our own.
//
// [osvscanner.DoScan]: https://pkg.go.dev/github.com/google/osv-scanner/v2@v2.5.1/pkg/osvscanner#DoScan
package oracle
