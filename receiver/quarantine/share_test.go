package quarantine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The users of TestTwoUsers: nobody's here, and nobody has to be told of them.
const (
	receives = 64101
	releases = 64102
	stranger = 64103
	together = 64100 // their group
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "as" {
		syscall.Umask(0o007)
		name, root, _ := strings.Cut(os.Args[2], " ")
		if err := parts[name](root); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// parts are what the programs of the high side do, each as a user of its own.
var parts = map[string]func(root string) error{
	"receive": func(root string) error {
		s, err := Open(root)
		if err != nil {
			return err
		}
		id := ID{Channel: 1, Transfer: 7}
		dir, err := s.Create(id)
		if err != nil {
			return err
		}
		for _, name := range []string{PlanFile, ContentFile, ProofFile, NoteFile} {
			if err := WriteFile(dir, name, []byte("x")); err != nil {
				return err
			}
		}
		return errors.Join(s.Record(id, Incoming, Event{Who: "pawl-receive", From: Incoming, To: Complete}), s.Move(id, Incoming, Complete))
	},
	"release": func(root string) error {
		s, err := Open(root)
		if err != nil {
			return err
		}
		id := ID{Channel: 1, Transfer: 7}
		lock, err := s.Lock(id, Complete)
		if err != nil {
			return err
		}
		defer lock.Unlock()
		for _, to := range []State{Checking, Held, Checking, Released} {
			from, err := s.Find(id)
			if err != nil {
				return err
			}
			if err := errors.Join(s.Record(id, from, Event{Who: "pawl-release", From: from, To: to}), s.Move(id, from, to)); err != nil {
				return err
			}
		}
		dir := s.Dir(Released, id)
		return errors.Join(WriteFile(dir, "verdict.json", []byte("{}")), RemoveFile(dir, ContentFile))
	},
	"look": func(root string) error {
		s, err := Open(root)
		if err != nil {
			return err
		}
		id := ID{Channel: 1, Transfer: 7}
		if st, err := s.Find(id); err != nil || st != Released {
			return fmt.Errorf("is %s, %w", st, err)
		}
		if _, err := s.Create(id); !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("came back: %w", err)
		}
		events, err := s.History(id, Released)
		if err != nil || len(events) != 5 {
			return fmt.Errorf("history %v, %w", events, err)
		}
		return nil
	},
}

// as runs one of the parts as a user.
func as(t *testing.T, part, root string, user uint32, groups ...uint32) error {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "as", part+" "+root)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user, Groups: groups}}
	cmd.Dir, cmd.Env = "/", []string{"GORACE=atexit_sleep_ms=0"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// TestTwoUsers: pawl-receive and pawl-release each have a user of their own and share the quarantine by a group; nobody else gets in.
func TestTwoUsers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run programs as other users")
	}
	above, err := os.MkdirTemp("", "share") // t.TempDir is root's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(above) })
	root := filepath.Join(above, "quarantine")
	if err := errors.Join(os.Chmod(above, 0o711), os.Mkdir(root, 0o700), os.Chown(root, 0, together), os.Chmod(root, fs.ModeSetgid|0o770)); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		part string
		user uint32
	}{{"receive", receives}, {"release", releases}, {"look", receives}} {
		if err := as(t, one.part, root, one.user, together); err != nil {
			t.Fatalf("%s: %v", one.part, err)
		}
	}
	if err := as(t, "look", root, stranger); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a stranger: %v", err)
	}
	// What would stop the other's moves later is said at the start.
	if err := os.Chmod(filepath.Join(root, string(Complete)), fs.ModeSetgid|0o700); err != nil {
		t.Fatal(err)
	}
	if err := as(t, "look", root, receives, together); err == nil || !strings.Contains(err.Error(), "chmod g+rwx") {
		t.Errorf("a folder that is not the group's: %v", err)
	}
}

// TestSharedNeedsAnUmask: a program that would make folders which the other can't move says so.
func TestSharedNeedsAnUmask(t *testing.T) {
	root := filepath.Join(t.TempDir(), "q")
	if err := errors.Join(os.Mkdir(root, 0o700), os.Chmod(root, 0o770)); err != nil {
		t.Fatal(err)
	}
	before := syscall.Umask(0o022)
	_, err := Open(root)
	syscall.Umask(before)
	if !errors.Is(err, ErrShared) || !strings.Contains(err.Error(), "UMask=0007") {
		t.Errorf("with the umask 0022: %v", err)
	}
}
