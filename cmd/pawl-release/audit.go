package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/hw/disk"
	"pawl/receiver/audit"
	"pawl/receiver/release"
)

// program names us in the audit log.
const program = audit.ConfigProgram

// openAudit opens the audit log, to which only entries are added from then on. It stays open as long as the process lives.
func (c *config) openAudit(log *zap.Logger) (release.Recorder, error) {
	a := &c.Audit
	if a.Off {
		log.Warn("audit is off: nothing that is released can be proved later")
		return audit.Off{}, nil
	}
	key, folder, err := a.writable()
	if err != nil {
		return nil, err
	}
	book, begun, err := audit.OpenKept(folder, key, keeper{c.Quarantine}, time.Now)
	if errors.Is(err, audit.ErrRolledBack) {
		return nil, fmt.Errorf("%s: %w (kept in %s): nothing is released. Put the newest log back; if there is none, "+
			"pawl-release accept-log --reason TEXT goes on with this one and enters that", a.Folder, err, filepath.Join(c.Quarantine, keptFile))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Folder, err)
	}
	if begun {
		log.Warn("a new audit log begins: if there was one here before, stop and look where it is", zap.String("folder", a.Folder))
	}
	return book, nil
}

// writable opens what is needed to enter something.
func (a *auditConfig) writable() (*merkle.Key, *disk.Folder, error) {
	key, err := keyfile.AuditKey(a.Key)
	if err != nil {
		return nil, nil, err
	}
	folder, err := disk.OpenFolder(a.Folder)
	if err != nil {
		return nil, nil, fmt.Errorf("audit: %w: make it, with mode 0700", err)
	}
	return key, folder, nil
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

// enterChanges enters the files that count from now on and did not before.
func (c *config) enterChanges(gate *release.Gate, path string) error {
	if err := c.enterFile(gate, audit.ConfigProgram, path, c.digests.config); err != nil || c.People == "" {
		return err
	}
	return c.enterFile(gate, audit.PeopleProgram, c.People, c.digests.people)
}

// enterFile enters a file that counts, if it is another than before.
func (c *config) enterFile(gate *release.Gate, program, path, digest string) error {
	now := &audit.Config{Program: program, File: audit.Text(path), Digest: digest}
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
	_, err := gate.Enter(now)
	return err
}

// loadFile reads a file that counts into what into points to, and gives its digest: of the very octets that were read.
func loadFile(path string, into any) (digest string, err error) {
	before, err := fileDigest(path)
	if err == nil {
		err = conf.Load(path, into)
	}
	if err != nil {
		return "", err
	}
	if digest, err = fileDigest(path); err == nil && digest != before {
		err = fmt.Errorf("%s: changed while it was read: try again", path)
	}
	return digest, err
}

func fileDigest(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read configuration: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text)), nil
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
