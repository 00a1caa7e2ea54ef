package sftp

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
)

// TestPut: a file is in the outbox when its close was answered, and not before.
func TestPut(t *testing.T) {
	in := begin(t, nil)
	c, _ := in.client()
	f, err := c.OpenFile("/report.txt", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("first half, ")); err != nil {
		t.Fatal(err)
	}
	in.only("outbox")
	if info, err := c.Stat("report.txt"); err != nil || info.Size() != 12 || info.Name() != "report.txt" {
		t.Errorf("stat while it is written: %v, %v", info, err)
	}
	at := time.Unix(1_700_000_000, 0)
	if _, err := f.Write([]byte("second half")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Chtimes("report.txt", at, at), f.Close()); err != nil {
		t.Fatal(err)
	}
	in.only("outbox", "report.txt", "first half, second half")
	in.only("sftp/alice")
	info, err := os.Stat(filepath.Join(in.folder, "outbox/report.txt"))
	if err != nil || !info.ModTime().Equal(at) || info.Mode().Perm() != 0o644 {
		t.Errorf("in the outbox: %v %v", info, err)
	}
	// Clients ask for the size of what they have just sent.
	if info, err := c.Stat("report.txt"); err != nil || info.Size() != 23 {
		t.Errorf("stat after: %v, %v", info, err)
	}
	if list, err := c.ReadDir("/"); err != nil || len(list) != 0 {
		t.Errorf("list: %v, %v", list, err)
	}
}

// TestCutAndResume: what a cut leaves is not in the outbox, and the next connection goes on.
func TestCutAndResume(t *testing.T) {
	in := begin(t, nil)
	c, conn := in.client()
	f, err := c.OpenFile("big", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	st := in.stores["alice"]
	in.eventually("the end of the session", func() bool { st.mu.Lock(); defer st.mu.Unlock(); return st.present == 0 })
	in.only("outbox")
	in.only("sftp/alice", partPrefix+"big", "0123456789")

	c, _ = in.client()
	info, err := c.Stat("big")
	if err != nil || info.Size() != 10 {
		t.Fatalf("stat: %v, %v", info, err)
	}
	if f, err = c.OpenFile("big", os.O_WRONLY|os.O_CREATE); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("abc"), info.Size()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	in.only("outbox", "big", "0123456789abc")
	if st.octets != 0 || st.entries != 0 {
		t.Errorf("%d octets in %d entries are counted, none are left", st.octets, st.entries)
	}
}

// TestRename: names that clients use while they write stay, and go when they get their own.
func TestRename(t *testing.T) {
	in := begin(t, nil)
	c, _ := in.client()
	if err := in.put(c, "x.part", "whole"); err != nil {
		t.Fatal(err)
	}
	in.only("outbox")
	if err := c.Rename("x.part", "x"); err != nil {
		t.Fatal(err)
	}
	in.only("outbox", "x", "whole")
	// The outbox has one of the name: told, kept, and sent when there is room.
	if err := in.put(c, "x", "second"); err == nil || !strings.Contains(err.Error(), "still waits in the outbox") {
		t.Errorf("a second x: %v", err)
	}
	in.only("outbox", "x", "whole")
	in.only("sftp/alice", "x", "second")
	if err := os.Remove(filepath.Join(in.folder, "outbox/x")); err != nil {
		t.Fatal(err)
	}
	in.eventually("the second x", func() bool { return in.tree("outbox")["x"] == "second" })
}

// TestFolder: a folder goes to the outbox as a whole, when its user has left and all in it is whole.
func TestFolder(t *testing.T) {
	in := begin(t, nil)
	c, conn := in.client()
	if err := errors.Join(c.MkdirAll("d/sub"), in.put(c, "d/a", "1"), in.put(c, "d/sub/b", "2")); err != nil {
		t.Fatal(err)
	}
	f, err := c.OpenFile("d/c", os.O_WRONLY|os.O_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	st := in.stores["alice"]
	in.eventually("the end of the session", func() bool { st.mu.Lock(); defer st.mu.Unlock(); return st.present == 0 })
	st.tidy(time.Now().Add(time.Hour))
	st.tidy(time.Now().Add(2 * time.Hour))
	in.only("outbox")
	c, conn = in.client()
	if err := in.put(c, "d/c", "whole"); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	in.eventually("the folder", func() bool { return len(in.tree("outbox")) == 3 })
	in.only("outbox", "d/a", "1", "d/sub/b", "2", "d/c", "whole")
	in.only("sftp/alice")
	st.tidy(time.Now())
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.octets != 0 || st.entries != 0 {
		t.Errorf("%d octets in %d entries are counted, none are left", st.octets, st.entries)
	}
}

// TestFilesOfFolders: with group = "file" each goes by itself.
func TestFilesOfFolders(t *testing.T) {
	in := begin(t, func(c *Config) { c.Users[0].Files = true })
	c, _ := in.client()
	if err := errors.Join(c.MkdirAll("d/sub"), in.put(c, "d/sub/b", "2")); err != nil {
		t.Fatal(err)
	}
	in.only("outbox", "d/sub/b", "2")
}

// TestNothingBack: no read, no link, no mode, no sight of other files.
func TestNothingBack(t *testing.T) {
	in := begin(t, nil)
	c, _ := in.client()
	if err := errors.Join(in.put(c, "mine.part", "text"), os.WriteFile(filepath.Join(in.folder, "outbox/other"), []byte("x"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"read":          func() error { _, err := c.Open("mine.part"); return err },
		"read other":    func() error { _, err := c.Open("other"); return err },
		"stat other":    func() error { _, err := c.Stat("other"); return err },
		"stat outside":  func() error { _, err := c.Stat("/../../outbox/other"); return err },
		"symlink":       func() error { return c.Symlink("/etc/passwd", "link") },
		"hard link":     func() error { return c.Link("mine.part", "link") },
		"read link":     func() error { _, err := c.ReadLink("mine.part"); return err },
		"chmod":         func() error { return c.Chmod("mine.part", 0o4777) },
		"chown":         func() error { return c.Chown("mine.part", 0, 0) },
		"remove root":   func() error { return c.RemoveDirectory("/") },
		"rename root":   func() error { return c.Rename("/", "/x") },
		"write root":    func() error { return in.put(c, "/", "x") },
		"our prefix":    func() error { return in.put(c, partPrefix+"x", "x") },
		"our folder":    func() error { return c.Mkdir(".pawl-x") },
		"device name":   func() error { return in.put(c, "CON", "x") },
		"control":       func() error { return in.put(c, "a\nb", "x") },
		"backslash":     func() error { return in.put(c, `..\x`, "x") },
		"no utf-8":      func() error { return in.put(c, "\xff", "x") },
		"long name":     func() error { return in.put(c, strings.Repeat("n", maxNewName+1), "x") },
		"deep":          func() error { return in.put(c, strings.Repeat("d/", 200)+"x", "x") },
		"no folder":     func() error { return in.put(c, "none/x", "x") },
		"rename out":    func() error { return c.Rename("mine.part", "../../CON") },
		"over a file":   func() error { return c.Mkdir("mine.part") },
		"as a folder":   func() error { return in.put(c, "mine.part/x", "x") },
		"huge offset":   func() error { return writeAt(c, "hole", 1<<62) },
		"beyond offset": func() error { return writeAt(c, "hole2", -1) },
	} {
		if err := do(); err == nil {
			t.Errorf("%s: was done", name)
		}
	}
	in.only("outbox", "other", "x")
	list, err := c.ReadDir("/")
	for _, info := range list {
		if n := info.Name(); n != "mine.part" && n != "hole" && n != "hole2" {
			t.Errorf("list shows %q", n)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// writeAt writes far out and leaves without a close that counts.
func writeAt(c *sftp.Client, name string, at int64) error {
	f, err := c.OpenFile(name, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("x"), at)
	if err != nil {
		return err
	}
	return f.Close()
}
