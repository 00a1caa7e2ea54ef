package sftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"go.uber.org/zap"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
)

// Server takes files from users over SSH.
type Server struct {
	cfg    Config
	ssh    *ssh.ServerConfig
	stores map[string]*store
	places chan struct{}
}

// New opens the users' folders; nobody is served before Serve.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure sftp: %w", err)
	}
	s := &Server{cfg: cfg, stores: map[string]*store{}, places: make(chan struct{}, cfg.Connections)}
	for _, u := range cfg.Users {
		st, err := openStore(u, cfg.Reserve, cfg.Log)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("open sftp: user %q: %w", u.Name, err)
		}
		s.stores[u.Name] = st
	}
	s.ssh = &ssh.ServerConfig{
		MaxAuthTries: maxTries, ServerVersion: "SSH-2.0-pawl",
		PublicKeyAuthAlgorithms: []string{
			ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
			ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512,
		},
		PublicKeyCallback: s.authenticate,
	}
	s.ssh.AddHostKey(cfg.HostKey)
	return s, nil
}

func (s *Server) close() {
	for _, st := range s.stores {
		st.close()
	}
}

// userKey is where the permissions of a connection name its user.
const userKey = "user"

// authenticate lets a user in by one of his keys.
func (s *Server) authenticate(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if st := s.stores[meta.User()]; st != nil {
		for _, known := range st.user.Keys {
			if bytes.Equal(known.Marshal(), key.Marshal()) {
				return &ssh.Permissions{Extensions: map[string]string{userKey: st.user.Name}}, nil
			}
		}
	}
	return nil, errors.New("no such user or key")
}

// Serve takes connections from listener until ctx ends, which is no error. It may be called once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer s.close()
	g, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	g.Go(func() error { return s.tidy(ctx) })
	g.Go(func() error { return s.accept(ctx, g, listener) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// tidyEvery is how often folders are looked at that may go to the outbox.
const tidyEvery = time.Second

// tidy brings finished folders to the outbox and removes what was given up.
func (s *Server) tidy(ctx context.Context) error {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		for _, st := range s.stores {
			st.tidy(time.Now())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Server) accept(ctx context.Context, g *errgroup.Group, listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("accept sftp: %w", err)
		}
		select {
		case s.places <- struct{}{}:
		default:
			s.cfg.Log.Warn("sftp: too many connections", zap.Stringer("from", conn.RemoteAddr()))
			conn.Close()
			continue
		}
		g.Go(func() error {
			defer func() { <-s.places }()
			defer conn.Close()
			unhook := context.AfterFunc(ctx, func() { conn.Close() })
			defer unhook()
			if err := s.serve(conn); err != nil && ctx.Err() == nil {
				s.cfg.Log.Info("sftp: connection ended", zap.Stringer("from", conn.RemoteAddr()), zap.String("reason", fmt.Sprintf("%.200q", err)))
			}
			return nil
		})
	}
}

// serve serves one connection.
func (s *Server) serve(raw net.Conn) error {
	late := time.AfterFunc(handshakeTime, func() { raw.Close() })
	conn, channels, requests, err := ssh.NewServerConn(&idleConn{Conn: raw, idle: s.cfg.Idle}, s.ssh)
	if err == nil && !late.Stop() {
		err = net.ErrClosed // just too late
	}
	if err != nil {
		late.Stop()
		return fmt.Errorf("handshake: %w", err)
	}
	defer conn.Close()
	st := s.stores[conn.Permissions.Extensions[userKey]]
	s.cfg.Log.Info("sftp: user connected", zap.String("user", st.user.Name), zap.Stringer("from", raw.RemoteAddr()))
	st.connected(1)
	defer st.connected(-1)
	go ssh.DiscardRequests(requests) // ends with the connection
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer conn.Close() // before waiting: sessions end with it
	open := make(chan struct{}, maxSessions)
	files := &limit{most: int64(s.cfg.OpenFiles)}
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "sftp only")
			continue
		}
		select {
		case open <- struct{}{}:
		default:
			_ = c.Reject(ssh.ResourceShortage, "too many sessions")
			continue
		}
		sessions.Go(func() {
			defer func() { <-open }()
			s.session(c, st, files)
		})
	}
	return nil
}

// session serves one session: the subsystem sftp and nothing else.
func (s *Server) session(c ssh.NewChannel, st *store, files *limit) {
	channel, requests, err := c.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	for r := range requests {
		// RFC 4254, 6.5: the payload is a string, its length first.
		ok := r.Type == "subsystem" && string(r.Payload) == "\x00\x00\x00\x04sftp"
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
		if !ok {
			continue
		}
		go ssh.DiscardRequests(requests) // ends with the channel
		h := &handlers{store: st, files: files}
		server := sftp.NewRequestServer(channel, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h})
		if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) {
			s.cfg.Log.Info("sftp: session cut", zap.String("user", st.user.Name), zap.String("reason", fmt.Sprintf("%.200q", err)))
		}
		return
	}
}

// limit counts what is open.
type limit struct {
	most int64
	now  atomic.Int64
}

func (l *limit) take() bool {
	if l.now.Add(1) > l.most {
		l.now.Add(-1)
		return false
	}
	return true
}

func (l *limit) give() { l.now.Add(-1) }

// idleConn is a connection that ends when nothing is read or written for a while.
type idleConn struct {
	net.Conn
	idle time.Duration
}

// Read puts the end off: a client that says nothing is let go, whatever is written to it.
func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
