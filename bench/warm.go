package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ballast is memory that the machine has touched and that others can take next: a file in a memory file system that is written
// before a transfer and cut shorter by as much as the transfer takes, so that the memory in use stays the same.
//
// A virtual machine gets its memory from the host page by page at the first touch, and gives it back some seconds after it
// was freed. Measured here, writing a GB to /dev/shm costs 2.7 CPU seconds where the host must find the memory and 0.4 where
// it need not; without ballast that is booked to whatever program writes first, and ballast that is dropped all at once is gone
// before a transfer of more than some seconds gets to it. Where there is no memory file system it does nothing.
type ballast struct {
	file *os.File
	size int64  // octets that it still has
	goal uint64 // octets that shall be free
	stop context.CancelFunc
	done chan error
}

const (
	// ballastLead is what is kept free ahead of whoever writes: more than is written between two looks, and little
	// enough to be used before the host has it back.
	ballastLead = 256 << 20
	// ballastLook is the time between two looks: at 5 GB/s a fifth of the lead.
	ballastLook = 10 * time.Millisecond
	// ballastSpare is what load leaves to the machine.
	ballastSpare = 2 << 30
)

// load writes ballast of so many octets, less if there is no room, and begins to give way.
func load(octets uint64) (*ballast, error) {
	b := &ballast{}
	free, err := freeMemory()
	if err != nil || free <= ballastSpare || !hasMemoryFolder() {
		return b, err
	}
	octets = min(octets+ballastLead, free-ballastSpare)
	if b.file, err = os.CreateTemp(memoryFolder, "pawl-ballast-"); err != nil {
		return nil, fmt.Errorf("warm memory: %w", err)
	}
	// Without a name it is gone whenever this process is.
	err = os.Remove(b.file.Name())
	chunk := make([]byte, 1<<20)
	for err == nil && uint64(b.size) < octets {
		_, err = b.file.Write(chunk)
		b.size += int64(len(chunk))
	}
	if err == nil {
		b.goal, err = freeMemory()
	}
	if err != nil {
		_ = b.file.Close() // the first error is the one to tell
		return nil, fmt.Errorf("warm memory: %w", err)
	}
	b.goal += ballastLead
	ctx, stop := context.WithCancel(context.Background())
	b.stop, b.done = stop, make(chan error, 1)
	go func() { b.done <- b.giveWay(ctx) }()
	return b, nil
}

// giveWay keeps as much memory free as there was.
func (b *ballast) giveWay(ctx context.Context) error {
	tick := time.NewTicker(ballastLook)
	defer tick.Stop()
	for b.size > 0 {
		free, err := freeMemory()
		if err != nil {
			return err
		}
		if free < b.goal {
			b.size = max(0, b.size-int64(b.goal-free))
			if err := b.file.Truncate(b.size); err != nil {
				return fmt.Errorf("warm memory: %w", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// drop gives what is left to whoever wants it. A second call does nothing.
func (b *ballast) drop() error {
	if b == nil || b.file == nil {
		return nil
	}
	b.stop()
	err := <-b.done
	if closed := b.file.Close(); err == nil {
		err = closed
	}
	b.file = nil
	return err
}

// freeMemory is MemFree: what nobody uses, caches included in what is used.
func freeMemory() (uint64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", "meminfo"))
	if err != nil {
		return 0, fmt.Errorf("free memory: %w", err)
	}
	kib, err := strconv.ParseUint(strings.TrimSuffix(procField(string(text), "MemFree"), " kB"), 10, 54)
	if err != nil {
		return 0, fmt.Errorf("free memory: %w", err)
	}
	return kib << 10, nil
}

func hasMemoryFolder() bool {
	info, err := os.Stat(memoryFolder)
	return err == nil && info.IsDir()
}
