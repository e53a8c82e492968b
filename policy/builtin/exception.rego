# Accepted risks that do nothing, or no longer.
package tallyman.builtin

exception_trouble := {
	"expired": "has expired",
	"unused": "covers nothing that was found",
	"invalid": "does not count:",
}

warn contains {
	"rule": sprintf("exception-%s", [e.state]),
	"message": sprintf("the exception for %s %s (%s)", [e.name, trim_space(concat(" ", [exception_trouble[e.state], e.until])), e.origin]),
	"evidence": [e.origin],
	"package": e.package,
	"remedy": "remove the exception, or renew it with a reason",
} if {
	some e in input.facts.exceptions
	exception_trouble[e.state]
}
