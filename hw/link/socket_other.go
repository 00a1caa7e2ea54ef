//go:build !linux

package link

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// deafen and silence have nothing to hold on to here: one-wayness is held by the lack of a
// method alone.
func deafen(*net.UDPConn, bool) error { return nil }

func silence(*net.UDPConn) error { return nil }

func setReceiveBuffer(conn *net.UDPConn, ask int) (Buffer, error) {
	return setBuffer(ask, conn.SetReadBuffer)
}

func setSendBuffer(conn *net.UDPConn, ask int) (Buffer, error) {
	return setBuffer(ask, conn.SetWriteBuffer)
}

// setBuffer asks for a buffer; these systems refuse what they do not grant.
func setBuffer(ask int, set func(int) error) (Buffer, error) {
	b := Buffer{Asked: ask, sysctl: "kern.ipc.maxsockbuf"}
	if ask == 0 {
		return b, nil
	}
	for n := ask; n > 0; n /= 2 {
		if set(n) == nil {
			b.Granted = n
			return b, nil
		}
	}
	return b, fmt.Errorf("set socket buffer of %d octets: refused", ask)
}

func socketDrops(syscall.Conn) (uint32, error) { return 0, nil }

func socketWaiting(syscall.Conn) (uint32, error) { return 0, errors.ErrUnsupported }

// leavePoller is asked for no method there is here.
func (w *Writer) leavePoller() error { return errMethod(MMsg) }

func bestWrite(*net.UDPConn, bool, int) (Method, string) { return Plain, "" }

func refusesGSO(error) bool { return false }

func bestRead(*net.UDPConn) Method { return Plain }

func newTransmitter(w *Writer, m Method) (transmitter, error) {
	if m != Plain {
		return nil, errMethod(m)
	}
	return newPlainTransmitter(w), nil
}

func newCollector(r *Reader, m Method) (collector, error) {
	if m != Plain {
		return nil, errMethod(m)
	}
	return newPlainCollector(r), nil
}
