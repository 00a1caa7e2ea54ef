package keyfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/framing/seal"
)

var created = time.Date(2026, 1, 2, 16, 4, 5, 0, time.FixedZone("CET", 3600))

func saveBoth(t *testing.T) (sender, receiver string) {
	t.Helper()
	dir := t.TempDir()
	sender, receiver = filepath.Join(dir, "send.key"), filepath.Join(dir, "receive.key")
	s, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	r, err := seal.GenerateReceiverKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(SaveSender(sender, s, created), SaveReceiver(receiver, r, created)); err != nil {
		t.Fatal(err)
	}
	return sender, receiver
}

func TestSaveLoad(t *testing.T) {
	sender, receiver := saveBoth(t)
	s, err := SenderKey(sender)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := SenderPublic(sender + ".pub"); err != nil || p != s.Public() {
		t.Errorf("sender's public half: %v", err)
	}
	r, err := ReceiverKey(receiver)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := ReceiverPublic(receiver + ".pub"); err != nil || p.String() != r.Public().String() {
		t.Errorf("receiver's public half: %v", err)
	}
	for path, mode := range map[string]fs.FileMode{sender: 0o600, receiver: 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
	text, err := os.ReadFile(sender)
	want := "# pawl sender secret key: keep it on this machine\n# created: 2026-01-02T15:04:05Z\n# fingerprint: " +
		s.Public().Fingerprint() + "\n" + s.Text() + "\n"
	if err != nil || string(text) != want {
		t.Errorf("file %q, want %q", text, want)
	}
	for _, path := range []string{sender, sender + ".pub", receiver, receiver + ".pub"} {
		shown, err := Show(path)
		role := "sender"
		if strings.Contains(path, "receive") {
			role = "receiver"
		}
		if err != nil || shown.Role != role || !strings.HasPrefix(shown.Text, "pawl-"+role+"-public-1:") {
			t.Errorf("show %s: %+v, %v", path, shown, err)
		}
	}
}

// TestSaveNeverOverwrites: whichever of the two files exists, both stay as they were.
func TestSaveNeverOverwrites(t *testing.T) {
	for _, name := range []string{"k", "k.pub"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := seal.GenerateSenderKey()
		if err != nil {
			t.Fatal(err)
		}
		err = SaveSender(filepath.Join(dir, "k"), key, created)
		if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s exists: %v", name, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("%s existed, now there is %v, %v", name, entries, err)
		}
		if text, err := os.ReadFile(filepath.Join(dir, name)); string(text) != "old" {
			t.Errorf("%s is now %q, %v", name, text, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	sender, _ := saveBoth(t)
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o610} {
		if err := os.Chmod(sender, mode); err != nil {
			t.Fatal(err)
		}
		_, err := SenderKey(sender)
		if !errors.Is(err, ErrLoose) || !strings.Contains(err.Error(), `run chmod 600 "`+sender+`"`) {
			t.Errorf("mode %v: %v", mode, err)
		}
		if _, err := Show(sender); !errors.Is(err, ErrLoose) {
			t.Errorf("show with mode %v: %v", mode, err)
		}
	}
	if err := os.Chmod(sender, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := SenderKey(sender); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
	dir := filepath.Dir(sender)
	missing := filepath.Join(dir, "none")
	if _, err := SenderKey(missing); !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), missing) != 1 {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := SenderKey(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := ReceiverKey(sender); !errors.Is(err, seal.ErrKey) || !strings.Contains(err.Error(), sender) {
		t.Errorf("a sender's key as a receiver's: %v", err)
	}
	words := filepath.Join(dir, "words")
	if err := os.WriteFile(words, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Show(words); !errors.Is(err, seal.ErrKey) || !strings.Contains(err.Error(), "neither a comment nor a key") {
		t.Errorf("show words: %v", err)
	}
}
