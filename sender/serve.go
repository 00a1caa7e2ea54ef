package sender

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Bounds of the socket.
const (
	maxClients  = 32
	maxRequest  = 4 << 20 // octets of a request: a thousand paths of the longest
	maxPaths    = 1000
	maxAnswer   = 64 << 20         // octets of an answer: ten thousand transfers with long names
	clientPause = 10 * time.Second // a client that neither asks nor takes answers is let go
	progressGap = 200 * time.Millisecond
)

// serve answers clients on the Unix socket until ctx ends.
func (s *Sender) serve(ctx context.Context) error {
	listener := s.listener
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	defer listener.Close()
	var clients sync.WaitGroup
	defer clients.Wait()
	places := make(chan struct{}, maxClients)
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("accept on socket: %w", err)
		}
		select {
		case places <- struct{}{}:
		default:
			answer(conn, Progress{Error: "too many clients"}) // it will see this or a closed connection
			conn.Close()
			continue
		}
		clients.Go(func() {
			defer func() { <-places }()
			defer conn.Close()
			unhook := context.AfterFunc(ctx, func() { conn.Close() })
			defer unhook()
			if err := s.client(ctx, conn); err != nil && ctx.Err() == nil {
				s.cfg.Log.Debug("client left", zap.Error(err))
			}
		})
	}
}

// client serves one connection.
func (s *Sender) client(ctx context.Context, conn net.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(clientPause)); err != nil {
		return err
	}
	var req Request
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, maxRequest)
	if !lines.Scan() {
		return fmt.Errorf("read request: %w", errors.Join(lines.Err(), net.ErrClosed))
	}
	if err := json.Unmarshal(lines.Bytes(), &req); err != nil {
		return answer(conn, Progress{Error: fmt.Sprintf("request is no JSON of ours: %v", err)})
	}
	if req.Op != OpStatus {
		s.recovery.Wait() // or what comes into claimed/ now would be taken up a second time
	}
	switch req.Op {
	case OpStatus:
		return answer(conn, s.Status())
	case OpSubmit:
		return s.submit(ctx, conn, &req)
	case OpRepair:
		return s.repair(ctx, conn, &req)
	case OpConfirm:
		return s.confirm(conn, &req)
	case OpUnconfirmed:
		return s.unconfirmed(conn)
	}
	said, err := s.command(ctx, &req)
	if err != nil {
		return answer(conn, Progress{Error: err.Error()})
	}
	return answer(conn, said)
}

// answer writes one line.
func answer(conn net.Conn, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := conn.SetWriteDeadline(time.Now().Add(clientPause)); err != nil {
		return err
	}
	_, err = conn.Write(append(line, '\n'))
	return err
}

// submitted is one path of a request and what was last said of it.
type submitted struct {
	flight *flight
	source string
	said   Progress
}

// submit takes the paths of a request in, and follows them if the client waits.
func (s *Sender) submit(ctx context.Context, conn net.Conn, req *Request) error {
	ch, err := s.channel(req.Channel)
	if err == nil && (len(req.Paths) == 0 || len(req.Paths) > maxPaths) {
		err = fmt.Errorf("%d paths, 1 to %d can be submitted at once", len(req.Paths), maxPaths)
	}
	if err != nil {
		return answer(conn, Progress{Error: err.Error()})
	}
	var all []*submitted
	for _, path := range req.Paths {
		f, err := s.take(ctx, ch, path)
		if err != nil {
			if err := answer(conn, Progress{Source: path, State: StateRefused, Error: err.Error()}); err != nil {
				return err
			}
			continue
		}
		all = append(all, &submitted{flight: f, source: path})
	}
	if err := report(conn, all); err != nil || !req.Wait {
		return err
	}
	tick := time.NewTicker(progressGap)
	defer tick.Stop()
	for _, one := range all {
		for !one.said.State.Final() {
			select {
			case <-one.flight.done:
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := report(conn, all); err != nil {
				return err
			}
		}
	}
	return nil
}

// take makes a transfer of one path.
func (s *Sender) take(ctx context.Context, ch *channel, path string) (*flight, error) {
	if s.schedule.crowded(ch) {
		return nil, fmt.Errorf("queue of channel %q is full", ch.Name)
	}
	return s.claimer.submit(ctx, ch, path)
}

// report says what has changed.
func report(conn net.Conn, all []*submitted) error {
	for _, one := range all {
		if now := one.flight.progressOf(one.source); now != one.said {
			one.said = now
			if err := answer(conn, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// channel finds a channel by its name or number.
func (s *Sender) channel(name string) (*channel, error) {
	if name == "" && len(s.channels) == 1 {
		return s.channels[0], nil
	}
	i := slices.IndexFunc(s.channels, func(c *channel) bool {
		return c.Name == name || strconv.Itoa(int(c.ID)) == name
	})
	if i < 0 {
		return nil, fmt.Errorf("no channel %q", name)
	}
	return s.channels[i], nil
}
