package console

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"pawl/hw/socket"
)

// Bounds of the server: nobody may hold it up.
const (
	headerTime  = 5 * time.Second  // for a request's head
	readTime    = 10 * time.Second // for a request
	writeTime   = 30 * time.Second // for an answer; evidence and events have their own
	idleTime    = time.Minute      // a connection between requests
	headerLimit = 16 << 10         // octets
	bodyLimit   = 16 << 10         // octets; a form has a reason of 1024 at most
	connections = 128              // side by side
)

// ErrListen is wrapped by Listen when an address may not be listened on.
var ErrListen = errors.New("address can't be listened on")

// CheckAddress refuses an address that others could reach without TLS: passphrases and decisions would cross the network in clear. network
// is "unix" or "tcp". The error wraps [ErrListen].
func CheckAddress(network, address string, secure bool) error {
	if network == "unix" {
		return nil
	}
	at, err := netip.ParseAddrPort(address)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %q is not an address with a port: write \"127.0.0.1:8443\", or \"unix:/run/pawl-release/console\"", ErrListen, address)
	case secure || at.Addr().Unmap().IsLoopback():
		return nil
	}
	return fmt.Errorf("%w: %q can be reached from outside, and without a certificate passphrases would cross the network in clear: "+
		"write certificate and certificate_key, or \"127.0.0.1:%d\", or \"unix:/run/pawl-release/console\"", ErrListen, address, at.Port())
}

// Server serves a console on one address.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Listen opens the address for a console. With a certificate pages come by TLS 1.3, and clients' certificates are asked for but not
// demanded. A Unix socket is its owner's and group's (0660). The error wraps [ErrListen] where the address needs TLS.
func Listen(network, address string, certificate *tls.Certificate, c *Console) (*Server, error) {
	if err := CheckAddress(network, address, certificate != nil); err != nil {
		return nil, err
	}
	listener, err := bind(network, address)
	if err != nil {
		return nil, fmt.Errorf("console: listen on %q: %w", address, err)
	}
	listener = &limited{Listener: listener, room: make(chan struct{}, connections)}
	if certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert, NextProtos: []string{"http/1.1"},
		})
	}
	return &Server{listener: listener, http: &http.Server{
		Handler: c.Handler(), ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: headerLimit,
	}}, nil
}

// bind opens a socket; a Unix socket that a killed daemon left is replaced.
func bind(network, address string) (net.Listener, error) {
	if network != "unix" {
		return net.Listen(network, address)
	}
	return socket.Listen(address, 0o660)
}

// Address is where the server listens.
func (s *Server) Address() net.Addr { return s.listener.Addr() }

// Close gives up the address of a server that was not run.
func (s *Server) Close() error { return s.listener.Close() }

// Run serves until ctx ends, which is no error. Requests under way are given a second; streams of events end at once.
func (s *Server) Run(ctx context.Context) error {
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if s.http.Shutdown(patience) != nil {
			_ = s.http.Close() // who still reads then is cut off
		}
	})
	err := s.http.Serve(s.listener)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve console: %w", err)
}

// limited is a listener with room for so many connections. Further ones wait in the kernel's queue.
type limited struct {
	net.Listener
	room chan struct{}
}

// Accept waits for room first. At the end http.Server.Close closes the connections, and so makes room.
func (l *limited) Accept() (net.Conn, error) {
	l.room <- struct{}{}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &counted{Conn: conn, free: func() { <-l.room }}, nil
}

// counted gives its place back once.
type counted struct {
	net.Conn
	once sync.Once
	free func()
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.free)
	return err
}
