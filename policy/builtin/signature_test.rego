package tallyman.builtin_test

import data.tallyman.builtin

signed := {"status": "verified", "kind": "signature", "name": "signature", "speaks": true, "subject": "sha256:1", "signer": "key", "digest": "", "reason": "why"}

signature_input(changes, must) := object.union(with_facts({"signatures": [object.union(signed, changes)]}), {"parameters": {"require_signature": must}})

test_signature_good if {
	rules(builtin.deny | builtin.undecided | builtin.warn) == set() with input as signature_input({}, true)
}

test_signature_failed if rules(builtin.deny) == {"signature"} with input as signature_input({"status": "failed"}, false)

test_signature_missing if {
	rules(builtin.deny) == {"signature-missing"} with input as signature_input({"status": "missing"}, true)
	rules(builtin.deny) == set() with input as signature_input({"status": "missing"}, false)
}

test_signature_error if {
	rules(builtin.undecided) == {"signature"} with input as signature_input({"status": "error"}, false)
}

test_signature_unchecked_when_required if {
	rules(builtin.undecided) == {"signature"} with input as signature_input({"status": "unchecked"}, true)
}

test_attestation_is_no_signature if {
	rules(builtin.undecided) == {"signature"} with input as signature_input({"kind": "attestation"}, true)
}

test_signature_without_kind_is_none if {
	rules(builtin.undecided) == {"signature"} with input as signature_input({"kind": ""}, true)
}

test_signature_of_another_digest if {
	rules(builtin.undecided) == {"signature"} with input as signature_input({"speaks": false}, true)
}

test_verify_that_says_nothing if {
	rules(builtin.undecided) == {"signature"} with input as object.union(complete, {"stages": ["verify"]})
}
