# Signatures and attestations of the image, as attest found them.
package tallyman.builtin

required if input.parameters.require_signature

# good: a signature (an attestation is not one) that verified and that speaks
# of this image.
good if {
	some s in input.facts.signatures
	s.status == "verified"
	s.kind == "signature"
	s.speaks
}

deny contains signature_reason("signature", s, message, "is it the right key? If so, find out who replaced the image or its signature, and sign the right digest") if {
	some s in input.facts.signatures
	s.status == "failed"
	message := sprintf("%s does not verify: %s", [signature_name(s), s.reason])
}

deny contains signature_reason("signature-missing", s, message, "sign the image (tallyman sign IMAGE@DIGEST --key FILE) and audit again") if {
	required
	not good
	some s in input.facts.signatures
	s.status == "missing"
	s.kind != "attestation"
	message := sprintf("the image has no %s: %s", [s.name, s.reason])
}

undecided contains signature_reason("signature", s, message, "make the registry and the key reachable, and audit again") if {
	some s in input.facts.signatures
	s.status == "error"
	message := sprintf("signatures could not be checked: %s", [s.reason])
}

undecided contains signature_reason("signature", s, message, "verify the digest that is deployed") if {
	some s in input.facts.signatures
	s.status == "verified"
	not s.speaks
	message := sprintf("%s speaks of %s, which is not the digest audited", [signature_name(s), s.subject])
}

undecided contains signature_reason("signature", s, message, "use the tallyman that wrote this evidence") if {
	some s in input.facts.signatures
	not s.status in {"verified", "failed", "missing", "error", "unchecked"}
	message := sprintf("the signature status %q is not known", [s.status])
}

undecided contains {
	"rule": "signature",
	"message": "a signature is required, and none was checked",
	"evidence": sort(input.facts.image_digests),
	"remedy": "give the key that verifies it (--key FILE), or the identity (--certificate-identity, with --trusted-root)",
} if {
	signature_wanted
	not good
	not spoken_for
}

signature_wanted if required

signature_wanted if {
	"verify" in input.stages
	count(input.facts.signatures) == 0
}

# spoken_for: a reason above says already why there is no good signature.
spoken_for if {
	some s in input.facts.signatures
	s.status in {"failed", "missing", "error"}
}

warn contains signature_reason("signature", s, message, "sign the image, and require it with --require-signature") if {
	not required
	some s in input.facts.signatures
	s.status == "missing"
	message := sprintf("the image has no %s: %s", [s.name, s.reason])
}

warn contains signature_reason("signature", s, message, "give the key or the identity to verify with") if {
	not required
	some s in input.facts.signatures
	s.status == "unchecked"
	message := sprintf("signatures were not checked: %s", [trim_prefix(s.reason, "not checked: ")])
}

signature_reason(rule, s, message, remedy) := {
	"rule": rule,
	"message": message,
	"evidence": [word | some word in [s.digest, s.subject, s.signer]; word != ""],
	"remedy": remedy,
}

signature_name(s) := trim_space(sprintf("the %s %s", [s.name, s.signer]))
