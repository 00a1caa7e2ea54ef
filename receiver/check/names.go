package check

import (
	"fmt"
	"strings"

	"pawl/framing"
)

// names asks again, entry by entry, what the reader of the plan has asked already: a path is
// what an attacker wants most, so that two must fail for one to get through.
type names struct {
	top string
}

func (names) Name() string { return Names }

func (n names) Entry(e *framing.Entry) error {
	if err := framing.CheckPath(e.Path); err != nil {
		return err
	}
	if top, _, _ := strings.Cut(e.Path, "/"); top != n.top {
		return fmt.Errorf("not below %q", n.top)
	}
	return nil
}

func (names) Content([]byte) error { return nil }
func (names) EndFile() error       { return nil }
func (names) End() error           { return nil }
