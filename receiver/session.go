package receiver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/quarantine"
)

const (
	// sessionsFile keeps the session numbers that were accepted, in the state folder.
	sessionsFile = "sessions.json"
	// sessionsPerLink is how many sessions of a link are open at once: the one in use and the one announced to follow it.
	sessionsPerLink = 2
	// maxSessions bounds the open sessions of all links together.
	maxSessions = 64
	// lookRate is how many announcements of unknown sessions are looked at in a second; each costs a signature check, and
	// anybody can forge one.
	lookRate = 100
)

// session is one open session: the keys of one run of the sender on one link.
type session struct {
	opener    *seal.Opener
	number    uint64
	link      uint8
	packets   uint64
	lastHeard time.Time
	gaps      gaps
}

// sessions are the open sessions and the numbers that may still be opened. A session's number only grows on its link: an
// announcement with a smaller number than the two newest is a recording. Owned by the ingest goroutine.
type sessions struct {
	open    map[uint64]*session
	numbers map[uint8][]uint64 // per link the newest numbers accepted, rising; kept on disk
	dir     string             // state folder; "" keeps nothing (seal none: nothing is authentic)
	looks   int                // announcements that may still be looked at in this second
	lookAt  time.Time
	retired uint64 // packets lost in sessions that are closed
}

// openSessions reads the numbers accepted before.
func openSessions(dir string) (*sessions, error) {
	s := &sessions{open: map[uint64]*session{}, numbers: map[uint8][]uint64{}, dir: dir}
	if dir == "" {
		return s, nil
	}
	path := filepath.Join(dir, sessionsFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read session numbers: %w", err)
	}
	var stored map[string][]uint64
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, fmt.Errorf("read session numbers %s: %w (without it old recordings would be taken: restore it from a backup, or delete it if you accept that)", path, err)
	}
	for link, numbers := range stored {
		n, err := strconv.ParseUint(link, 10, 8)
		if err != nil {
			return nil, fmt.Errorf("read session numbers %s: link %q: %w", path, link, err)
		}
		slices.Sort(numbers)
		s.numbers[uint8(n)] = numbers
	}
	return s, nil
}

// fresh says whether a session number may be opened on a link: it is newer than all, or one of the newest ones known
// (this receiver was restarted in the middle of it).
func (s *sessions) fresh(link uint8, number uint64) bool {
	known := s.numbers[link]
	return len(known) == 0 || number > known[len(known)-1] || slices.Contains(known, number)
}

// look says whether one more unknown announcement may be looked at now.
func (s *sessions) look(now time.Time) bool {
	if now.Sub(s.lookAt) >= time.Second {
		s.looks, s.lookAt = lookRate, now
	}
	if s.looks == 0 {
		return false
	}
	s.looks--
	return true
}

// add enters an accepted session and keeps its number before the session is used.
func (s *sessions) add(link uint8, n *session) error {
	if known := s.numbers[link]; !slices.Contains(known, n.number) {
		known = append(slices.Clone(known), n.number)
		slices.Sort(known)
		if len(known) > sessionsPerLink {
			known = known[len(known)-sessionsPerLink:]
		}
		if err := s.store(link, known); err != nil {
			return err
		}
		s.numbers[link] = known
	}
	s.open[n.number] = n
	for number, old := range s.open {
		if old.link == link && !slices.Contains(s.numbers[link], number) {
			s.close(old)
		}
	}
	for len(s.open) > maxSessions {
		s.close(s.stalest())
	}
	return nil
}

// store writes the numbers as they will be.
func (s *sessions) store(link uint8, numbers []uint64) error {
	if s.dir == "" {
		return nil
	}
	out := map[string][]uint64{strconv.Itoa(int(link)): numbers}
	for l, n := range s.numbers {
		if l != link {
			out[strconv.Itoa(int(l))] = n
		}
	}
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return quarantine.WriteFile(s.dir, sessionsFile, append(data, '\n'))
}

func (s *sessions) close(old *session) {
	s.retired += old.gaps.lost()
	delete(s.open, old.number)
}

// stalest returns the session that was silent longest.
func (s *sessions) stalest() *session {
	var oldest *session
	for _, n := range s.open {
		if oldest == nil || n.lastHeard.Before(oldest.lastHeard) {
			oldest = n
		}
	}
	return oldest
}

// lost is how many packets of all sessions never came.
func (s *sessions) lost() uint64 {
	lost := s.retired
	for _, n := range s.open {
		lost += n.gaps.lost()
	}
	return lost
}

// takeSession books a session packet: one of an open session needs its tag only, one of a new session everything.
func (r *Receiver) takeSession(h *framing.Header, datagram []byte, now time.Time) Column {
	if s := r.sessions.open[h.Session]; s != nil {
		if s.opener.Confirm(datagram, h) != nil {
			return RejectedAuth
		}
		s.heard(h, now)
		return Control
	}
	announced, err := framing.ParseSession(datagram[framing.HeaderSize : len(datagram)-framing.TagSize])
	if err != nil {
		return RejectedMessage
	}
	if !r.sessions.fresh(announced.Link, h.Session) {
		return RejectedReplay
	}
	if !r.sessions.look(now) {
		return RejectedSession
	}
	opener, err := seal.Accept(datagram, h, r.cfg.Mode, r.cfg.Key, r.cfg.Sender)
	if err != nil {
		return RejectedAuth
	}
	s := &session{opener: opener, number: h.Session, link: opener.Link()}
	if err := r.sessions.add(s.link, s); err != nil {
		r.log.Error("session not opened: its number could not be kept", zap.Uint64("session", s.number), zap.Error(err))
		return RejectedSession
	}
	s.heard(h, now)
	r.log.Info("session opened", zap.Uint64("session", s.number), zap.Uint8("link", s.link), zap.Uint64("packet", h.Packet))
	return Control
}

// heard books an authentic packet of the session.
func (s *session) heard(h *framing.Header, now time.Time) {
	s.packets++
	s.lastHeard = now
	s.gaps.note(h.Packet)
}
