package console

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// What a page can renew itself for.
const (
	topicLink      = "link"
	topicTransfers = "transfers"
)

// Bounds of streams of events.
const (
	maxStreams = 48               // side by side; the other connections stay free for pages
	beatEach   = 15 * time.Second // something is written so that a dead peer is found
	eventTime  = 10 * time.Second // for one event to be written
)

// bell wakes those who wait for news. A ring while one has not looked yet is not lost and not doubled.
type bell struct {
	mu    sync.Mutex
	ears  map[chan struct{}]map[string]bool // what has rung since it last looked
	limit int
}

func newBell() *bell { return &bell{ears: map[chan struct{}]map[string]bool{}, limit: maxStreams} }

func (b *bell) ring(topic string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ear, topics := range b.ears {
		topics[topic] = true
		select {
		case ear <- struct{}{}:
		default:
		}
	}
}

// listen gives a channel that is sent to at news; nil when too many listen.
func (b *bell) listen() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ears) >= b.limit {
		return nil
	}
	ear := make(chan struct{}, 1)
	b.ears[ear] = map[string]bool{}
	return ear
}

// heard gives what has rung since the last time.
func (b *bell) heard(ear chan struct{}) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var topics []string
	for _, t := range []string{topicLink, topicTransfers} {
		if b.ears[ear][t] {
			topics = append(topics, t)
		}
	}
	clear(b.ears[ear])
	return topics
}

func (b *bell) leave(ear chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.ears, ear)
}

// events tells a page that there is something new (text/event-stream); the page asks for itself again then. The stream ends with its session.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	r.Header.Set(liveHeader, "1") // a page left open is not a person who works
	s, err := c.session(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	ear := c.bell.listen()
	if ear == nil {
		w.Header().Set("Retry-After", "60")
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	defer c.bell.leave(ear)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	if out.SetReadDeadline(time.Time{}) != nil { // the request was read long ago
		return
	}
	if c.send(out, w, "event: hello\ndata: {}\n\n") != nil {
		return
	}
	c.stream(r.Context(), s, ear, func(text string) error { return c.send(out, w, text) })
}

// stream sends until somebody ends it.
func (c *Console) stream(ctx context.Context, s *session, ear chan struct{}, send func(string) error) {
	beat := time.NewTicker(beatEach)
	defer beat.Stop()
	over := time.NewTimer(c.Limit)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.ended:
			_ = send("event: bye\ndata: {}\n\n") // the page shows the log-in
			return
		case <-over.C:
			return
		case <-beat.C:
			if send(": still here\n\n") != nil {
				return
			}
		case <-ear:
			for _, topic := range c.bell.heard(ear) {
				if send(fmt.Sprintf("event: %s\ndata: {}\n\n", topic)) != nil {
					return
				}
			}
		}
	}
}

func (c *Console) send(out *http.ResponseController, w http.ResponseWriter, text string) error {
	if err := out.SetWriteDeadline(time.Now().Add(eventTime)); err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return out.Flush()
}
