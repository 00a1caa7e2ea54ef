package sender

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
)

// counter hands out numbers that only grow, over restarts too: session numbers and transfer
// ids. The file holds a number that is at least as large as every number ever given.
type counter struct {
	path string
	// lead is how far ahead of what is given the file is written: 0 writes every number
	// before its use; more writes seldom and skips at most lead numbers at a restart.
	lead uint64

	mu           sync.Mutex
	last, stored uint64
}

// openCounter reads the file of a counter; a missing one begins at 0. A file that does not
// hold a number is an error: to begin anew would give numbers a second time.
func openCounter(path string, lead uint64) (*counter, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &counter{path: path, lead: lead}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read counter: %w", err)
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(string(text), "\n"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read counter %q: %w", path, err)
	}
	return &counter{path: path, lead: lead, last: n, stored: n}, nil
}

// take returns max(last+1, floor), and has made sure on disk that it is never given again.
func (c *counter) take(floor uint64) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == math.MaxUint64 {
		return 0, fmt.Errorf("counter %q is used up", c.path)
	}
	n := max(c.last+1, floor)
	if n > c.stored {
		ahead := n + min(c.lead, math.MaxUint64-n)
		if err := writeDurable(c.path, strconv.AppendUint(nil, ahead, 10)); err != nil {
			return 0, fmt.Errorf("store counter: %w", err)
		}
		c.stored = ahead
	}
	c.last = n
	return n, nil
}
