package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Named is a place of a deployment file that names a container image.
type Named struct {
	// Reference is the image as a registry would be asked for it, with the
	// defaults of variables put in. It never holds credentials.
	Reference string
	// Platform is "os/architecture[/variant]" where the place asks for one, ""
	// otherwise.
	Platform string
	// File and Line are the place; lines count from 1.
	File string
	Line int
	// By is what names it: `service "web"`, `container "app" of Deployment "web"`.
	By string
	// Built is true when the place builds the image under that name, so that
	// no registry has what will run.
	Built bool
}

// ComposeImages returns the images that the services of a compose file run, in
// the order of the file. Variables have their defaults, and nothing but these:
// neither the environment nor the file .env is asked, because whoever writes
// the compose file could send what stands there to a registry of his own by
// putting it into the name of an image. A variable without a default is a Gap.
// What else is wrong with the file [CheckCompose] says.
// https://docs.docker.com/reference/compose-file/services/#image
func ComposeImages(name string, data []byte) ([]Named, []sbom.Gap) {
	n := &namer{compose: compose{file: name}}
	if len(data) > limit.ManifestBytes {
		return nil, nil // CheckCompose has the gap
	}
	err := documentsOf(name, data, func(root *yaml.Node) {
		for key, services := range n.mapping(root) {
			if key.Value != "services" {
				continue
			}
			for service, body := range n.mapping(services) {
				n.service(service.Value, body)
			}
		}
	})
	if err != nil && !IsCompose(name) {
		n.gap(sbom.GapUnpulled, 0, fmt.Sprintf("the services cannot be read to their end, and the images that they run are not known: %s", err))
	}
	return n.named, n.found()
}

// namer collects the images that one file names.
type namer struct {
	compose
	named []Named
	// visited are the nodes that were searched; aliases lead to one again.
	visited map[*yaml.Node]bool
	// custom is true in an object of a kind that others define, and taken are the
	// images of its containers.
	custom bool
	taken  map[*yaml.Node]bool
}

// found are the gaps about images. Those about the file's form are left to who
// checks the file.
func (n *namer) found() []sbom.Gap {
	out := slices.DeleteFunc(n.gaps, func(g sbom.Gap) bool { return g.Kind != sbom.GapUnpulled })
	slices.SortFunc(out, sbom.CompareGaps)
	return slices.Compact(out)
}

// documents calls visit with the root of each document, up to the first that
// is not YAML, whose error it returns.
func documents(data []byte, visit func(root *yaml.Node)) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(document.Content) == 1 {
			visit(document.Content[0])
		}
	}
}

func (n *namer) service(name string, body *yaml.Node) {
	by := fmt.Sprintf("service %q", sbom.RedactText(name))
	var image *yaml.Node
	n.once(body, "image", by)
	platform, built, pulled := "", false, false
	for key, value := range n.mapping(body) {
		switch key.Value {
		case "image":
			image = value
		case "platform":
			platform, _ = interpolated(value.Value)
		case "build":
			built = value.Tag != "!!null"
			n.contextImages(by, value)
		case "pull_policy":
			pulled = pulls(value.Value)
		}
	}
	if image == nil {
		return
	}
	built = built && !pulled
	reference, missing := interpolated(image.Value)
	if !built || missing == "" {
		n.add(Named{Reference: reference, Platform: platform, By: by, Built: built}, image, missing)
	}
}

// pulls reports whether a service asks for the image of a registry even where it
// could be built. A policy that nobody knows does.
// https://docs.docker.com/reference/compose-file/services/#pull_policy
func pulls(policy string) bool { return policy != "" && policy != "build" && policy != "never" }

// contextImages are the images that a build is given beside its context.
// https://docs.docker.com/reference/compose-file/build/#additional_contexts
func (n *namer) contextImages(by string, build *yaml.Node) {
	for key, value := range n.mapping(build) {
		if key.Value != "additional_contexts" {
			continue
		}
		contexts := n.items(value) // a list of NAME=VALUE
		for _, context := range n.mapping(value) {
			contexts = append(contexts, context)
		}
		for _, context := range contexts {
			_, reference, is := strings.Cut(context.Value, "docker-image://")
			if !is {
				continue
			}
			reference, missing := interpolated(reference)
			n.add(Named{Reference: reference, By: "the build of " + by}, context, missing)
		}
	}
}

// add keeps an image, or the gap that says why nobody knows which it is.
func (n *namer) add(one Named, at *yaml.Node, missing string) {
	one.File, one.Line = n.file, at.Line
	safe, secret := SafeReference(one.Reference)
	switch {
	case at.Kind != yaml.ScalarNode:
		n.gap(sbom.GapUnpulled, at.Line, fmt.Sprintf("the image of %s is not a name", one.By))
	case missing != "":
		n.gap(sbom.GapUnpulled, at.Line, fmt.Sprintf("the image of %s is named by the variable %s, which has no default", one.By, missing))
	case one.Reference == "":
		n.gap(sbom.GapUnpulled, at.Line, fmt.Sprintf("the image of %s has no name", one.By))
	case secret:
		n.gap(sbom.GapUnpulled, at.Line, fmt.Sprintf("the image of %s, %q, has credentials in its name, and is not asked for", one.By, safe))
	case len(one.Reference) > limit.ImageReferenceBytes:
		n.gap(sbom.GapUnpulled, at.Line, fmt.Sprintf("the name of the image of %s is longer than %d bytes", one.By, limit.ImageReferenceBytes))
	default:
		n.named = append(n.named, one)
	}
}

// digestTail is the digest at the end of a reference.
// https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
var digestTail = regexp.MustCompile(`@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$`)

// SafeReference removes credentials from the name of an image, and reports
// whether there were any: a registry is asked with those of its keychain, not
// with what a file says.
func SafeReference(reference string) (safe string, credentials bool) {
	name := digestTail.ReplaceAllString(reference, "")
	safe, credentials = sbom.Redact(name)
	return safe + reference[len(name):], credentials
}

// AboutRunning reports whether a rule is about how an image runs, which whoever
// builds on the image decides anew.
func AboutRunning(rule string) bool { return rule == root().ID || rule == healthcheck().ID }
