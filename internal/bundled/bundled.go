// Package bundled is the advisory snapshot that the program brings along, so
// that it answers before it ever saw a network. A release has that of its day
// (PyPI, Debian and Alpine; build tag "bundled", and .ci/bundle writes the
// file); every other build has that of testdata/osv, a few dozen old records.
// Whether either is new enough decides the policy, as for every snapshot.
package bundled

import "github.com/tallyman/tallyman/vuln/osv"

// Source is what reports name as the source of the bundled advisories.
const Source = "the advisories bundled with this program"

// Open opens the bundled snapshot. Closing it is not needed.
func Open() (*osv.DB, error) { return osv.OpenBytes(data, Source) }
