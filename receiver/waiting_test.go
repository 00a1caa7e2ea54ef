package receiver

import (
	"os"
	"path/filepath"
	"testing"

	"pawl/receiver/quarantine"
)

// TestRejectedBytesHoldTheirQuota until they are removed: nobody fills a disk with what is refused. What is released holds none.
func TestRejectedBytesHoldTheirQuota(t *testing.T) {
	store, err := quarantine.Open(filepath.Join(t.TempDir(), "quarantine"))
	must(t, err)
	w := waiting{store: store}
	content := ""
	for n, st := range quarantine.States() {
		dir := store.Dir(st, quarantine.ID{Channel: 1, Transfer: uint64(n + 1)})
		must(t, os.Mkdir(dir, 0o700))
		must(t, os.WriteFile(filepath.Join(dir, quarantine.PlanFile), make([]byte, 10), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, quarantine.ContentFile), make([]byte, 1000), 0o600))
		if st == quarantine.Rejected {
			content = filepath.Join(dir, quarantine.ContentFile)
		}
	}
	w.count()
	if got := w.bytes(1); got != 4*1010+1000 { // incomplete, complete, checking, held; rejected
		t.Errorf("%d octets", got)
	}
	must(t, os.Remove(content))
	w.count()
	if got := w.bytes(1); got != 4*1010 {
		t.Errorf("%d octets after the removal", got)
	}
}
