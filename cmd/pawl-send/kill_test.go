package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"pawl/cmd/internal/keyfile"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/link"
	"pawl/hw/watch"
	"pawl/receiver"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// kills is how often TestKilled kills; make soak asks for 200.
var kills = flag.Int("kills", 20, "how often the real sender is killed")

// killed is a real pawl-send that is killed again and again, and a high side that is not.
type killed struct {
	t      *testing.T
	rng    *rand.Rand
	dir    string
	config string
	store  *quarantine.Store
	want   map[string]string // by path in the inbox
	tops   int
	stops  []func()
}

// high starts the receiver and the gate, and returns the port it listens on.
func (k *killed) high(key *seal.SenderKey, to *seal.ReceiverKey) string {
	const datagram = 1408 + framing.Overhead
	reader, err := link.Listen(link.ReaderConfig{Listen: "127.0.0.1:0", DatagramSize: datagram, ReceiveBuffer: 8 << 20})
	k.must(err)
	k.must(os.Mkdir(filepath.Join(k.dir, "inbox"), 0o755))
	k.store, err = quarantine.Open(filepath.Join(k.dir, "quarantine"))
	k.must(err)
	recv, err := receiver.New(receiver.Config{
		Store: k.store, StateDir: k.t.TempDir(), Mode: seal.ModeAESGCM, Key: to, Sender: key.Public(), DatagramSize: datagram,
		Channels: []receiver.Channel{{ID: 1, Name: "one", MaxTransfers: 10_000}}, Idle: time.Minute,
	})
	k.must(err)
	gate := release.NewGate(k.store, key.Public(), []release.Channel{{ID: 1, Name: "one", Inbox: filepath.Join(k.dir, "inbox"), Release: release.Auto}}, "test", zap.NewNop())
	k.run(func(ctx context.Context) error { return recv.Run(ctx, reader) })
	k.run(func(ctx context.Context) error { return release.NewDaemon(gate, 50*time.Millisecond).Run(ctx, nil) })
	return reader.LocalAddr().String()
}

func (k *killed) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k *killed) run(part func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := part(ctx); err != nil {
			k.t.Error(err)
		}
	}()
	k.stops = append(k.stops, func() { cancel(); <-done })
}

// drop moves a new file or tree into the outbox.
func (k *killed) drop() {
	k.tops++
	name := fmt.Sprintf("%04d", k.tops)
	fill := func(path string, most int) {
		text := make([]byte, k.rng.IntN(most))
		for i := range text {
			text[i] = byte(k.rng.Uint32())
		}
		at := filepath.Join(k.dir, "making", path)
		k.must(os.MkdirAll(filepath.Dir(at), 0o755))
		k.must(os.WriteFile(at, text, 0o644))
		k.want[path] = string(text)
	}
	switch k.rng.IntN(4) {
	case 0:
		fill(name, 3_000_000)
	case 1:
		for i := range 1 + k.rng.IntN(30) {
			fill(fmt.Sprintf("%s/sub %d/file", name, i), 20_000)
		}
	case 2:
		fill(name, 1) // nothing in it
	default:
		fill(name, 2000)
	}
	k.must(os.Rename(filepath.Join(k.dir, "making", name), filepath.Join(k.dir, "one/outbox", name)))
}

// once runs the program for some time and kills it.
func (k *killed) once(d time.Duration) {
	cmd := exec.Command("pawl-send", "run", "-c", k.config)
	var said bytes.Buffer
	cmd.Stderr = &said
	k.must(cmd.Start())
	late := time.AfterFunc(d, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		k.t.Fatalf("it ended by itself: %v\n%s", err, said.String())
	}
}

// released waits until all is in the inbox.
func (k *killed) released() {
	folder, err := watch.Open(filepath.Join(k.dir, "inbox"))
	k.must(err)
	defer folder.Close()
	late := time.AfterFunc(2*time.Minute, func() { folder.Close() })
	defer late.Stop()
	for {
		entries, err := os.ReadDir(filepath.Join(k.dir, "inbox"))
		k.must(err)
		n := 0
		for _, e := range entries {
			if e.Name()[0] != '.' {
				n++
			}
		}
		if n >= k.tops {
			return
		}
		if _, err := folder.Next(); err != nil {
			k.t.Fatalf("%d of %d arrived: %v", n, k.tops, err)
		}
	}
}

// TestKilled kills the real program at random instants during a queue of mixed files that
// are sent twice. In the end each file is released exactly once, identical, and the sender
// has each in sent/.
func TestKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d kills", seed, *kills)
	k := &killed{t: t, rng: rand.New(rand.NewPCG(seed, 0)), dir: t.TempDir(), want: map[string]string{}}
	key, err := seal.GenerateSenderKey()
	k.must(err)
	to, err := seal.GenerateReceiverKey()
	k.must(err)
	k.must(keyfile.SaveSender(filepath.Join(k.dir, "send.key"), key, time.Now()))
	k.must(keyfile.SaveReceiver(filepath.Join(k.dir, "receive.key"), to, time.Now()))
	k.must(os.MkdirAll(filepath.Join(k.dir, "one/outbox"), 0o755))
	k.must(os.Mkdir(filepath.Join(k.dir, "making"), 0o755))
	remote := k.high(key, to)
	defer func() {
		for _, stop := range k.stops {
			stop()
		}
	}()
	k.config = filepath.Join(k.dir, "pawl-send.toml")
	k.must(os.WriteFile(k.config, fmt.Appendf(nil, `state = %q
key = %q
receiver = %q
[link]
remote = %q
rate = "100Mbit/s"
loss = "1%%"
burst = "2ms"
memory = "2MiB"
[[channel]]
id = 1
name = "one"
folder = %q
passes = 2
pass_gap = "50ms"
`, filepath.Join(k.dir, "state"), filepath.Join(k.dir, "send.key"), filepath.Join(k.dir, "receive.key.pub"), remote, filepath.Join(k.dir, "one")), 0o600))
	for range *kills {
		for range 3 {
			k.drop()
		}
		k.once(time.Duration(k.rng.IntN(500)) * time.Millisecond)
	}
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "pawl-send", "run", "-c", k.config)
	k.must(cmd.Start())
	k.released()
	k.sent()
	stop()
	_ = cmd.Wait() // it was killed once more
	k.judge()
}

// sent waits until the sender has everything in sent/.
func (k *killed) sent() {
	folder, err := watch.Open(filepath.Join(k.dir, "one/sent"))
	k.must(err)
	defer folder.Close()
	late := time.AfterFunc(2*time.Minute, func() { folder.Close() })
	defer late.Stop()
	for {
		entries, err := os.ReadDir(filepath.Join(k.dir, "one/sent"))
		k.must(err)
		if len(entries) >= k.tops {
			return
		}
		if _, err := folder.Next(); err != nil {
			k.t.Fatalf("%d of %d are in sent/: %v", len(entries), k.tops, err)
		}
	}
}

// judge compares what is in the inbox with what was dropped, and counts releases.
func (k *killed) judge() {
	got := 0
	inbox := filepath.Join(k.dir, "inbox")
	k.must(filepath.WalkDir(inbox, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(inbox, path)
		k.must(err)
		text, err := os.ReadFile(path)
		k.must(err)
		if want, ok := k.want[rel]; !ok || want != string(text) {
			k.t.Errorf("%s: %d octets, known %v, want %d", rel, len(text), ok, len(want))
		}
		got++
		return nil
	}))
	if got != len(k.want) {
		k.t.Errorf("%d files released, %d dropped", got, len(k.want))
	}
	for folder, want := range map[string]int{"one/sent": k.tops, "one/claimed": 0, "one/refused": 0, "one/outbox": 0} {
		entries, err := os.ReadDir(filepath.Join(k.dir, folder))
		k.must(err)
		if len(entries) != want {
			k.t.Errorf("%s holds %d, want %d", folder, len(entries), want)
		}
	}
	released, err := os.ReadDir(k.store.Folder(quarantine.Released))
	k.must(err)
	if len(released) != k.tops {
		k.t.Errorf("%d transfers released for %d", len(released), k.tops)
	}
}
