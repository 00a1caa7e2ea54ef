package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// house is a server whose handler knows who has a session by a header, and works at "/work" until it is told.
type house struct {
	t    *testing.T
	at   string
	s    *Server
	came chan string // who works
	done chan struct{}
}

func newHouse(t *testing.T, change func(*places)) *house {
	t.Helper()
	h := &house{t: t, came: make(chan string, 4*connections), done: make(chan struct{})}
	s, err := Listen(Address{Network: "tcp", At: "127.0.0.1:0"}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Member") != "" {
			Keep(r)
		}
		if r.URL.Path == "/work" {
			h.came <- r.Header.Get("Member")
			_, _ = io.ReadAll(r.Body)
			<-h.done
		}
		fmt.Fprint(w, "here")
	}))
	if err != nil {
		t.Fatal(err)
	}
	change(s.places)
	h.s, h.at = s, s.Address().String()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		close(h.done)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return h
}

// peer is a client's connection.
type peer struct {
	net.Conn
	in *bufio.Reader
}

func (h *house) dial() *peer {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.at)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { // of a test that hangs
		h.t.Fatal(err)
	}
	return &peer{conn, bufio.NewReader(conn)}
}

// ask sends a request and reads its answer; the connection stays open.
func (p *peer) ask(head string) error {
	if err := p.send(head); err != nil {
		return err
	}
	return p.answer()
}

func (p *peer) send(head string) error {
	_, err := io.WriteString(p, head)
	return err
}

func (p *peer) answer() error {
	w, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	if data, err := io.ReadAll(w.Body); err != nil || string(data) != "here" {
		return errors.Join(err, errors.New("another answer: "+string(data)))
	}
	return nil
}

const (
	guestGet  = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	memberGet = "GET / HTTP/1.1\r\nHost: x\r\nMember: yes\r\n\r\n"
)

// TestGuestsHoldNothingUp: whatever more guests than there are places do, the next request is answered, and who has a session keeps their connection.
func TestGuestsHoldNothingUp(t *testing.T) {
	for name, do := range map[string]func(h *house, p *peer) error{
		"idle after a page": func(_ *house, p *peer) error { return p.ask(guestGet) },
		"nothing sent":      func(*house, *peer) error { return nil },
		"half a head":       func(_ *house, p *peer) error { return p.send("GET / HTTP/1.1\r\nHost:") },
		"half a body": func(h *house, p *peer) error {
			err := p.send("POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
			if err == nil {
				<-h.came
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(p *places) { p.idle = time.Hour })
			member, works := h.dial(), h.dial()
			if err := member.ask(memberGet); err != nil {
				t.Fatal(err)
			}
			if err := works.send("GET /work HTTP/1.1\r\nHost: x\r\nMember: yes\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			<-h.came
			for range connections + 20 {
				if err := do(h, h.dial()); err != nil {
					t.Fatal(err)
				}
			}
			if err := h.dial().ask(guestGet); err != nil {
				t.Errorf("the next one: %v", err)
			}
			if err := member.ask(memberGet); err != nil {
				t.Errorf("who had a session: %v", err)
			}
			h.done <- struct{}{}
			if err := works.answer(); err != nil {
				t.Errorf("who had a session and was at work: %v", err)
			}
		})
	}
}

// TestMembersAtWorkAreWaitedFor: when who has a session is at work in every place, the next one waits for the first that ends.
func TestMembersAtWorkAreWaitedFor(t *testing.T) {
	h := newHouse(t, func(p *places) { p.most, p.members = 3, 1 })
	var all []*peer
	for range 3 {
		p := h.dial()
		if err := p.send("GET /work HTTP/1.1\r\nHost: x\r\nMember: yes\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-h.came
		all = append(all, p)
	}
	next := h.dial()
	if err := next.send(guestGet); err != nil {
		t.Fatal(err)
	}
	h.done <- struct{}{}
	if err := next.answer(); err != nil {
		t.Errorf("the next one: %v", err)
	}
	for range 2 {
		h.done <- struct{}{}
	}
	fine := 0
	for _, p := range all {
		if p.answer() == nil {
			fine++
		}
	}
	if fine != 3 {
		t.Errorf("%d of 3 were answered", fine)
	}
}

// TestGuestsDoNotLinger: a guest's connection is closed soon after its answer, one of who has a session is not.
func TestGuestsDoNotLinger(t *testing.T) {
	h := newHouse(t, func(p *places) { p.idle = time.Millisecond })
	member, guest := h.dial(), h.dial()
	if err := errors.Join(member.ask(memberGet), guest.ask(guestGet)); err != nil {
		t.Fatal(err)
	}
	if _, err := guest.in.ReadByte(); err != io.EOF {
		t.Errorf("a guest's connection: %v", err)
	}
	if err := member.ask(memberGet); err != nil {
		t.Errorf("a member's connection: %v", err)
	}
	if err := member.ask(guestGet); err != nil { // logged out
		t.Fatal(err)
	}
	if _, err := member.in.ReadByte(); err != io.EOF {
		t.Errorf("a connection whose session has ended: %v", err)
	}
}

// called is a listener whose connections come from where they are told to.
type called struct {
	net.Listener
	from []string
}

type from struct {
	net.Conn
	at     string
	closed bool
}

func (f *from) RemoteAddr() net.Addr { return named(f.at) }

func (f *from) Close() error {
	f.closed = true
	return nil
}

type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

func (c *called) Accept() (net.Conn, error) {
	next := &from{at: c.from[0]}
	c.from = c.from[1:]
	return next, nil
}

// TestPlacesOfAnAddress: one address has no more guests than its share; where addresses mean nothing there is no share.
func TestPlacesOfAnAddress(t *testing.T) {
	for address, want := range map[string]int{"192.0.2.1:1": 2, "[2001:db8::1]:1": 2, "127.0.0.1:1": 5, "[::1]:1": 5, "@": 5} {
		p := newPlaces(&called{from: []string{address, address, "192.0.2.99:1", address, address, address}})
		p.each = 2
		var all []*from
		for range 6 {
			conn, err := p.Accept()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, conn.(*place).Conn.(*from))
		}
		open := 0
		for _, one := range all {
			if !one.closed && one.at == address {
				open++
			}
		}
		if open != want || all[2].closed || all[5].closed || len(p.all) != want+1 {
			t.Errorf("%s: %d open, want %d", address, open, want)
		}
	}
}
