package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Machine is what a result was measured on. It names no host: result files travel.
type Machine struct {
	CPU    string    `json:"cpu"`          // model; "" if the system does not say
	Cores  int       `json:"cores"`        // that this process may use
	Memory uint64    `json:"memory_bytes"` // of the machine; 0 if the system does not say
	Kernel string    `json:"kernel"`       // release; "" if the system does not say
	Go     string    `json:"go"`           // version, system and architecture
	Date   time.Time `json:"date"`         // UTC, to the second
}

// ReadMachine describes this machine now. Where there is no /proc, only what Go knows.
func ReadMachine() (Machine, error) {
	m := Machine{
		Cores: runtime.NumCPU(), Go: fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
		Date: time.Now().UTC().Truncate(time.Second),
	}
	cpu, err1 := procText("/proc/cpuinfo")
	memory, err2 := procText("/proc/meminfo")
	kernel, err3 := procText("/proc/sys/kernel/osrelease")
	if err := errors.Join(err1, err2, err3); err != nil {
		return m, fmt.Errorf("read machine: %w", err)
	}
	m.CPU = procField(cpu, "model name")
	m.Kernel = strings.TrimSpace(kernel)
	if kib, ok := strings.CutSuffix(procField(memory, "MemTotal"), " kB"); ok {
		n, err := strconv.ParseUint(kib, 10, 54)
		if err != nil {
			return m, fmt.Errorf("read machine: MemTotal: %w", err)
		}
		m.Memory = n << 10
	}
	return m, nil
}

// procText is a file of /proc, "" where there is none.
func procText(name string) (string, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// procField is what follows "name:" on the first line that has it.
func procField(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Differs lists in words what two machines do not have in common, dates apart.
func (m Machine) Differs(other Machine) (differences []string) {
	for _, f := range []struct{ name, a, b string }{
		{"cpu", m.CPU, other.CPU},
		{"cores", strconv.Itoa(m.Cores), strconv.Itoa(other.Cores)},
		{"memory", strconv.FormatUint(m.Memory>>20, 10) + " MiB", strconv.FormatUint(other.Memory>>20, 10) + " MiB"},
		{"kernel", m.Kernel, other.Kernel},
		{"go", m.Go, other.Go},
	} {
		if f.a != f.b {
			differences = append(differences, fmt.Sprintf("%s: %s, %s", f.name, f.a, f.b))
		}
	}
	return differences
}
