package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/hw/disk"
	"pawl/sender"
)

// auditConfig is the low side's own audit log. It needs no set-up: without a word it is kept in the state folder, under a key
// that the first start makes.
type auditConfig struct {
	Folder string `toml:"folder"` // the log lies in it; default <state>/audit, made when it is not there
	Key    string `toml:"key"`    // file of the log's secret key; default <state>/audit.key, made when it is not there
	Off    bool   `toml:"off"`    // keep none
}

// check refuses what contradicts itself.
func (a *auditConfig) check() error {
	if a.Off && (a.Folder != "" || a.Key != "") {
		return conf.Wrong("audit.off", "true beside a folder or a key: say one of the two")
	}
	return nil
}

// folder and key are where they are.
func (a *auditConfig) folder(state string) string {
	if a.Folder != "" {
		return a.Folder
	}
	return ownFolder(state)
}

// ownFolder and ownKey are made when they are not there; no others are.
func ownFolder(state string) string { return filepath.Join(state, "audit") }
func ownKey(state string) string    { return filepath.Join(state, "audit.key") }

func (a *auditConfig) key(state string) string {
	if a.Key != "" {
		return a.Key
	}
	return ownKey(state)
}

// open opens folder and key; what lies in the state folder by default is made. The log itself is opened when the sender runs, and one that can't be is
// no reason not to send. closes is never nil.
func (a *auditConfig) open(state string) (trail *sender.Trail, closes func() error, err error) {
	closes = func() error { return nil }
	if a.Off {
		return nil, closes, nil
	}
	folder := a.folder(state)
	if folder == ownFolder(state) {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, closes, fmt.Errorf("audit: %w", err)
		}
	}
	key, err := a.secret(state)
	if err != nil {
		return nil, closes, fmt.Errorf("audit: %w", err)
	}
	store, err := disk.OpenFolder(folder)
	if err != nil {
		return nil, closes, fmt.Errorf("audit: %w: make it, with mode 0700", err)
	}
	return sender.NewTrail(store, key), store.Close, nil
}

// secret reads the log's key. The one that nobody named is made at the first start, but never beside a log that is there already: that one
// is another key's.
func (a *auditConfig) secret(state string) (*merkle.Key, error) {
	path := a.key(state)
	key, err := keyfile.AuditKey(path)
	if path != ownKey(state) || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if _, there := os.Lstat(filepath.Join(a.folder(state), "checkpoint")); there == nil {
		return nil, fmt.Errorf("%w: the log in %s was signed with it: bring it back, or move the log away and a new one begins", err, a.folder(state))
	}
	if key, err = merkle.GenerateKey(logName()); err != nil {
		return nil, err
	}
	return key, keyfile.SaveAudit(path, key, time.Now())
}

// logName names a log after the machine: printable ASCII without spaces and plus signs, as a log's name must be.
func logName() string {
	host, err := os.Hostname()
	host = strings.Map(func(r rune) rune {
		if r <= ' ' || r == '+' || r > '~' {
			return -1
		}
		return r
	}, host)
	if err != nil || host == "" {
		host = "localhost"
	}
	return host[:min(len(host), 200)] + "/pawl/low"
}

// checkFolders refuses a folder and a key that can't be had.
func (a *auditConfig) checkFolders(state string) error {
	if a.Off {
		return nil
	}
	if folder := a.folder(state); folder != ownFolder(state) {
		if err := conf.Folder("audit.folder", a.Folder); err != nil {
			return err
		}
	}
	_, err := keyfile.AuditKey(a.key(state))
	if a.key(state) == ownKey(state) && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return conf.At("audit.key", err)
}

// showAudit prints the low side's log for people.
func showAudit(w io.Writer, s *sender.AuditStatus) {
	if s == nil {
		fmt.Fprintln(w, "audit log\tnone is kept")
		return
	}
	fmt.Fprintf(w, "audit log\t%s: %s entries, root %.16s…\n", s.Log, humanize.Comma(s.Size), s.Root)
	if trouble := s.Trouble(); trouble != "" {
		fmt.Fprintf(w, "AUDIT\t%s\n", trouble)
	}
}
