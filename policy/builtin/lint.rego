# Lint findings. A group is one rule in one file with one risk and one fate.
package tallyman.builtin

mild := {"medium", "low"}

# brought: the base image brings it, and only what was added is judged.
brought(group) if {
	input.parameters.only_added
	group.base
}

# A risk that is not known to be mild is high.
deny contains lint_reason("lint", group) if {
	some group in input.facts.lint
	not group.risk in mild
	not group.suppressed
	not group.accepted
	not brought(group)
}

warn contains object.union(lint_reason("inherited-lint", group), {"message": message, "remedy": "build on an image without it"}) if {
	some group in input.facts.lint
	not group.risk in mild
	not group.suppressed
	not group.accepted
	brought(group)
	message := sprintf("%s: %s, and the base image brings it", [group.rule, group.message])
}

warn contains lint_reason("lint", group) if {
	some group in input.facts.lint
	group.risk in mild
	not group.suppressed
	not group.accepted
}

warn contains object.union(lint_reason("suppressed", group), {"message": message}) if {
	some group in input.facts.lint
	not group.risk in mild
	group.suppressed
	message := sprintf("suppressed by %s: %s", [group.suppressed, group.message])
}

warn contains object.union(lint_reason("accepted", group), {"message": message}) if {
	some group in input.facts.lint
	not group.suppressed
	group.accepted
	message := sprintf("%s: %s", [group.rule, group.accepted])
}

lint_reason(name, group) := {
	"rule": name,
	"message": sprintf("%s: %s", [group.rule, group.message]),
	"evidence": group.places,
	"file": group.file,
	"line": group.line,
	"remedy": group.remedy,
}
