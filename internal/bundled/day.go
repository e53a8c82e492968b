//go:build bundled

package bundled

import _ "embed"

// day.tms is written by .ci/bundle and is in no repository.
//
//go:embed day.tms
var data []byte
