package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// hostVariable is the variable of the environment that says where an engine is.
// https://docs.docker.com/reference/cli/docker/#environment-variables
// https://docs.podman.io/en/latest/markdown/podman-remote.1.html
func (k Kind) hostVariable() string {
	if k == KindPodman {
		return "CONTAINER_HOST"
	}
	return "DOCKER_HOST"
}

// notRunning says what to do when the engine does not answer. podman writes an
// image without its service.
func (k Kind) notRunning(image string) string {
	hint := fmt.Sprintf("is %s running? %s says where its socket is", k, k.hostVariable())
	if k == KindPodman {
		hint += fmt.Sprintf("; without one: podman save %s | tallyman audit -", image)
	}
	return hint
}

// socket is where the engine that ref names listens: where the environment says,
// else the first of the usual places at which there is something.
func (o Options) socket(ref Ref) (string, error) {
	variable := ref.Kind.hostVariable()
	if host := o.getenv(variable); host != "" {
		scheme, socket, _ := strings.Cut(host, "://")
		if scheme != "unix" || socket == "" {
			return "", &Error{
				Reason: ErrNoDaemon, Err: fmt.Errorf("%s has %q, and only unix sockets are read", variable, redact(host)),
				Hint: fmt.Sprintf("%s save %s | tallyman audit -", ref.Kind, ref.Name),
			}
		}
		return socket, nil
	}
	places := o.sockets(ref.Kind)
	for _, place := range places {
		if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
			return place, nil
		}
	}
	return "", &Error{
		Reason: ErrNoDaemon, Err: fmt.Errorf("there is no %s", strings.Join(places, ", no ")),
		Hint: ref.Kind.notRunning(ref.Name),
	}
}

// sockets are the usual places of an engine's socket, those of the user first
// where the engine itself would look there first.
func (o Options) sockets(kind Kind) []string {
	runtime, home := o.getenv("XDG_RUNTIME_DIR"), o.getenv("HOME")
	var out []string
	add := func(dir, path string) {
		if dir != "" {
			out = append(out, dir+path)
		}
	}
	if kind == KindPodman {
		add(runtime, "/podman/podman.sock")
		return append(out, "/run/podman/podman.sock")
	}
	out = append(out, "/var/run/docker.sock")
	add(runtime, "/docker.sock")
	add(home, "/.docker/run/docker.sock")
	return out
}

func (o Options) getenv(name string) string {
	if o.Getenv == nil {
		return ""
	}
	return o.Getenv(name)
}

func absentSocket(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

func deniedSocket(err error) bool { return errors.Is(err, fs.ErrPermission) }
