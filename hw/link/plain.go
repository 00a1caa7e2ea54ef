package link

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// plainTransmitter sends one datagram a system call, through package net.
type plainTransmitter struct {
	conn   *net.UDPConn
	remote netip.AddrPort
	size   int
	limit  time.Duration
}

func newPlainTransmitter(w *Writer) *plainTransmitter {
	return &plainTransmitter{conn: w.conn, remote: w.remote, size: w.size, limit: w.limit}
}

func (t *plainTransmitter) send(batch []byte) (int, error) {
	if err := t.conn.SetWriteDeadline(time.Now().Add(t.limit)); err != nil {
		return 0, err
	}
	sent := 0
	for off := 0; off < len(batch); off += t.size {
		if _, err := t.conn.WriteToUDPAddrPort(batch[off:off+t.size], t.remote); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

// plainCollector receives one datagram a system call, through package net.
type plainCollector struct {
	conn   *net.UDPConn
	buffer []byte // one octet longer than a good datagram: what fills it was longer
}

func newPlainCollector(r *Reader) *plainCollector {
	return &plainCollector{conn: r.conn, buffer: make([]byte, r.size+1)}
}

func (c *plainCollector) collect(out [][]byte) ([][]byte, error) {
	n, _, err := c.conn.ReadFromUDPAddrPort(c.buffer)
	if err != nil {
		return out, err
	}
	return append(out, c.buffer[:n]), nil
}

// errMethod is ErrMethod with what was asked.
func errMethod(m Method) error { return fmt.Errorf("%w: %q", ErrMethod, string(m)) }
