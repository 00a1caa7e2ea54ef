//go:build !linux

package nic

import "fmt"

// Here fails: only Linux tells what the doctor asks.
func Here() (*Machine, error) { return nil, fmt.Errorf("examine this machine: %w", ErrUnsupported) }
