package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// file writes a file of so many octets and opens it for reading.
func file(t *testing.T, dir, name string, size int) (*os.File, []byte) {
	t.Helper()
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1: byte(size)}).Read(data)
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, data
}

// hasVerity says whether the file system of a folder has fs-verity.
func hasVerity(t *testing.T, dir string) bool {
	t.Helper()
	f, _ := file(t, dir, "try", 1)
	err := EnableVerity(f)
	f.Close()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	return err == nil
}

func needVerity(t *testing.T, dir string) {
	t.Helper()
	if !hasVerity(t, dir) {
		t.Skipf("the file system of %s has no fs-verity; make vm runs this under a kernel that has it", dir)
	}
}

// verityDigest is the naive twin of the kernel: Documentation/filesystems/fsverity.rst, "Merkle tree" and "fs-verity descriptor".
func verityDigest(data []byte) []byte {
	const block = 4096
	descriptor := make([]byte, 256)
	copy(descriptor, []byte{1, 1, 12}) // version, SHA-256, the block's logarithm
	binary.LittleEndian.PutUint64(descriptor[8:], uint64(len(data)))
	level := data
	for hashed := false; len(data) > 0 && (!hashed || len(level) > sha256.Size); hashed = true {
		var above []byte
		for at := 0; at < len(level); at += block {
			var padded [block]byte
			copy(padded[:], level[at:])
			sum := sha256.Sum256(padded[:])
			above = append(above, sum[:]...)
		}
		level = above
	}
	if len(data) > 0 {
		copy(descriptor[16:], level)
	}
	sum := sha256.Sum256(descriptor)
	return sum[:]
}

// TestVerity: the digest is the one of the content, which reads as it was and can't be changed, by root neither.
func TestVerity(t *testing.T) {
	dir := t.TempDir()
	needVerity(t, dir)
	for _, size := range []int{0, 1, 4096, 4097, 128 * 4096, 128*4096 + 1, 3 << 20} {
		f, data := file(t, dir, "f", size)
		if digest, err := Verity(f); digest != nil || err != nil {
			t.Errorf("%d octets, before: %x, %v", size, digest, err)
		}
		for range 2 { // what has it already is no error
			if err := EnableVerity(f); err != nil {
				t.Fatal(err)
			}
		}
		if digest, err := Verity(f); err != nil || !bytes.Equal(digest, verityDigest(data)) {
			t.Errorf("%d octets: digest %x, want %x (%v)", size, digest, verityDigest(data), err)
		}
		Uncache(f)
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d octets: other content (%v)", size, err)
		}
		if w, err := os.OpenFile(f.Name(), os.O_WRONLY, 0); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%d octets: opened for writing: %v, %v", size, w, err)
		}
		if err := os.Truncate(f.Name(), 0); !errors.Is(err, fs.ErrPermission) && !cuts(t, f) {
			t.Errorf("%d octets: truncated: %v", size, err)
		}
		if err := os.Remove(f.Name()); err != nil {
			t.Error(err)
		}
	}
}

// cuts says whether a file lies on btrfs, which lets its owner truncate what has fs-verity (Linux 6.1): the flag is what forbids it there.
func cuts(t *testing.T, f *os.File) bool {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return st.Type == unix.BTRFS_SUPER_MAGIC
}

// TestVerityOfImmutable: a file can have both, the tree first. After a crash it is asked again for what was protected, and the answer is still yes; of
// a file that has only the flag it is no.
func TestVerityOfImmutable(t *testing.T) {
	dir := t.TempDir()
	needVerity(t, dir)
	both, _ := file(t, dir, "both", 5000)
	flag, _ := file(t, dir, "flag", 5000)
	if err := EnableVerity(both); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{both, flag} {
		needFlag(t, f)
	}
	if err := EnableVerity(both); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(both.Name(), 0); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("truncated: %v", err)
	}
	if err := EnableVerity(flag); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("without a tree: %v", err)
	}
}

func TestVerityRefusesWhatIsWritten(t *testing.T) {
	dir := t.TempDir()
	needVerity(t, dir)
	f, _ := file(t, dir, "f", 5000)
	w, err := os.OpenFile(f.Name(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := EnableVerity(f); !errors.Is(err, unix.ETXTBSY) {
		t.Errorf("while it is open for writing: %v", err)
	}
	w.Close()
	if err := EnableVerity(f); err != nil {
		t.Error(err)
	}
}

// TestVerityBesideChildren: processes that are started at that moment, and have everything until they become another program, are not in the way.
func TestVerityBesideChildren(t *testing.T) {
	dir := t.TempDir()
	needVerity(t, dir)
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := exec.Command("/bin/true").Run(); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 300 {
		f, _ := file(t, dir, "f", 10)
		if err := EnableVerity(f); err != nil {
			t.Error(err)
			break
		}
		f.Close()
		if err := os.Remove(f.Name()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestWithoutVerity: a file system that has none says so, in a way that can be told from a failure.
func TestWithoutVerity(t *testing.T) {
	dir := t.TempDir()
	if hasVerity(t, dir) {
		t.Skip("the file system has fs-verity")
	}
	f, data := file(t, dir, "f", 5000)
	if err := EnableVerity(f); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if digest, err := Verity(f); digest != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%x, %v", digest, err)
	}
	if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, data) {
		t.Errorf("other content (%v)", err)
	}
}

// TestDamagedBlockIsNotRead: with fs-verity, a bit that changes on the disk itself is an error of the read.
func TestDamagedBlockIsNotRead(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 16<<20)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-b", "4096", "-O", "verity", image).CombinedOutput(); err != nil {
		t.Skipf("no ext4 can be made here: %v: %s", err, out)
	}
	dir := t.TempDir()
	mounted := func() bool {
		out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput()
		t.Cleanup(func() { _ = exec.Command("umount", dir).Run() }) // it may be unmounted already
		if err != nil {
			t.Logf("mount: %v: %s", err, out)
		}
		return err == nil
	}
	if !mounted() {
		t.Skip("no file system in a file can be mounted here")
	}
	needVerity(t, dir)
	f, data := file(t, dir, "f", 1<<20)
	if err := EnableVerity(f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
		t.Fatalf("umount: %v: %s", err, out)
	}
	const hit = 100 // the block of 4096 octets that is damaged
	flip(t, image, data[hit*4096:(hit+1)*4096])
	if !mounted() {
		t.Fatal("not mounted a second time")
	}
	f, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	if _, err := f.ReadAt(block, hit*4096); !errors.Is(err, unix.EIO) {
		t.Errorf("a damaged block: %v", err)
	}
	if _, err := f.ReadAt(block, 0); err != nil || !bytes.Equal(block, data[:4096]) {
		t.Errorf("a block that is whole: %v", err)
	}
}

// flip changes one bit of the only place in a file where some octets are.
func flip(t *testing.T, path string, octets []byte) {
	t.Helper()
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(all, octets)
	if at < 0 || bytes.Count(all, octets) != 1 {
		t.Fatal("the content is not found on the disk")
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{all[at] ^ 1}, int64(at)); err != nil {
		t.Fatal(err)
	}
}
