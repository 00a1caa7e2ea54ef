//go:build linux

// Package vmtest runs test programs of ours under Debian's own kernel, in a virtual machine that has nothing but them.
//
//	host: go test -c, mkfs, initrd ─ qemu ─> machine: this program as the first process ─ mounts ─ each test program on each file system
//	  └──────────────── judges what was said ◄─ serial line ──────────────────────────────────┘
//
// A kernel of a distribution has what the one at hand may not (fs-verity), and lacks what it has (versions of Landlock). A test that
// skips itself there for the want of something says so, and fails here: see run.Must.
package vmtest

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var kernelRoot = flag.String("kernel", "", "a kernel's package, unpacked")

// filesystem is one that tests run on: in memory, or on a disk of its own, which is a file on the host.
type filesystem struct {
	Name, Kind string
	Mebibytes  int64 // of its disk; 0 is memory
	mkfs       []string
}

const disksDir = "/disks"

func (f filesystem) dir() string { return filepath.Join(disksDir, f.Name) }

// Their sizes are such as mkfs takes.
var filesystems = []filesystem{
	{"ext4-verity", "ext4", 128, []string{"mkfs.ext4", "-q", "-b", "4096", "-O", "verity"}},
	{"ext4", "ext4", 128, []string{"mkfs.ext4", "-q", "-b", "4096"}},
	{"btrfs", "btrfs", 256, []string{"mkfs.btrfs", "-q"}},
	{"xfs", "xfs", 320, []string{"mkfs.xfs", "-q"}},
	{"tmpfs", "tmpfs", 0, nil},
	{"ramfs", "ramfs", 0, nil}, // the plainest there is
}

// modules are what the machine needs of its kernel; those that these depend on come along. The first ones are asked for by the name of an algorithm,
// so no other module depends on them.
var modules = []string{"crc32c_generic", "xxhash_generic", "blake2b_generic", "virtio_pci", "virtio_blk", "loop", "ext4", "btrfs", "xfs"}

// programs are what the tests call, from the host's Debian.
var programs = []string{"sh", "bash", "cat", "ls", "head", "grep", "env", "sort", "true", "false", "sleep", "setsid", "mount", "umount", "mkfs.ext4"}

const qemu = "qemu-system-x86_64"

// run is one test program on one file system.
type run struct {
	Name    string
	Package string
	On      string   // the file system of its temporary files; "" is /tmp
	User    bool     // as a user, not as root
	Must    []string // the tests, which must all run and pass
	All     bool     // and all others of the package, which may be skipped
}

func (r run) binary() string { return "/tests/" + strings.ReplaceAll(r.Package, "/", "_") + ".test" }

// tests are those that run, as for -test.run.
func (r run) tests() string {
	if r.All {
		return "."
	}
	return "^(" + strings.Join(r.Must, "|") + ")$"
}

func (r run) tmp() string {
	if r.On == "" {
		return "/tmp"
	}
	return filepath.Join(disksDir, r.On)
}

// What the machine says beside its tests' output.
const (
	kernelMark = "@@kernel "
	beginMark  = "@@begin "
	endMark    = "@@end "
)

// TestUnderDebiansKernel starts the machine and judges each run as a test of its own.
func TestUnderDebiansKernel(t *testing.T) {
	if *kernelRoot == "" {
		t.Skip("starts a virtual machine: make vm")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("the machine is an amd64 one")
	}
	for _, name := range append([]string{qemu, "mkfs.btrfs", "mkfs.xfs"}, programs...) {
		if _, err := exec.LookPath(name); err != nil && os.Getenv("CI") == "true" {
			t.Fatal(err)
		} else if err != nil {
			t.Skip(err)
		}
	}
	said := boot(t)
	_, after, lived := strings.Cut(said, kernelMark)
	if !lived {
		t.Fatalf("the machine did not come so far:\n%s", said)
	}
	version, _, _ := strings.Cut(after, "\n")
	t.Log(version)
	for _, r := range runs() {
		t.Run(r.Name, func(t *testing.T) { judge(t, r, said) })
	}
}

// judge holds what one run said to what it must have done.
func judge(t *testing.T, r run, said string) {
	_, after, begun := strings.Cut(said, beginMark+r.Name+"\n")
	text, after, ended := strings.Cut(after, endMark+r.Name+": ")
	if result, _, _ := strings.Cut(after, "\n"); !begun || !ended || result != "<nil>" {
		t.Errorf("begun %t, ended %t: %s\n%s", begun, ended, result, text)
		return
	}
	results := regexp.MustCompile(`(?m)^--- (PASS|SKIP|FAIL): (\S+)`).FindAllStringSubmatch(text, -1)
	var passed, skipped []string
	for _, m := range results {
		if m[1] == "PASS" {
			passed = append(passed, m[2])
		} else {
			skipped = append(skipped, m[2])
		}
	}
	for _, must := range r.Must {
		if !slices.Contains(passed, must) {
			t.Errorf("%s did not run and pass:\n%s", must, text)
		}
	}
	if len(r.Must) == 0 {
		t.Error("nothing is asked of this run: it can't fail")
	}
	t.Logf("passed: %s; skipped: %s", strings.Join(passed, " "), strings.Join(skipped, " "))
}

// boot makes the machine, lets it live, and gives what it said.
func boot(t *testing.T) string {
	dir := t.TempDir()
	k, err := openKernel(*kernelRoot)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{
		// Emulated, though there may be a /dev/kvm: inside of another virtual machine that one has been seen to hang.
		"-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio", "-nic", "none",
		"-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "1536",
		"-kernel", k.image, "-initrd", build(t, k, dir), "-append", "console=ttyS0 quiet panic=-1",
	}
	for _, f := range filesystems {
		if f.Mebibytes == 0 {
			continue
		}
		image := filepath.Join(dir, f.Name)
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(image, f.Mebibytes<<20); err != nil {
			t.Fatal(err)
		}
		command(t, nil, f.mkfs[0], append(f.mkfs[1:], image)...)
		args = append(args, "-drive", "format=raw,if=virtio,file="+image)
	}
	return strings.ReplaceAll(command(t, nil, qemu, args...), "\r\n", "\n")
}

// build writes the machine's first file system.
func build(t *testing.T, k *kernel, dir string) string {
	r := newInitrd()
	p := plan{Filesystems: filesystems, Runs: runs()}
	var files []string
	var err error
	for _, m := range modules {
		if files, err = k.order(files, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range files {
		at := "/modules/" + filepath.Base(file)
		p.Modules = append(p.Modules, at)
		if err := r.copy(at, file); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range programs {
		if err := r.program(p); err != nil {
			t.Fatal(err)
		}
	}
	static(t, r, "/init", "hw/vmtest", dir)
	for _, each := range p.Runs {
		if !r.has[each.binary()] {
			static(t, r, each.binary(), each.Package, dir)
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	r.put(planFile, text)
	r.put("/etc/passwd", []byte("root:x:0:0:root:/root:/bin/sh\n"))
	r.put("/etc/shadow", []byte("root:*:20000:0:99999:7:::\n"))
	path := filepath.Join(dir, "initrd")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// static adds a package's test program, which needs no library.
func static(t *testing.T, r *initrd, at, pkg, dir string) {
	path := filepath.Join(dir, "test")
	command(t, []string{"CGO_ENABLED=0"}, "go", "test", "-c", "-o", path, "pawl/"+pkg)
	if err := r.copy(at, path); err != nil {
		t.Fatal(err)
	}
}

// command runs one of the host's programs to its end, and gives what it wrote.
func command(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx := t.Context()
	if deadline, ok := t.Deadline(); ok { // what was said until then is worth more than a dump of this process
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, deadline.Add(-10*time.Second))
		defer stop()
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v:\n%s", name, err, out)
	}
	return string(out)
}
