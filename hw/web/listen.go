package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"pawl/hw/socket"
)

// Bounds of the server; those of connections are in places.go.
const (
	headerTime  = 5 * time.Second  // for a request's head
	readTime    = 10 * time.Second // for a request
	writeTime   = 30 * time.Second // for an answer; evidence and events have their own
	idleTime    = time.Minute      // a connection between requests, of who has a session
	headerLimit = 16 << 10         // octets
	bodyLimit   = 16 << 10         // octets; a form has a reason of 1024 at most
)

// ErrListen is wrapped by Listen when an address may not be listened on.
var ErrListen = errors.New("address can't be listened on")

// CheckAddress refuses an address that others could reach without TLS: everything would cross the network in clear. network
// is "unix" or "tcp". The error wraps [ErrListen].
func CheckAddress(network, address string, secure bool) error {
	if network == "unix" {
		return nil
	}
	at, err := netip.ParseAddrPort(address)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %q is not an address with a port: write \"127.0.0.1:8443\", or \"unix:\" and the path of a socket", ErrListen, address)
	case secure || at.Addr().Unmap().IsLoopback():
		return nil
	}
	return fmt.Errorf("%w: %q can be reached from outside, and without a certificate passphrases would cross the network in clear: "+
		"write certificate and certificate_key, or \"127.0.0.1:%d\", or \"unix:/run/pawl-release/console\"", ErrListen, address, at.Port())
}

// Address is where a console is served.
type Address struct {
	Network string // "tcp" or "unix"
	At      string // host and port, or the path of a socket
	// Certificate is the server's; nil: no TLS. With one, pages come by TLS 1.3.
	Certificate *tls.Certificate
	// Demand refuses connections without a client's certificate; otherwise one is asked for only. Whose they are is the handler's to ask.
	Demand bool
}

// Server serves a console on one address.
type Server struct {
	listener net.Listener
	places   *places
	http     *http.Server
}

// Listen opens an address for a handler. A Unix socket is its owner's and group's (0660). The error wraps [ErrListen] where the address needs TLS.
func Listen(a Address, handler http.Handler) (*Server, error) {
	if err := CheckAddress(a.Network, a.At, a.Certificate != nil); err != nil {
		return nil, err
	}
	listener, err := bind(a.Network, a.At)
	if err != nil {
		return nil, fmt.Errorf("console: listen on %q: %w", a.At, err)
	}
	room := newPlaces(listener)
	listener = room
	if a.Certificate != nil {
		clients := tls.RequestClientCert
		if a.Demand {
			clients = tls.RequireAnyClientCert
		}
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{*a.Certificate}, MinVersion: tls.VersionTLS13, ClientAuth: clients, NextProtos: []string{"http/1.1"},
		})
	}
	return &Server{listener: listener, places: room, http: &http.Server{
		Handler: room.serve(handler), ConnState: room.state, ConnContext: room.context, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: headerLimit,
	}}, nil
}

// bind opens a socket; a Unix socket that a killed daemon left is replaced.
func bind(network, address string) (net.Listener, error) {
	if network != "unix" {
		return net.Listen(network, address)
	}
	return socket.Listen(address, 0o660)
}

// Address is where it listens.
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
