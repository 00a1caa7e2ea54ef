package sender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// What the commands for tickets and receipts ask the daemon.

// Repair asks the daemon at socket to re-send what a ticket names and hands each answer to each, until it was sent. The
// error wraps [ErrUnrepaired] when it was not.
func Repair(ctx context.Context, socket, text string, all bool, each func(Progress)) error {
	var last Progress
	err := ask(ctx, socket, Request{Op: OpRepair, Ticket: text, All: all}, func(line []byte) error {
		last = Progress{}
		if err := json.Unmarshal(line, &last); err != nil {
			return fmt.Errorf("answer of the sender: %w", err)
		}
		if last.State == "" {
			return fmt.Errorf("%w: %s", ErrDaemon, last.Error)
		}
		each(last)
		return nil
	})
	switch {
	case err != nil:
		return err
	case last.State == StateUnrepaired:
		return fmt.Errorf("%w: %s", ErrUnrepaired, last.Error)
	case last.State != StateSent:
		return fmt.Errorf("%w: it stopped, and begins the repair anew when it is started again", ErrUnfinished)
	}
	return nil
}

// Confirm tells the daemon at socket a receipt code and returns the transfer that it is for. The error wraps [ErrDaemon] when
// there is none.
func Confirm(ctx context.Context, socket, code string) (Confirmation, error) {
	var c Confirmation
	err := askReceipts(ctx, socket, Request{Op: OpConfirm, Code: code}, func(one Confirmation) { c = one })
	if err == nil && c.ID == "" {
		err = io.ErrUnexpectedEOF
	}
	return c, err
}

// Unconfirmed asks the daemon at socket for the transfers that are sent and not confirmed, the oldest first.
func Unconfirmed(ctx context.Context, socket string) ([]Confirmation, error) {
	all := []Confirmation{}
	err := askReceipts(ctx, socket, Request{Op: OpUnconfirmed}, func(one Confirmation) { all = append(all, one) })
	return all, err
}

func askReceipts(ctx context.Context, socket string, req Request, each func(Confirmation)) error {
	return ask(ctx, socket, req, func(line []byte) error {
		var one Confirmation
		if err := json.Unmarshal(line, &one); err != nil {
			return errors.Join(ErrDaemon, fmt.Errorf("answer of the sender: %w", err))
		}
		if one.Error != "" {
			return fmt.Errorf("%w: %s", ErrDaemon, one.Error)
		}
		each(one)
		return nil
	})
}
