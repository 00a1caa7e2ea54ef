package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pawl/cmd/internal/conf"
	"pawl/hw/socket"
)

// Bounds of the server: it answers a local collector, and nobody may hold it up.
const (
	readLimit   = 5 * time.Second
	writeLimit  = 10 * time.Second
	headerLimit = 8 << 10 // octets
	scrapes     = 4       // side by side
)

// Health is the answer of /healthz.
type Health struct {
	Healthy bool     `json:"healthy"`
	Reasons []string `json:"reasons,omitempty"` // why not
	Notes   []string `json:"notes,omitempty"`   // what a person should know although it works
}

// Server serves /metrics and /healthz on one local address.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Listen opens a server; nil without an error when there is nowhere to listen. What cannot be bound is an error that names
// the address. A Unix socket is its owner's and group's (0660); one that a killed daemon left is replaced.
func Listen(at conf.Listen, collector prometheus.Collector, health func() Health) (*Server, error) {
	network, address := at.Network()
	if network == "" {
		return nil, nil
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(collector); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	listener, err := listen(network, address)
	if err != nil {
		return nil, fmt.Errorf("metrics.listen %q: %w", string(at), err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, health()) })
	return &Server{listener: listener, http: &http.Server{
		Handler: mux, ReadTimeout: readLimit, WriteTimeout: writeLimit, MaxHeaderBytes: headerLimit,
	}}, nil
}

// listen binds the address.
func listen(network, address string) (net.Listener, error) {
	if network != "unix" {
		return net.Listen(network, address)
	}
	return socket.Listen(address, 0o660)
}

// answer writes a health as JSON, with status 503 where it is none.
func answer(w http.ResponseWriter, h Health) {
	w.Header().Set("Content-Type", "application/json")
	if !h.Healthy {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h) // the one who asked has gone
}

// Address is where the server listens.
func (s *Server) Address() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends, which is no error. Requests under way are given a second.
func (s *Server) Run(ctx context.Context) error {
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
	return fmt.Errorf("serve metrics: %w", err)
}
