package audit

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy/deploy"
	"github.com/tallyman/tallyman/sbom"
	dockerfilereader "github.com/tallyman/tallyman/sbom/dockerfile"
)

// ImageRole says what an image is to the folder that names it.
type ImageRole string

// The roles, the one that weighs most first: an image that is named in several
// places has the first of theirs.
const (
	// RoleRuns: a service or a container runs it.
	RoleRuns ImageRole = "runs"
	// RoleBase: what a Dockerfile ships is built FROM it.
	RoleBase ImageRole = "base"
	// RoleBuild: only a build uses it, for a stage that is not shipped or to
	// copy files from.
	RoleBuild ImageRole = "build"
	// RoleFrontend: it is the program that reads a Dockerfile ("# syntax=").
	RoleFrontend ImageRole = "frontend"
)

// OnlyBuilds reports whether an image of the role is there for a build alone.
func (r ImageRole) OnlyBuilds() bool { return r == RoleBuild || r == RoleFrontend }

// weight orders roles; one that is not known weighs most.
func (r ImageRole) weight() int {
	return slices.Index([]ImageRole{RoleRuns, RoleBase, RoleBuild, RoleFrontend}, r)
}

// NamedImage is an image that files of a folder name.
type NamedImage struct {
	// Reference is the image as a registry is asked for it, variables replaced
	// by their defaults. It holds no credentials.
	Reference string `json:"reference"`
	// Platform is "os/architecture[/variant]" where the files ask for one, ""
	// otherwise.
	Platform string `json:"platform"`
	// Role is what it is to the folder.
	Role ImageRole `json:"role"`
	// Places name it, sorted.
	Places []ImagePlace `json:"places"`
	// Skipped says why it is not looked for in a registry, "" when it is.
	Skipped string `json:"skipped"`
}

// namesOf are images as a decision names them, nil for none.
func namesOf(images []NamedImage) []string {
	var out []string
	for _, i := range images {
		name := strings.TrimSpace(fmt.Sprintf("%s %s %s", i.Role, i.Reference, i.Platform))
		if i.Skipped != "" {
			name += ": " + i.Skipped
		}
		out = append(out, name)
	}
	return out
}

// ImagePlace is one place that names an image.
type ImagePlace struct {
	// File is relative to the audited folder.
	File string `json:"file"`
	// Line counts from 1.
	Line int `json:"line"`
	// By is what names it there (`service "web"`).
	By string `json:"by"`
}

// String is "FILE:LINE (BY)".
func (p ImagePlace) String() string { return fmt.Sprintf("%s:%d (%s)", p.File, p.Line, p.By) }

// placed is one place and the role that it gives to the image.
type placed struct {
	deploy.Named
	role ImageRole
	// pulled is true where a cluster pulls the image, whoever builds it.
	pulled bool
}

// readImages collects the images that a folder's files name. What its compose
// files and Dockerfiles have wrong otherwise is said where they are judged.
func (s *source) readImages(ctx context.Context, f *Folder, found *tree) error {
	var gaps []sbom.Gap
	builds := map[string][]composeBuild{}
	manifests, more := deploymentFiles(f.FS, found)
	gaps = append(gaps, more...)
	for _, name := range slices.Concat(found.files[composeFile], manifests.composes) {
		src, gap := readManifest(f.FS, name)
		if gap != nil {
			continue // said where compose files are judged
		}
		for _, b := range deploy.ComposeBuilds(name, src) {
			at, gap := s.builtFrom(b, name)
			gaps = append(gaps, gap...)
			builds[at] = append(builds[at], composeBuild{b, name})
			if b.Frontend != "" {
				image := dockerfilereader.Image{Text: b.Frontend, Raw: b.Frontend, Known: true}
				one, more := askedFor(image, deploy.Named{File: name, Line: b.Line, By: "the frontend of " + b.By}, RoleFrontend)
				s.named, gaps = append(s.named, one...), append(gaps, more...)
			}
		}
		images, more := deploy.ComposeImages(name, src)
		gaps = append(gaps, more...)
		for _, n := range images {
			s.named = append(s.named, placed{n, RoleRuns, false})
		}
	}
	for _, name := range sortedKeys(s.dockerfiles) {
		images, more := stageImages(s.dockerfiles[name], builds[name])
		gaps = append(gaps, givenArguments(s.dockerfiles[name], builds[name])...)
		s.named, gaps = append(s.named, images...), append(gaps, more...)
	}
	k := newKustomize(f.FS, f.folderOf())
	for _, name := range manifests.others {
		if err := ctx.Err(); err != nil {
			return err
		}
		k.read(name)
	}
	for _, n := range k.images() {
		s.named = append(s.named, placed{n, RoleRuns, true})
	}
	s.docs = append(s.docs, &sbom.Document{Gaps: slices.Concat(gaps, k.gaps)})
	return nil
}

// deployments are the files that may name images.
type deployments struct {
	// composes are compose files by what they say, others those that may hold
	// Kubernetes objects or the values of a chart.
	composes, others []string
}

// deploymentFiles tells compose files of any name from the rest of YAML, and the
// JSON that may hold Kubernetes objects from data.
func deploymentFiles(fsys fs.FS, found *tree) (d deployments, gaps []sbom.Gap) {
	bounded := func(files []string, what string) []string {
		if len(files) <= limit.DeploymentFiles {
			return files
		}
		gaps = append(gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, fmt.Sprintf("more than %d %s files: the images that the others name are not audited", limit.DeploymentFiles, what)))
		return files[:limit.DeploymentFiles]
	}
	for _, name := range bounded(found.yaml, "YAML") {
		src, gap := readManifest(fsys, name)
		compose := gap == nil && !deploy.IsKustomization(name) && !deploy.IsValues(name) && deploy.RunsServices(name, src)
		if compose {
			d.composes = append(d.composes, name)
		}
		if !compose || deploy.IsKubernetes(src) {
			d.others = append(d.others, name) // what cannot be read is said there
		}
	}
	for _, name := range bounded(found.json, "JSON") {
		src, gap := readManifest(fsys, name)
		if gap == nil && deploy.RunsServices(name, src) {
			d.composes = append(d.composes, name)
		}
		if gap != nil && gap.Kind == sbom.GapTooLarge {
			src = beginning(fsys, name) // most JSON that is as large is data
		}
		if gap != nil && gap.Kind != sbom.GapTooLarge || deploy.MayDeploy(src) {
			d.others = append(d.others, name)
		}
	}
	return d, gaps
}

// beginning is the first part of a file that is too large to be read.
func beginning(fsys fs.FS, name string) []byte {
	f, err := fsys.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, limit.DeploymentHeadBytes)
	n, _ := io.ReadFull(f, head)
	return head[:n]
}

// frontend is the image that a Dockerfile is read by, nil for the builder's own.
// It is a program that runs in the build, and sees all that the build sees.
// https://docs.docker.com/build/buildkit/frontend/#dockerfile-frontend
func frontend(file *dockerfilereader.File) (dockerfilereader.Image, int) {
	line := 1
	for _, c := range file.Comments {
		if strings.HasPrefix(strings.ToLower(c.Text), "syntax") {
			line = c.Line
			break
		}
	}
	name, _, _ := strings.Cut(strings.TrimSpace(file.Syntax), " ")
	return dockerfilereader.Image{Text: name, Raw: name, Known: true}, line
}

// composeBuild is how a service builds from a Dockerfile, and the compose file
// that says so.
type composeBuild struct {
	deploy.Build
	file string
}

// builtFrom is the Dockerfile of a build, or the gap for one that was not read:
// then nobody knows what the service is built on.
func (s *source) builtFrom(b deploy.Build, name string) (string, []sbom.Gap) {
	at := b.Dockerfile
	if path.Base(at) == "Dockerfile" && s.dockerfiles[at] == nil {
		for _, other := range []string{"dockerfile", "Containerfile"} {
			if o := path.Join(path.Dir(at), other); s.dockerfiles[o] != nil {
				at = o
			}
		}
	}
	switch {
	case s.dockerfiles[at] != nil:
		return at, nil
	case at == "":
		return at, []sbom.Gap{sbom.NewGap(sbom.GapUnpulled, name, b.Line, b.By+" is built from what is not a file of this folder, and the images that it is built on are not known")}
	}
	return at, []sbom.Gap{sbom.NewGap(sbom.GapUnpulled, name, b.Line, fmt.Sprintf("%s is built from %q, which was not read, and the images that it is built on are not known", b.By, at))}
}

// shipped are the stages that are in what is built: in the last, or in the
// targets of the builds.
func shipped(file *dockerfilereader.File, builds []composeBuild) map[int]bool {
	out := map[int]bool{}
	for _, stage := range file.Stages {
		if stage.Reach == dockerfilereader.Shipped {
			out[stage.Index] = true
		}
	}
	for _, b := range builds {
		for i, stage := range file.Stages {
			if b.Target == "" || !strings.EqualFold(stage.Name, b.Target) && strconv.Itoa(i) != b.Target {
				continue
			}
			for at := i; at >= 0; at = file.Stages[at].Parent {
				out[at] = true
			}
		}
	}
	return out
}

// givenArguments are the gaps for images that a Dockerfile names by arguments
// which a compose file gives: the default is then not what is built on.
func givenArguments(file *dockerfilereader.File, builds []composeBuild) []sbom.Gap {
	var gaps []sbom.Gap
	for _, b := range builds {
		for _, stage := range file.Stages {
			if stage.From == nil {
				continue
			}
			for _, arg := range b.Args {
				if namesVariable(stage.From.Original, arg) {
					gaps = append(gaps, sbom.NewGap(sbom.GapUnpulled, b.file, b.Line, fmt.Sprintf(
						"%s gives the argument %s, by which the image of stage %q in %s is named: the image of its default is audited, and not this one", b.By, arg, stage.Label(), path.Base(file.Name))))
				}
			}
		}
	}
	return gaps
}

// namesVariable reports whether a text has $name or ${name...}.
func namesVariable(text, name string) bool {
	for rest := text; name != ""; {
		_, after, found := strings.Cut(rest, "$")
		if !found {
			return false
		}
		rest = after
		end, is := strings.CutPrefix(strings.TrimPrefix(after, "{"), name)
		if is && (end == "" || end[0] != '_' && !('0' <= end[0] && end[0] <= '9') && !('a' <= end[0]|0x20 && end[0]|0x20 <= 'z')) {
			return true
		}
	}
	return false
}

// platformName is a platform that an image can have; a Dockerfile may have a
// variable of the builder's there.
var platformName = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?$`)

// askedFor is an image as a registry is asked for it, named at one place, or the
// gap that says why it is not; neither of scratch.
func askedFor(image dockerfilereader.Image, at deploy.Named, role ImageRole) ([]placed, []sbom.Gap) {
	at.Reference = strings.TrimPrefix(image.Text, "docker-image://")
	safe, secret := deploy.SafeReference(at.Reference)
	why := ""
	switch {
	case image.Scratch():
		return nil, nil
	case !image.Known:
		why = fmt.Sprintf(", %q, is named by a variable without a default", sbom.RedactText(image.Raw))
	case secret:
		why = fmt.Sprintf(", %q, has credentials in its name, and is not asked for", safe)
	case at.Reference == "" || len(at.Reference) > limit.ImageReferenceBytes:
		why = " has no name that a registry can have"
	default:
		return []placed{{at, role, false}}, nil
	}
	return nil, []sbom.Gap{sbom.NewGap(sbom.GapUnpulled, at.File, at.Line, "the image of "+at.By+why)}
}

// stageImages are the images that the stages of a Dockerfile are built FROM,
// and those that files are copied or mounted from.
func stageImages(file *dockerfilereader.File, builds []composeBuild) ([]placed, []sbom.Gap) {
	var out []placed
	var gaps []sbom.Gap
	add := func(image dockerfilereader.Image, line int, platform, by string, role ImageRole) {
		one, gap := askedFor(image, deploy.Named{Platform: platform, File: file.Name, Line: line, By: by}, role)
		out, gaps = append(out, one...), append(gaps, gap...)
	}
	if image, line := frontend(file); image.Text != "" {
		add(image, line, "", "the frontend", RoleFrontend)
	}
	ships := shipped(file, builds)
	for _, stage := range file.Stages {
		role, platform := RoleBuild, ""
		if ships[stage.Index] {
			role = RoleBase
		}
		if platformName.MatchString(stage.Platform) {
			platform = stage.Platform
		}
		if stage.From != nil && stage.Parent < 0 {
			add(stage.Base, stage.Line(), platform, fmt.Sprintf("FROM of stage %q", stage.Label()), role)
		}
		for _, use := range stage.Uses {
			if use.Stage < 0 {
				add(use.Image, use.Instruction.Line, "", fmt.Sprintf("%s of stage %q", use.Instruction.Name, stage.Label()), RoleBuild)
			}
		}
	}
	return out, gaps
}

// images are the images that the files name, each once, sorted, at most as many
// as are audited together. Paths are seen from dir.
func (s *source) images(dir string) ([]NamedImage, []sbom.Gap) {
	built := s.builtHere()
	byName, pulled := map[[2]string]*NamedImage{}, map[[2]string]bool{}
	for _, n := range s.named {
		key := [2]string{n.Reference, n.Platform}
		image := byName[key]
		if image == nil {
			image = &NamedImage{Reference: n.Reference, Platform: n.Platform, Role: n.role}
			byName[key] = image
		}
		if n.role.weight() < image.Role.weight() {
			image.Role = n.role
		}
		image.Places = append(image.Places, ImagePlace{File: relative(dir, n.File), Line: n.Line, By: n.By})
		if by, is := built[builtName(n.Named)]; is {
			image.Skipped = fmt.Sprintf("%s builds it (%s:%d), so that no registry has what runs", by.By, relative(dir, by.File), by.Line)
		} else {
			pulled[key] = true
		}
	}
	for key := range pulled {
		byName[key].Skipped = ""
	}
	out := make([]NamedImage, 0, len(byName))
	for _, image := range byName {
		slices.SortFunc(image.Places, func(x, y ImagePlace) int {
			return cmp.Or(strings.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line), strings.Compare(x.By, y.By))
		})
		image.Places = slices.Compact(image.Places)
		out = append(out, *image)
	}
	slices.SortFunc(out, func(x, y NamedImage) int {
		return cmp.Or(strings.Compare(x.Reference, y.Reference), strings.Compare(x.Platform, y.Platform))
	})
	if len(out) <= limit.NamedImages {
		return out, nil
	}
	gap := sbom.NewGap(sbom.GapTooLarge, "", 0, fmt.Sprintf("the folder names %d images: those after the first %d are not audited", len(out), limit.NamedImages))
	return out[:limit.NamedImages], []sbom.Gap{gap}
}

// builtName names an image among those that compose files of one folder build:
// a file of another folder has nothing to say of it.
func builtName(n deploy.Named) [2]string { return [2]string{path.Dir(n.File), n.Reference} }

// builtHere are the images that are built where they are named, and that no
// cluster pulls.
func (s *source) builtHere() map[[2]string]deploy.Named {
	built := map[[2]string]deploy.Named{}
	for _, n := range s.named {
		if n.Built {
			built[builtName(n.Named)] = n.Named
		}
	}
	for _, n := range s.named {
		if n.pulled {
			maps.DeleteFunc(built, func(_ [2]string, b deploy.Named) bool { return b.Reference == n.Reference })
		}
	}
	return built
}

// folderOf is the folder that paths are shown from.
func (f *Folder) folderOf() string {
	if f.File != "" {
		return path.Dir(f.File)
	}
	return f.Dir
}
