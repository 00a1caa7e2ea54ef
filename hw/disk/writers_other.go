//go:build !linux

package disk

import (
	"errors"
	"fmt"
	"os"
)

// OpenForWriting says whether anybody has the file of f open for writing: not to be known here.
func OpenForWriting(f *os.File) (bool, error) {
	return false, fmt.Errorf("writers of %s: %w", f.Name(), errors.ErrUnsupported)
}
