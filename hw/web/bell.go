package web

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Bounds of streams of events.
const (
	maxStreams = 48               // side by side; the other connections stay free for pages
	beatEach   = 15 * time.Second // something is written so that a dead peer is found
	eventTime  = 10 * time.Second // for one event to be written
)

// Bell wakes those who wait for news. A ring while one has not looked yet is not lost and not doubled.
type Bell struct {
	mu    sync.Mutex
	ears  map[chan struct{}]map[string]bool // what has rung since it last looked
	limit int
}

// NewBell makes a bell that nobody listens to.
func NewBell() *Bell { return &Bell{ears: map[chan struct{}]map[string]bool{}, limit: maxStreams} }

// Ring tells of news about a topic, a word of letters that the pages' data-live names.
func (b *Bell) Ring(topic string) {
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
func (b *Bell) listen() chan struct{} {
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
func (b *Bell) heard(ear chan struct{}) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var topics []string
	for t := range b.ears[ear] {
		topics = append(topics, t)
	}
	clear(b.ears[ear])
	slices.Sort(topics)
	return topics
}

func (b *Bell) leave(ear chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.ears, ear)
}

// Stream tells a page of news (text/event-stream), without data: the page asks for itself again then. It ends with the request, after limit, or,
// with the event "bye", when ended is closed.
func (b *Bell) Stream(w http.ResponseWriter, r *http.Request, ended <-chan struct{}, limit time.Duration) {
	ear := b.listen()
	if ear == nil {
		w.Header().Set("Retry-After", "60")
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	defer b.leave(ear)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	if out.SetReadDeadline(time.Time{}) != nil { // the request was read long ago
		return
	}
	send := func(text string) bool { return send(out, w, text) == nil }
	if !send("event: hello\ndata: {}\n\n") {
		return
	}
	beat := time.NewTicker(beatEach)
	defer beat.Stop()
	over := time.NewTimer(limit)
	defer over.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-ended:
			send("event: bye\ndata: {}\n\n")
			return
		case <-over.C:
			return
		case <-beat.C:
			if !send(": still here\n\n") {
				return
			}
		case <-ear:
			for _, topic := range b.heard(ear) {
				if !send(fmt.Sprintf("event: %s\ndata: {}\n\n", topic)) {
					return
				}
			}
		}
	}
}

func send(out *http.ResponseController, w http.ResponseWriter, text string) error {
	if err := out.SetWriteDeadline(time.Now().Add(eventTime)); err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return out.Flush()
}
