package tallyman.builtin_test

import data.tallyman.builtin

group := {"rule": "DL3002", "risk": "high", "file": "Dockerfile", "line": 9, "message": "root", "remedy": "USER 1000", "places": ["DL3002 Dockerfile:9"]}

with_group(changes) := with_facts({"lint": [object.union(group, changes)]})

test_lint_high if rules(builtin.deny) == {"lint"} with input as with_group({})

test_lint_without_risk if rules(builtin.deny) == {"lint"} with input as with_group({"risk": ""})

test_lint_medium if {
	rules(builtin.warn) == {"lint"} with input as with_group({"risk": "medium"})
	rules(builtin.deny) == set() with input as with_group({"risk": "medium"})
}

test_lint_suppressed if {
	rules(builtin.warn) == {"suppressed"} with input as with_group({"suppressed": "Dockerfile:8"})
	rules(builtin.deny) == set() with input as with_group({"suppressed": "Dockerfile:8"})
}

test_lint_accepted if {
	rules(builtin.warn) == {"accepted"} with input as with_group({"accepted": "accepted: why"})
	rules(builtin.deny) == set() with input as with_group({"accepted": "accepted: why"})
}
