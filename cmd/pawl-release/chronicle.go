package main

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/merkle"
	"pawl/receiver/audit"
	"pawl/receiver/release"
)

// chronicle makes what enters the byte ledger and the low side's checkpoints; nil when no log is kept.
func (c *config) chronicle(gate *release.Gate) (*release.Chronicle, error) {
	if c.Audit.Off {
		return nil, nil
	}
	view, err := c.Audit.view()
	if err != nil {
		return nil, err
	}
	past, err := audit.ReadPast(view, time.Now().Add(-release.AlarmFor))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Audit.Folder, err)
	}
	waiting, err := gate.Waiting()
	if err != nil {
		return nil, err
	}
	if past.Incomplete, err = audit.LastIncomplete(view, waiting); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Audit.Folder, err)
	}
	return release.NewChronicle(gate, c.Quarantine, past), nil
}

// enterPolicies enters each channel's policy that is another than the log tells of.
func (c *config) enterPolicies(gate *release.Gate) error {
	last := map[uint16]string{}
	if !c.Audit.Off {
		view, err := c.Audit.view()
		if err != nil {
			return err
		}
		if last, err = audit.LastPolicies(view); err != nil {
			return fmt.Errorf("%s: %w", c.Audit.Folder, err)
		}
	}
	for _, ch := range c.Channels {
		now := &audit.Policy{Channel: uint16(ch.ID), Name: audit.Text(ch.Name), Before: last[uint16(ch.ID)]}
		if ch.policy != nil {
			digest := ch.policy.Digest()
			now.Digest = fmt.Sprintf("%x", digest[:])
		}
		if now.Digest == now.Before {
			continue
		}
		if _, err := gate.Enter(now); err != nil {
			return err
		}
	}
	return nil
}

// lowAlarm is what the log last said against the low side's log, "" for nothing in the last days. A log that can't be read is
// no reason not to show the rest.
func (a *auditConfig) lowAlarm(now time.Time) string {
	if a.Off {
		return ""
	}
	view, err := a.view()
	if err == nil {
		var alarm *audit.Witness
		var when time.Time
		if alarm, when, err = audit.LastAlarm(view, now.Add(-release.AlarmFor)); err == nil && alarm != nil {
			return "low side's audit log: " + release.AlarmText(alarm.Alarm, when)
		}
	}
	if err != nil && !errors.Is(err, merkle.ErrEmpty) {
		return "the audit log can't be read: " + framing.Printable(err.Error(), longText)
	}
	return ""
}

// enter makes an entry in the name of the person who runs the command.
func (c *config) enter(body audit.Body) error {
	book, err := c.openAudit(zap.NewNop())
	if err == nil {
		_, err = book.Append(osUser(), body)
	}
	return err
}
