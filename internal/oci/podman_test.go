package oci

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestPodman reads an image from a real podman, which is started for that in a
// folder of its own. It needs podman and a user who may start it.
func TestPodman(t *testing.T) {
	if os.Getenv("TALLYMAN_PODMAN") == "" {
		t.Skip("TALLYMAN_PODMAN=1 reads an image from a podman that the test starts")
	}
	dir := socketDir(t)
	podman := func(ctx context.Context, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "podman", append([]string{
			"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}, args...)...)
	}
	img := testImage(t, "amd64")
	file := filepath.Join(dir, "image.tar")
	writeTestFile(t, file, saved(t, img))
	if out, err := podman(t.Context(), "load", "-i", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	socket := filepath.Join(dir, "s")
	service := podman(t.Context(), "system", "service", "--time=0", "unix://"+socket)
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { service.Wait(); close(ended) }()
	t.Cleanup(func() {
		service.Process.Kill()
		<-ended
	})
	for { // until it answers, however long it takes: a socket is there before that
		if there, err := net.Dial("unix", socket); err == nil {
			there.Close()
			break
		}
		select {
		case <-ended:
			t.Fatalf("podman's service ended: %v", service.ProcessState)
		case <-time.After(50 * time.Millisecond):
		}
	}
	opts := Options{Getenv: hosts("CONTAINER_HOST", "unix://"+socket, "DOCKER_HOST", "unix://"+socket)}
	opts.Spools, _ = spools(t)
	for _, kind := range []string{"podman:", "docker:"} {
		got := open(t, kind+"example.test/app:1", opts)
		if err := readLayers(got.Image()); err != nil {
			t.Error(err)
		}
		if id := idOf(t, got.Image()); id != idOf(t, img) {
			t.Errorf("%s has the image %s, loaded was %s", kind, id, idOf(t, img))
		}
		if _, err := tryOpen(t, kind+"example.test/none:1", opts); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: an image that is not there: %v", kind, err)
		}
	}
}
