package sender

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ordersFile is what people want of a transfer, in its folder: a file of its own, because the
// record belongs to whoever sends.
const ordersFile = ".pawl-orders"

// orders outlive a restart. The zero orders are none.
type orders struct {
	Hold   bool   `json:"hold,omitempty"`
	Class  *Class `json:"class,omitempty"`  // nil: the channel's
	Cancel string `json:"cancel,omitempty"` // why it is to be given up
}

// loadOrders reads the orders in a transfer's folder. A missing file is none.
func loadOrders(dir string) (o orders, err error) {
	text, err := os.ReadFile(filepath.Join(dir, ordersFile))
	if errors.Is(err, os.ErrNotExist) {
		return orders{}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		return orders{}, fmt.Errorf("read orders in %q: %w", dir, err)
	}
	return o, nil
}

func (o orders) store(dir string) error {
	text, err := json.Marshal(&o)
	if err == nil {
		err = writeDurable(filepath.Join(dir, ordersFile), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	return nil
}

// obey makes the orders those of the flight, which is in no list.
func (f *flight) obey(o orders) {
	f.orders, f.class = o, f.channel.Class
	if o.Class != nil {
		f.class = *o.Class
	}
	if o.Cancel != "" {
		f.cancelled.Store(&fault{kind: ErrAborted, reason: o.Cancel})
	}
}

// stoppedFile names the channels that people hold, in the state folder.
const stoppedFile = "held.json"

// loadStopped reads which channels are held, by their numbers.
func loadStopped(state string) (map[string]bool, error) {
	all := map[string]bool{}
	text, err := os.ReadFile(filepath.Join(state, stoppedFile))
	if errors.Is(err, os.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s in %q: %w: remove it, and no channel is held", stoppedFile, state, err)
	}
	return all, nil
}

func storeStopped(state string, all map[string]bool) error {
	text, err := json.Marshal(all)
	if err == nil {
		err = writeDurable(filepath.Join(state, stoppedFile), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("store held channels: %w", err)
	}
	return nil
}
