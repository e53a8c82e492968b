# What keeps a decision from being taken: gaps, missing advisories, nothing
# found. Nothing here ever removes a reason to deny.
package tallyman.builtin

# Texts of the gap kinds, for one place as for many; a kind that is not here
# still hides.
gap_text := {
	"unparsed": ["could not be parsed", "correct the lines named"],
	"unread": ["could not be read", "make them readable, or remove them"],
	"too-large": ["exceeded a bound on size", "make them smaller, or leave them out"],
	"unsupported": ["had a format without a reader", "add a lock or a requirements file that can be read; from an image leave it out, or audit it by other means"],
	"include": ["could not be included", "add the file, or correct the path"],
	"unversioned": ["had no version to match advisories with", "pin an exact release instead of a reference or a path"],
	"range": ["had a range of versions without a verdict", "pin exact versions, or add a lock"],
	"conflict": ["excluded every version", "correct the lines named"],
	"ecosystem": ["named an ecosystem without advisories in the snapshot", "fetch its advisories: tallyman db update"],
	"version": ["had a version that the ecosystem cannot order", "pin a version in the ecosystem's own form"],
	"advisory": ["had an advisory that could not be evaluated", "check the advisory by hand"],
	"image": ["of the image could not be read", "rebuild or pull the image again"],
	"unchosen": ["of the index stayed unaudited", "name the one that is meant with --platform, or audit each with --platform all"],
	"signature": ["of the signatures could not be looked for", "make the registry reachable, and audit again"],
	"dynamic": ["would only be known by running code", "declare the dependencies statically, or add a lock"],
	"closure": ["bring in packages that nothing names", "add a lock, or audit the image that they are installed in"],
	"nothing-found": ["had nothing to audit", "give the folder that holds the requirement files or locks, or the image"],
	"no-advisories": ["had no source of advisories", "audit them by other means"],
	"platform": ["of the platform's own had no source of advisories", "trust the platform, or build an image of your own and audit it"],
	"reconstructed": ["rested on advisories of a past day that nobody kept", "keep a snapshot of each day: tallyman db keep"],
	"unpulled": ["named an image that could not be had", "correct what names the image, or make it known and its registry reachable (docker login, --platform)"],
	"claim": ["of the SBOMs found inside could not be read or judged", "nothing is to be done: what they say never gates"],
	"runtime": ["had an interpreter that no source of advisories knows", "nothing is to be done: a rule of your own can ask for its version (input.components)"],
	"unverified": ["were not held against the lists of their files", "install the packages again with their own package manager"],
	"link": ["linked to a folder that is audited itself", "nothing is to be done"],
	"ignored-config": ["held settings or pragmas that do not count", "nothing is to be done"],
}

# How a gap that may be nobody's to close is accepted: in words, and then as the
# settings have it.
gap_accept := {
	"unversioned": "or accept it in tallyman.yaml",
	"advisory": "and if it does not concern you accept it in tallyman.yaml",
	"unpulled": "or accept it in tallyman.yaml",
}

undecided contains gap_reason(group) if {
	some group in input.facts.gaps
	group.hides
	not group.accepted
}

warn contains gap_reason(group) if {
	some group in input.facts.gaps
	not group.hides
}

# An accepted gap stays visible, with who accepted it and why.
warn contains object.union(reason, changes) if {
	some group in input.facts.gaps
	group.hides
	group.accepted
	reason := gap_reason(group)
	changes := {
		"rule": "accepted",
		"message": sprintf("%s: %s", [reason.message, group.accepted]),
		"remedy": "remove the accepted risk when it is no longer needed",
	}
}

gap_reason(group) := {
	"rule": "gap",
	"message": sprintf("%s %s (%s)", [gap_count(group.count), text[0], gap_name(group.kind)]),
	"evidence": group.places,
	"file": group.file,
	"line": group.line,
	"remedy": gap_remedy(group, text[1]),
} if {
	text := object.get(gap_text, group.kind, ["could not be judged", "see the places named"])
}

# What no file has can only be accepted by its package, which the group lacks.
gap_remedy(group, cure) := sprintf("%s, %s (ignore: [{gap: %s, file: %s, reason: WHY}])", [cure, words, group.kind, pattern(group.file)]) if {
	words := gap_accept[group.kind]
	group.file != ""
} else := cure

# pattern is the glob that matches one file, as YAML.
pattern(file) := file if {
	regex.match(`^[A-Za-z0-9_./][A-Za-z0-9_./-]*$`, file)
} else := sprintf("'%s'", [replace(regex.replace(file, `[\\*?\[\]{}]`, `\$0`), "'", "''")])

gap_count(1) := "1 place"

gap_count(n) := sprintf("%d places", [n]) if n != 1

gap_name("") := "other"

gap_name(kind) := kind if kind != ""

ran(stage) if stage in input.stages

looked if ran("sbom")

looked if ran("vuln")

undecided contains {
	"rule": "nothing-ran",
	"message": "no stage of the audit ran",
	"evidence": [],
	"remedy": "run tallyman audit on a folder or an image",
} if {
	count({stage | some stage in input.stages; stage in {"sbom", "vuln", "lint", "verify"}}) == 0
}

undecided contains {
	"rule": "nothing-found",
	"message": "no components were found, so nothing was audited",
	"evidence": [],
	"remedy": "give the folder that holds the requirement files or locks, or the image",
} if {
	looked
	input.facts.components == 0
}

undecided contains {
	"rule": "nothing-found",
	"message": "no components were found in the image",
	"evidence": sort(input.facts.image_digests),
	"remedy": "keep the package databases in the image, or audit the image that it is built from",
} if {
	looked
	input.facts.components > 0
	input.facts.image_components == 0
	input.image
}

undecided contains advisory_reason("no-advisories", "there is no advisory snapshot", []) if {
	ran("vuln")
	input.snapshot_digest == ""
}

undecided contains advisory_reason("advisories-absent", message, [name]) if {
	ran("vuln")
	some name in input.facts.ecosystems
	not name in {a.ecosystem | some a in input.facts.advisories; a.present; a.records > 0}
	message := sprintf("the snapshot has no advisories for %s", [name])
}

undecided contains advisory_reason("advisories-stale", message, [sprintf("%s %s", [a.ecosystem, a.date])]) if {
	ran("vuln")
	some a in input.facts.advisories
	a.present
	a.records > 0
	a.stale
	message := sprintf("the advisories for %s are of %s and older than allowed", [a.ecosystem, a.date])
}

warn contains advisory_reason("advisories-refused", message, [a.ecosystem]) if {
	some a in input.facts.advisories
	a.refused > 0
	message := sprintf("%d of the records for %s could not be read", [a.refused, a.ecosystem])
}

warn contains {
	"rule": "only-added",
	"message": "the base image is not known, so everything was judged as if it had been added",
	"evidence": ["only_added"],
	"remedy": "name the image that this one is built on: --base IMAGE",
} if {
	ran("vuln")
	input.parameters.only_added
	input.image
	not input.image.base
}

advisory_reason(rule, message, evidence) := {
	"rule": rule,
	"message": message,
	"evidence": evidence,
	"remedy": "fetch advisories: tallyman db update",
}
