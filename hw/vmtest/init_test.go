//go:build linux

package vmtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// planFile is in the machine's first file system what it shall do.
const planFile = "/plan.json"

// plan is what the host asks of the machine.
type plan struct {
	Modules     []string // files, in the order in which they can be loaded
	Filesystems []filesystem
	Runs        []run
}

// TestMain is the machine's first process when it has its number, and else the test program that starts the machine.
func TestMain(m *testing.M) {
	if os.Getpid() != 1 {
		os.Exit(m.Run())
	}
	if err := live(); err != nil {
		fmt.Println("init:", err)
	}
	unix.Sync()
	fmt.Println("init: reboot:", unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)) // ends the machine, or says why not
}

// live is the machine's life: it has what a Debian system has that the tests look at, and nothing else.
func live() error {
	for _, m := range []struct{ kind, dir string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}, {"tmpfs", "/run"},
	} {
		if err := mount(m.kind, m.kind, m.dir); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(planFile)
	if err != nil {
		return err
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	for _, name := range p.Modules {
		if err := load(name); err != nil {
			return fmt.Errorf("load %s: %w", name, err)
		}
	}
	disk := 'a'
	for _, f := range p.Filesystems {
		what := f.Kind
		if f.Mebibytes > 0 {
			what = "/dev/vd" + string(disk)
			disk++
		}
		if err := mount(what, f.Kind, f.dir()); err != nil {
			return err
		}
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	landlock, _, _ := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	fmt.Printf("%s%s, %s, Landlock %d\n", kernelMark, unix.ByteSliceToString(name.Release[:]), unix.ByteSliceToString(name.Version[:]), int(landlock))
	for _, r := range p.Runs {
		fmt.Println(beginMark + r.Name)
		fmt.Printf("%s%s: %v\n", endMark, r.Name, perform(r))
	}
	return nil
}

// nobody is the number of Debian's user who has nothing.
const nobody = 65534

// perform runs a test program, with its temporary files on its file system.
func perform(r run) error {
	cmd := exec.Command(r.binary(), "-test.v", "-test.short", "-test.run="+r.tests(), "-test.timeout=10m")
	cmd.Dir = "/tmp"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "TMPDIR=" + r.tmp()}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if r.User {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return cmd.Run()
}

func mount(what, kind, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(what, dir, kind, 0, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", what, dir, err)
	}
	if filepath.Dir(dir) == "/" && kind == "tmpfs" || filepath.Dir(dir) == disksDir {
		return os.Chmod(dir, 0o1777)
	}
	return nil
}

func load(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), "", 0)
}
