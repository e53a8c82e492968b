package tallyman.builtin_test

import data.tallyman.builtin

# complete is an input of which nothing is missing.
complete := {
	"stages": ["sbom", "vuln"],
	"snapshot_digest": "sha256:1",
	"parameters": parameters,
	"facts": {
		"components": 1, "image_components": 0, "image_digests": [], "ecosystems": ["PyPI"],
		"advisories": [{"ecosystem": "PyPI", "present": true, "records": 1, "refused": 0, "date": "2026-11-20", "stale": false}],
		"profiles": [], "packages": [], "lint": [], "gaps": [], "exceptions": [], "signatures": [],
	},
}

with_facts(changes) := object.union(complete, {"facts": changes})

rules(reasons) := {r.rule | some r in reasons}

test_complete_has_no_reasons if {
	count(builtin.deny) + count(builtin.undecided) + count(builtin.warn) == 0 with input as complete
}

test_an_empty_input_is_undecided if {
	"nothing-ran" in rules(builtin.undecided) with input as object.union(complete, {"stages": []})
}

test_nothing_found if {
	"nothing-found" in rules(builtin.undecided) with input as with_facts({"components": 0})
}

test_nothing_found_is_no_matter_of_lint if {
	rules(builtin.undecided) == set() with input as object.union(with_facts({"components": 0}), {"stages": ["lint"]})
}

test_nothing_found_in_image if {
	"nothing-found" in rules(builtin.undecided) with input as object.union(complete, {"image": {}})
}

test_hiding_gap if {
	gap := {"kind": "unread", "hides": true, "count": 1, "file": "a", "line": 0, "places": ["a: why"]}
	rules(builtin.undecided) == {"gap"} with input as with_facts({"gaps": [gap]})
}

test_accepted_gap_warns if {
	gap := {"kind": "unread", "hides": true, "count": 1, "file": "a", "line": 0, "places": ["a: why"], "accepted": "accepted: why"}
	rules(builtin.undecided) == set() with input as with_facts({"gaps": [gap]})
	some reason in builtin.warn with input as with_facts({"gaps": [gap]})
	reason.rule == "accepted"
	reason.message == "1 place could not be read (unread): accepted: why"
}

test_gap_of_a_kind_that_no_text_knows if {
	gap := {"kind": "brand-new", "hides": true, "count": 2, "file": "", "line": 0, "places": []}
	some reason in builtin.undecided with input as with_facts({"gaps": [gap]})
	reason.message == "2 places could not be judged (brand-new)"
}

test_ecosystem_absent if {
	rules(builtin.undecided) == {"advisories-absent"} with input as with_facts({"ecosystems": ["PyPI", "npm"]})
}

test_stale if {
	stale := [object.union(complete.facts.advisories[0], {"stale": true})]
	rules(builtin.undecided) == {"advisories-stale"} with input as with_facts({"advisories": stale})
}

test_no_snapshot if {
	rules(builtin.undecided) == {"no-advisories"} with input as object.union(complete, {"snapshot_digest": ""})
}

test_no_snapshot_is_no_matter_of_an_inventory if {
	rules(builtin.undecided) == set() with input as object.union(complete, {"snapshot_digest": "", "stages": ["sbom"]})
}

hint(file) := builtin.gap_remedy({"kind": "unpulled", "file": file}, "do it")

# The hint is what the settings take: the file as a glob that matches it alone.
test_gap_is_accepted_as_the_hint_says if {
	hint("k8s/dep.yaml") == "do it, or accept it in tallyman.yaml (ignore: [{gap: unpulled, file: k8s/dep.yaml, reason: WHY}])"
	hint("a [b], it's*.yaml") == `do it, or accept it in tallyman.yaml (ignore: [{gap: unpulled, file: 'a \[b\], it''s\*.yaml', reason: WHY}])`
	hint("") == "do it"
}
