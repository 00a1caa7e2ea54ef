package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// errNoCPUTime says that the kernel does not keep the account that cpuTime reads.
var errNoCPUTime = errors.New("no CPU time to be had: /proc/self/task/*/schedstat is needed (Linux with CONFIG_SCHED_INFO)")

// cpuTime is what all threads of this process have run, user and system, in nanoseconds of
// the scheduler's own account and not in ticks as /proc/self/stat. The kernel enters a
// thread when it stops running or at the next tick: a caller whose thread does the work
// locks itself to it (runtime.LockOSThread), because then waiting for the helper below makes that thread
// stop. Other threads that run at this moment are entered up to a tick (1 to 10 ms) later.
func cpuTime() (time.Duration, error) {
	parked := make(chan struct{})
	go close(parked)
	<-parked
	files, err := filepath.Glob("/proc/self/task/*/schedstat")
	if err != nil || len(files) == 0 {
		return 0, errors.Join(err, errNoCPUTime)
	}
	var sum time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the thread has ended: Go keeps its threads, but for locked ones whose goroutine ends
		}
		if err != nil {
			return 0, fmt.Errorf("CPU time: %w", err)
		}
		ran, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time: %s: %w", file, err)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}
