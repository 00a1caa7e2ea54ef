package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/keyfile"
	"pawl/framing/lowlog"
	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/hw/disk"
	"pawl/receiver/audit"
)

const lowOrigin = "example.org/pawl/low"

// makeLow makes a low side's log of three entries, "low", what its checkpoints were, and logs that were tampered with.
func makeLow(t *testing.T, dir string) {
	t.Helper()
	key, other := merkletest.Key(t, lowOrigin), merkletest.Key(t, lowOrigin)
	must(t, keyfile.SaveAudit(filepath.Join(dir, "low.key"), key, time.Unix(0, 0)))
	true1 := writeLow(t, filepath.Join(dir, "low"), key, lowBodies()...)
	must(t, os.WriteFile(filepath.Join(dir, "roots"), []byte(strings.Join(true1, "\n")), 0o600))
	keep(t, dir, "low", "kept.low")

	bodies := lowBodies()
	bodies[1] = &lowlog.Transfer{ID: "1-0000000000000009", Event: lowlog.Refused, Name: "another"}
	forked := writeLow(t, filepath.Join(dir, "lowforked"), key, append(bodies, bodies...)...)
	writeLow(t, filepath.Join(dir, "lowshort"), key, lowBodies()[:1]...)
	writeLow(t, filepath.Join(dir, "lowresigned"), other, lowBodies()...)
	must(t, os.CopyFS(filepath.Join(dir, "lowedited"), os.DirFS(filepath.Join(dir, "low"))))
	bundle := filepath.Join(dir, "lowedited/tile/entries/000.p/3")
	data, err := os.ReadFile(bundle)
	must(t, err)
	must(t, os.WriteFile(bundle, bytes.Replace(data, []byte("claimed"), []byte("refused"), 1), 0o600))
	must(t, os.CopyFS(filepath.Join(dir, "lowcut"), os.DirFS(filepath.Join(dir, "low"))))
	must(t, os.RemoveAll(filepath.Join(dir, "lowcut/tile/entries")))

	// A high side that heard both of two histories, as a forked sender told them.
	highKey := merkletest.Key(t, "example.org/pawl/high2")
	must(t, keyfile.SaveAudit(filepath.Join(dir, "high2.key"), highKey, time.Unix(0, 0)))
	enter(t, begin(t, filepath.Join(dir, "high2"), highKey), &audit.Witness{Size: 2, Root: true1[1]},
		&audit.Witness{Size: 2, Root: forked[1], Alarm: "another root at the same size"},
		&audit.Witness{Size: 3, Root: true1[2], Alarm: "x"}, &audit.Witness{Alarm: "the low side tells of no audit log any more"})
}

func lowBodies() []lowlog.Body {
	const id = "1-0000000000000007"
	return []lowlog.Body{
		&lowlog.Start{Version: "v1", Config: strings.Repeat("0a", 32)},
		&lowlog.Transfer{ID: id, Event: lowlog.Claimed, Name: "evil\x1b[2J\u202e", Files: 2, Bytes: 700},
		&lowlog.Missed{Entries: 5},
	}
}

// writeLow writes a low side's log, and gives its root at each size from 1.
func writeLow(t *testing.T, path string, key *merkle.Key, bodies ...lowlog.Body) (roots []string) {
	t.Helper()
	must(t, os.Mkdir(path, 0o700))
	folder, err := disk.OpenFolder(path)
	must(t, err)
	defer folder.Close()
	w, _, err := merkle.NewWriter(folder, key)
	must(t, err)
	for i, body := range bodies {
		data, err := lowlog.Append(nil, lowlog.New(time.Date(2026, 11, 3, 12, 0, i, 0, time.UTC), body))
		must(t, err)
		_, err = w.Append(data)
		must(t, err)
		root := w.Checkpoint().Root
		roots = append(roots, hex.EncodeToString(root[:]))
	}
	return roots
}

// lowRoot is the root of the sound low side's log at a size.
func lowRoot(t *testing.T, dir string, size int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "roots"))
	must(t, err)
	all := strings.Split(string(text), "\n")
	if size > len(all) {
		t.Fatal(fmt.Sprint("no root at ", size))
	}
	return all[size-1]
}
