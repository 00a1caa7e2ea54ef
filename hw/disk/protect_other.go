//go:build !linux

package disk

import (
	"errors"
	"fmt"
	"os"
)

// SetImmutable sets or clears the immutable flag of a file: here there is none that is known.
func SetImmutable(f *os.File, _ bool) error {
	return fmt.Errorf("immutable %s: %w", f.Name(), errors.ErrUnsupported)
}

// EnableVerity makes the kernel keep a Merkle tree of a file: here it can't.
func EnableVerity(f *os.File) error {
	return fmt.Errorf("fs-verity %s: %w", f.Name(), errors.ErrUnsupported)
}

// Verity is the fs-verity digest of a file: here there is none.
func Verity(f *os.File) ([]byte, error) {
	return nil, fmt.Errorf("fs-verity %s: %w", f.Name(), errors.ErrUnsupported)
}

// Uncache asks the kernel to forget what it has in memory of a file: here there is no way.
func Uncache(*os.File) {}
