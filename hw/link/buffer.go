package link

import "fmt"

// Buffer is what was asked of the kernel for a socket buffer and what it granted, in octets
// of the request's own measure (Linux doubles a request for its bookkeeping; Granted is
// halved again, socket(7)). Asked is 0 when the system's default was taken.
type Buffer struct {
	Asked, Granted int
	sysctl         string
}

// Short says whether less was granted than asked.
func (b Buffer) Short() bool { return b.Granted < b.Asked }

// Remedy returns a line for the operator that says what is missing and how to mend it, or ""
// when nothing is.
func (b Buffer) Remedy() string {
	if !b.Short() {
		return ""
	}
	return fmt.Sprintf("socket buffer is %d of %d bytes: run `sysctl -w %s=%d` or give the program CAP_NET_ADMIN",
		b.Granted, b.Asked, b.sysctl, b.Asked)
}
