package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Bounds of the connections. Nobody holds a console up by being many or slow: there is always one to close for the next.
const (
	connections = 128             // side by side
	memberKeep  = 32              // of them, that only requests of who has a session keep
	ofAddress   = 32              // of guests from one address, where addresses mean something
	guestIdle   = 5 * time.Second // a guest's connection between requests
)

// places are the connections that there is room for. A connection is a guest's until the handler of a request on it calls [Keep]. Where there is no room,
// another is closed for the one that comes: a guest's that waits longest for its peer; else a guest's whose request takes longest; else one that waits.
// Only a request of who has a session is never cut off so; while such requests have all places, who comes waits in the kernel's queue.
type places struct {
	net.Listener
	most, members, each int
	idle                time.Duration // a guest's connection between requests

	mu   sync.Mutex
	free *sync.Cond
	all  map[*place]bool
	done bool
}

// place is a connection.
type place struct {
	net.Conn
	in   *places
	from string // address, where it means something

	member bool      // its last request was of who has a session
	works  bool      // a handler runs, or its answer is on its way
	idles  bool      // between two requests
	since  time.Time // of the last change
	closed bool
}

func newPlaces(l net.Listener) *places {
	p := &places{Listener: l, most: connections, members: memberKeep, each: ofAddress, idle: guestIdle, all: map[*place]bool{}}
	p.free = sync.NewCond(&p.mu)
	return p
}

// Origin is the address that a connection comes from, where that tells peers apart: behind a Unix socket or on a loopback address everybody who comes
// through a proxy or a tunnel looks the same, and it is "". Of an IPv6 address it is the network of 64 bits, all of which one peer may have.
func Origin(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil || at.Addr().Unmap().IsLoopback() {
		return ""
	}
	where := at.Addr().Unmap().WithZone("")
	if where.Is6() {
		return netip.PrefixFrom(where, 64).Masked().String()
	}
	return where.String()
}

// Accept gives the next connection, and closes another for it where there is no room.
func (p *places) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	one := &place{Conn: conn, in: p, from: Origin(conn.RemoteAddr().String()), since: time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	for full := true; full && !p.done; {
		var out *place
		switch out, full = p.surplus(one.from); {
		case out != nil:
			p.drop(out)
		case full: // all places are at work for who has a session
			p.free.Wait()
		}
	}
	if p.done {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	p.all[one] = true
	return one, nil
}

// surplus says whether there is no room for one more guest from an address, and which connection goes for it; nil: none can.
func (p *places) surplus(from string) (out *place, full bool) {
	guests, same := 0, 0
	for one := range p.all {
		if !one.member {
			guests++
			if from != "" && one.from == from {
				same++
			}
		}
	}
	switch {
	case same >= p.each:
		return p.longest(func(one *place) bool { return !one.member && one.from == from }), true
	case guests >= p.most-p.members:
		return p.longest(func(one *place) bool { return !one.member }), true
	case len(p.all) >= p.most:
		return p.longest(func(one *place) bool { return !one.member || !one.works }), true
	}
	return nil, false
}

// longest gives of those that fit the one that waits longest, or else works longest; a guest before a member.
func (p *places) longest(fits func(*place) bool) (out *place) {
	for one := range p.all {
		if fits(one) && (out == nil || one.before(out)) {
			out = one
		}
	}
	return out
}

func (one *place) before(other *place) bool {
	switch {
	case one.member != other.member:
		return !one.member
	case one.works != other.works:
		return !one.works
	}
	return one.since.Before(other.since)
}

// drop closes a connection without waiting for anybody.
func (p *places) drop(one *place) {
	one.closed = true
	delete(p.all, one)
	_ = one.Conn.Close() // it is given up
}

// Close gives the place back.
func (one *place) Close() error {
	one.in.mu.Lock()
	if !one.closed {
		one.closed = true
		delete(one.in.all, one)
	}
	one.in.free.Broadcast()
	one.in.mu.Unlock()
	return one.Conn.Close()
}

// SetReadDeadline is the server's: between two requests of a guest it comes soon.
func (one *place) SetReadDeadline(t time.Time) error {
	one.in.mu.Lock()
	short := one.idles && !one.member
	one.in.mu.Unlock()
	if soon := time.Now().Add(one.in.idle); short && (t.IsZero() || t.After(soon)) {
		t = soon
	}
	return one.Conn.SetReadDeadline(t)
}

// Close stops who waits for a place, too.
func (p *places) Close() error {
	p.mu.Lock()
	p.done = true
	p.free.Broadcast()
	p.mu.Unlock()
	return p.Listener.Close()
}

// placeOf finds the place of a connection as the server knows it.
func placeOf(conn net.Conn) *place {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	one, _ := conn.(*place)
	return one
}

// state is what the server says of a connection.
func (p *places) state(conn net.Conn, now http.ConnState) {
	if one := placeOf(conn); one != nil {
		p.mu.Lock()
		one.idles = now == http.StateIdle
		if one.idles { // the answer has gone out
			one.works, one.since = false, time.Now()
			p.free.Broadcast()
		}
		p.mu.Unlock()
	}
}

type placeKey struct{}

// serve notes which connections are at work.
func (p *places) serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		work, _ := r.Context().Value(placeKey{}).(*work)
		if work == nil {
			next.ServeHTTP(w, r)
			return
		}
		one := work.place
		work.kept = false
		p.mu.Lock()
		one.works, one.since = true, time.Now()
		p.mu.Unlock()
		defer func() {
			p.mu.Lock()
			one.member = work.kept
			p.mu.Unlock()
		}()
		next.ServeHTTP(w, r)
	})
}

// work is what a handler does for a connection; there is one at a time (HTTP/1.1).
type work struct {
	place *place
	kept  bool
}

// Keep says that a request is of somebody who has a session: its connection is not closed to make room for others while it is at work.
func Keep(r *http.Request) {
	if work, _ := r.Context().Value(placeKey{}).(*work); work != nil {
		work.place.in.mu.Lock()
		work.kept, work.place.member = true, true
		work.place.in.mu.Unlock()
	}
}

// context lends a connection's place to its handlers.
func (p *places) context(ctx context.Context, conn net.Conn) context.Context {
	if one := placeOf(conn); one != nil {
		return context.WithValue(ctx, placeKey{}, &work{place: one})
	}
	return ctx
}
