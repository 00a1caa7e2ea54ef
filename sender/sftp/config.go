package sftp

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"go.uber.org/zap"
	"golang.org/x/crypto/ssh"
)

// Defaults of Config.
const (
	DefaultConnections = 32
	DefaultOpenFiles   = 32
	DefaultIdle        = 5 * time.Minute
	DefaultReserve     = 256 << 20
)

// Bounds that are not to be set.
const (
	handshakeTime = 15 * time.Second   // from the first octet to a key that is good
	maxTries      = 6                  // keys a client may offer
	maxSessions   = 4                  // of one connection
	maxEntries    = 100_000            // files and folders of a user that have not gone to the outbox
	keepPartial   = 7 * 24 * time.Hour // since the last write to what a cut connection left
	folderIdle    = 30 * time.Second   // a folder waits so long while its user is connected
)

// Config is what a Server works with.
type Config struct {
	HostKey     ssh.Signer
	Users       []User
	Connections int           // at a time, of all users; 0: DefaultConnections
	OpenFiles   int           // of one connection, listings too; 0: DefaultOpenFiles
	Idle        time.Duration // how long a client may be silent; 0: DefaultIdle
	Reserve     uint64        // octets that are left free on the disk; 0: DefaultReserve
	Log         *zap.Logger   // nil: none
}

// User is one who may drop files into one channel.
type User struct {
	Name   string
	Keys   []ssh.PublicKey
	Folder string        // of the channel: holds outbox/, and sftp/<user>/ is made in it
	Quiet  time.Duration // after which a folder goes to the outbox once its user has left
	Quota  uint64        // octets that have not gone to the outbox; 0: none but the disk's
	Max    uint64        // octets of one file; 0: no bound
	Files  bool          // a file inside a folder goes to the outbox by itself, to the same folder there
	// Keep says whether a path, which is a legal one, must not go to the outbox: the channel's
	// name filters leave it. nil: none.
	Keep func(path string) bool
}

// userName is what may be the name of a folder and of a user.
var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// CheckUser says whether name can be a user.
func CheckUser(name string) error {
	if !userName.MatchString(name) {
		return fmt.Errorf("%q is no user name: write up to 32 of a-z, 0-9, \"_\" and \"-\", a letter first", name)
	}
	return nil
}

func (c *Config) check() error {
	if c.HostKey == nil {
		return errors.New("host key missing")
	}
	if len(c.Users) == 0 {
		return errors.New("no user")
	}
	seen := map[string]bool{}
	for _, u := range c.Users {
		if err := CheckUser(u.Name); err != nil {
			return err
		}
		switch {
		case seen[u.Name]:
			return fmt.Errorf("user %q is there twice", u.Name)
		case len(u.Keys) == 0:
			return fmt.Errorf("user %q has no key", u.Name)
		case u.Folder == "":
			return fmt.Errorf("user %q has no folder", u.Name)
		}
		seen[u.Name] = true
	}
	if c.Connections < 0 || c.OpenFiles < 0 || c.Idle < 0 {
		return fmt.Errorf("%d connections, %d open files, %v idle", c.Connections, c.OpenFiles, c.Idle)
	}
	if c.Connections == 0 {
		c.Connections = DefaultConnections
	}
	if c.OpenFiles == 0 {
		c.OpenFiles = DefaultOpenFiles
	}
	if c.Idle == 0 {
		c.Idle = DefaultIdle
	}
	if c.Reserve == 0 {
		c.Reserve = DefaultReserve
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return nil
}
