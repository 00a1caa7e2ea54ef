package nic

import (
	"context"
	"fmt"
	"strings"
)

// Done is one step that was tried.
type Done struct {
	Rule  string `json:"rule"`
	Step  Step   `json:"step"`
	Error string `json:"error,omitempty"`
}

// Mend runs the steps of all findings that are safe to mend unasked and tells of each. The steps of a finding end at
// the first that fails. What it changed lasts until the next boot; read again to see whether it helped.
//
// Safe is what touches only the link's interface or raises a limit, does not stop a link that works, opens nothing, and
// can be taken back by the same command with the old value.
func (m *Machine) Mend(ctx context.Context, findings []Finding) (all []Done) {
	for i := range findings {
		f := &findings[i]
		if !f.Safe || f.Severity == OK {
			continue
		}
		for _, step := range f.Mend {
			done := Done{Rule: f.Rule, Step: step}
			if err := m.do(ctx, step); err != nil {
				done.Error = err.Error()
			}
			all = append(all, done)
			if done.Error != "" {
				break
			}
		}
	}
	return all
}

func (m *Machine) do(ctx context.Context, step Step) error {
	if step.Key == "" {
		_, err := m.Run(ctx, step.Args...)
		return err
	}
	if strings.Contains(step.Key, "..") {
		return fmt.Errorf("%q is no setting", step.Key)
	}
	return m.Set(step.Key, step.Value)
}
