//go:build !bundled

package bundled

import _ "embed"

//go:embed example.tms
var data []byte
