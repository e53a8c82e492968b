// Package builtin holds the policy that tallyman decides with when the user
// says nothing else: Rego modules of package tallyman.builtin, embedded, with
// their tests beside them. They read the policy input (see
// docs/schema/input.schema.json) and give three sets, deny, undecided and warn, of objects
//
//	{"rule", "message", "evidence", "package", "file", "line", "remedy"}
//
// package, file and line are optional.
package builtin

import "embed"

// FS holds the modules, without their tests.
//
//go:embed vulnerability.rego completeness.rego lint.rego signature.rego exception.rego
var FS embed.FS
