# Accepted risks that do nothing, or no longer.
package tallyman.builtin

exception_trouble := {
	"expired": "expired",
	"unused": "covers nothing that was found",
	"invalid": "does not count:",
}

exception_remedy := {
	"expired": "remove it, or give it a reason and a last day anew",
	"unused": "remove it",
	"invalid": "correct it, or remove it",
}

warn contains {
	"rule": sprintf("exception-%s", [e.state]),
	"message": sprintf("the accepted risk for %s %s (%s)", [e.name, trim_space(concat(" ", [exception_trouble[e.state], e.until])), e.origin]),
	"evidence": [e.origin],
	"package": e.package,
	"remedy": exception_remedy[e.state],
} if {
	some e in input.facts.exceptions
	exception_trouble[e.state]
}
