package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/hw/disk"
	"pawl/receiver/audit"
	"pawl/receiver/release"
)

// program names us in the audit log.
const program = "pawl-release"

// open opens the audit log, to which only entries are added from then on. It stays open as long as the process lives.
func (a *auditConfig) open(log *zap.Logger) (release.Recorder, error) {
	if a.Off {
		log.Warn("audit is off: nothing that is released can be proved later")
		return audit.Off{}, nil
	}
	key, err := keyfile.AuditKey(a.Key)
	if err != nil {
		return nil, err
	}
	folder, err := disk.OpenFolder(a.Folder)
	if err != nil {
		return nil, fmt.Errorf("audit: %w: make it, with mode 0700", err)
	}
	book, begun, err := audit.Open(folder, key, time.Now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Folder, err)
	}
	if begun {
		log.Warn("a new audit log begins: if there was one here before, stop and look where it is", zap.String("folder", a.Folder))
	}
	return book, nil
}

// describe says in a few words where the log is and whose.
func (a *auditConfig) describe() (string, error) {
	if a.Off {
		return "off: nothing that is released can be proved later", nil
	}
	key, err := keyfile.AuditKey(a.Key)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, key %s, in %s", key.Public().Origin(), key.Public().Fingerprint(), a.Folder), nil
}

// peopleProgram is what the file of people is entered as: a configuration of its own.
const peopleProgram = program + ": people"

// begin enters the start and, where they are others than before, the configuration and the people; stopped enters the end.
func (c *config) begin(gate *release.Gate, path string) (stopped func(cause error) error, err error) {
	if _, err := gate.Enter(&audit.Start{Program: program, Version: cli.Version()}); err != nil {
		return nil, err
	}
	if err := c.enterChanges(gate, path); err != nil {
		return nil, err
	}
	return func(cause error) error {
		reason := ""
		if cause != nil {
			reason = audit.Text(cause.Error())
		}
		_, err := gate.Enter(&audit.Stop{Program: program, Reason: reason})
		return err
	}, nil
}

// enterChanges enters what counts from now on and did not before.
func (c *config) enterChanges(gate *release.Gate, path string) error {
	if err := c.enterFile(gate, program, path); err != nil {
		return err
	}
	if c.People == "" {
		return nil
	}
	return c.enterFile(gate, peopleProgram, c.People)
}

// enterFile enters a file that counts, if it is another than before.
func (c *config) enterFile(gate *release.Gate, program, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	now := &audit.Config{Program: program, File: audit.Text(path), Digest: fmt.Sprintf("%x", sha256.Sum256(text))}
	if !c.Audit.Off {
		view, err := c.Audit.view()
		if err != nil {
			return err
		}
		if now.Before, err = audit.LastConfig(view, program); err != nil {
			return fmt.Errorf("%s: %w", c.Audit.Folder, err)
		}
	}
	if now.Before == now.Digest {
		return nil
	}
	_, err = gate.Enter(now)
	return err
}

// view opens the audit log for reading.
func (a *auditConfig) view() (*merkle.View, error) {
	if a.Off {
		return nil, errors.New("audit is off in the configuration: there is no log to prove anything from")
	}
	key, err := keyfile.AuditKey(a.Key)
	if err != nil {
		return nil, err
	}
	view, err := merkle.OpenView(os.DirFS(a.Folder), key.Public())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Folder, err)
	}
	return view, nil
}
