package sender

import "time"

// Keep is how long sent/ keeps what was sent. The zero Keep keeps all.
type Keep struct {
	Age   time.Duration // from the end of the last pass; 0: for ever
	Bytes uint64        // octets of content that all of them may take, the oldest go first; 0: no bound
}
