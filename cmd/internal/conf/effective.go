package conf

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Effective writes a configuration's struct as the file that would say all of it, defaults too. Texts and lists that are empty are left out:
// there is no such thing then.
func Effective(w io.Writer, config any) error {
	text, err := toml.Marshal(config)
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	var out bytes.Buffer
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, " = ''\n") && !strings.HasSuffix(line, " = []\n") && line != "\n" {
			out.WriteString(line)
		}
	}
	_, err = w.Write(out.Bytes())
	return err
}

// Folder refuses a path where run could not have its folder: it must be one, or there must be a folder in which it can be made. Nothing
// is made, and whether the service's user may write there is not asked: the one who asks may be another.
func Folder(key, path string) error {
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && info.IsDir():
			return nil
		case err == nil:
			return Wrong(key, "%s is not a folder: name another, or move it away", at)
		case !os.IsNotExist(err):
			return Wrong(key, "%w", err)
		case at == filepath.Dir(at):
			return Wrong(key, "%w", err)
		}
	}
}

// Port refuses what is no address with a port that can be sent to or listened on.
func Port(key, text string) error {
	address, err := netip.ParseAddrPort(text)
	switch {
	case err != nil:
		return Wrong(key, "%q is not an address with a port: write address:port, as in \"10.9.0.2:4600\"", text)
	case address.Port() == 0:
		return Wrong(key, "%q has port 0: write one from 1 to 65535", text)
	}
	return nil
}

// MaxSize is the most that is taken for a buffer, 1 TiB: beyond is a slip of the pen, and no machine's memory.
const MaxSize Size = 1 << 40

// AtMost refuses a size beyond MaxSize.
func AtMost(key string, size Size) error {
	if size > MaxSize {
		return Wrong(key, "%v is more than %v, which no machine has", size, MaxSize)
	}
	return nil
}
