package oci

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/tallyman/tallyman/internal/limit"
)

// Catalog lists the repositories of a registry whose names begin with prefix
// ("" for all), sorted, without the registry's own name. Many public registries
// do not offer this.
// https://distribution.github.io/distribution/spec/api/#listing-repositories
func Catalog(ctx context.Context, registry, prefix string, opts Options) ([]string, error) {
	reg, err := name.NewRegistry(registry, opts.nameOptions(registry)...)
	if err != nil {
		return nil, fmt.Errorf("%q is not the name of a registry (host or host:port)", redact(registry))
	}
	reader, err := opts.session(ctx, redact(registry), reg)
	if err != nil {
		return nil, err
	}
	pages, err := reader.puller.Catalogger(ctx, reg)
	if err != nil {
		return nil, registryError(registry, reg.RegistryStr(), err)
	}
	next := func() ([]string, error) {
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, err
		}
		return page.Repos, nil
	}
	all, err := collect(pages.HasNext, next)
	if err != nil {
		return nil, registryError(registry, reg.RegistryStr(), err)
	}
	return slices.DeleteFunc(all, func(repo string) bool { return !strings.HasPrefix(repo, prefix) }), nil
}

// Tags lists the tags of a repository ("registry.example/app"), sorted.
func Tags(ctx context.Context, repository string, opts Options) ([]string, error) {
	repo, err := name.NewRepository(repository, opts.nameOptions(hostOf(repository))...)
	if err != nil {
		return nil, fmt.Errorf("%q is not the name of a repository (host/path)", redact(repository))
	}
	reader, err := opts.session(ctx, redact(repository), repo)
	if err != nil {
		return nil, err
	}
	pages, err := reader.puller.Lister(ctx, repo)
	if err != nil {
		return nil, registryError(repository, repo.RegistryStr(), err)
	}
	next := func() ([]string, error) {
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, err
		}
		return page.Tags, nil
	}
	all, err := collect(pages.HasNext, next)
	return all, registryError(repository, repo.RegistryStr(), err)
}

// hostOf is what stands before a repository's path.
func hostOf(repository string) string {
	host, _, _ := strings.Cut(repository, "/")
	return host
}

// collect reads pages until there are no more, or too many.
func collect(more func() bool, next func() ([]string, error)) ([]string, error) {
	all := []string{}
	for page := 0; more(); page++ {
		names, err := next()
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
		if len(all) > limit.RegistryNames || page == limit.RegistryPages {
			return nil, fmt.Errorf("the list: %w of %d names", limit.ErrTooLarge, limit.RegistryNames)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
