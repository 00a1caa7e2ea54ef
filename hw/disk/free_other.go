//go:build !linux

package disk

import (
	"errors"
	"fmt"
)

// Free tells how many octets may still be written on the file system that path lies on: here it can't be asked.
func Free(path string) (uint64, error) {
	return 0, fmt.Errorf("free room at %s: %w", path, errors.ErrUnsupported)
}

// IsFull says whether err is the file system's word that there is no room: not known here.
func IsFull(error) bool { return false }

// IsUnfit can't tell here.
func IsUnfit(error) bool { return false }
