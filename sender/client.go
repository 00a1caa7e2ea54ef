package sender

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
)

// ErrDaemon is wrapped by errors about requests that the daemon refused.
var ErrDaemon = errors.New("sender refused the request")

// ErrUnfinished is wrapped when the daemon went away before it had said all.
var ErrUnfinished = errors.New("sender did not finish")

// Submit asks the daemon at socket for transfers and hands each answer to each, until the
// daemon has said all. Paths that were refused or aborted are answers, not errors.
func Submit(ctx context.Context, socket string, req Request, each func(Progress)) error {
	req.Op = OpSubmit
	open := len(req.Paths)
	err := ask(ctx, socket, req, func(line []byte) error {
		var p Progress
		if err := json.Unmarshal(line, &p); err != nil {
			return fmt.Errorf("answer of the sender: %w", err)
		}
		if p.State == "" {
			return fmt.Errorf("%w: %s", ErrDaemon, p.Error)
		}
		if p.State.Final() || !req.Wait {
			open--
		}
		each(p)
		return nil
	})
	if err == nil && open > 0 {
		err = fmt.Errorf("%w: it stopped, and goes on when it is started again", ErrUnfinished)
	}
	return err
}

// AskStatus asks the daemon at socket what it is doing.
func AskStatus(ctx context.Context, socket string) (Status, error) {
	var st Status
	answered := false
	err := ask(ctx, socket, Request{Op: OpStatus}, func(line []byte) error {
		answered = true
		return json.Unmarshal(line, &st)
	})
	if err == nil && !answered {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Status{}, fmt.Errorf("ask for status: %w", err)
	}
	return st, nil
}

// Ask sends one request about the queue and reads the answer into into, which points to what
// the request's operation answers. What the daemon refused wraps ErrDaemon.
func Ask(ctx context.Context, socket string, req Request, into any) error {
	answered := false
	err := ask(ctx, socket, req, func(line []byte) error {
		answered = true
		var refusal struct {
			Error string `json:"error"`
			ID    string `json:"id"`
		}
		if err := json.Unmarshal(line, &refusal); err != nil {
			return fmt.Errorf("answer of the sender: %w", err)
		}
		if refusal.Error != "" && refusal.ID == "" { // an aborted transfer has both
			return fmt.Errorf("%w: %s", ErrDaemon, refusal.Error)
		}
		return json.Unmarshal(line, into)
	})
	if err == nil && !answered {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// ask sends one request and hands on each line of the answer.
func ask(ctx context.Context, socket string, req Request, each func(line []byte) error) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("reach the sender: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	line, err := json.Marshal(req)
	if err != nil {
		return err
	}
	if _, err := conn.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("ask the sender: %w", err)
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return lines.Err()
}
