package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"pawl/hw/testbed"
	"pawl/sender"
)

// ManyScenario drops folders of small files into the outbox by renames, kills the sender on the way, starts it again, and waits until
// all are in the inbox. The programs are the real ones, on a testbed.
type ManyScenario struct {
	Files    int           // 0 is 1,000,000
	Folders  int           // that they lie in, each a transfer; 0 is 100
	Size     uint64        // octets of each file; 0 is 1024
	Seed     uint64        // of the content
	Rate     uint64        // bit/s on the wire; 0 is 1e9
	Programs string        // folder of the programs; "" is that of this executable
	Work     string        // where to make the work folder; "" is /dev/shm, or else the folder for temporary files
	Timeout  time.Duration // of all; 0 is 30 min
}

// errNotAsSent says that what arrived is not what was dropped.
var errNotAsSent = errors.New("what arrived is not what was dropped")

func (s *ManyScenario) defaults() (err error) {
	if s.Files == 0 {
		s.Files = 1_000_000
	}
	if s.Folders == 0 {
		s.Folders = 100
	}
	if s.Size == 0 {
		s.Size = 1024
	}
	if s.Rate == 0 {
		s.Rate = 1e9
	}
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Minute
	}
	if s.Files < s.Folders || s.Folders < 2 {
		return fmt.Errorf("%w: %d files in %d folders: take 2 folders at least, and a file for each", ErrScenario, s.Files, s.Folders)
	}
	if s.Programs == "" {
		s.Programs, err = programsBeside()
		return err
	}
	return checkPrograms(s.Programs)
}

// many is a ManyScenario that is being played.
type many struct {
	*ManyScenario
	rig  *rig
	say  func(string)
	sent []survey // by folder
	row  Row
}

// Run plays the scenario; say gets a line now and then. What does not arrive as it was sent is an error.
func (s ManyScenario) Run(ctx context.Context, version string, say func(string)) (result *Result, err error) {
	if err := s.defaults(); err != nil {
		return nil, err
	}
	if err := errors.Join(testbed.Available(), testbed.Sweep()); err != nil {
		return nil, err
	}
	if result, err = NewResult(version, KindMany); err != nil {
		return nil, err
	}
	bed, err := testbed.Up(testbed.Config{MTU: 1500})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bed.Down()) }()
	dir, err := workFolder(s.Work)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	end := netip.AddrPortFrom(bed.Address(testbed.High, 0), port)
	m := &many{ManyScenario: &s, say: say, rig: &rig{
		dir: dir, programs: s.Programs, command: bed.Command,
		settings: settings{remote: end, listen: end, mtu: 1500, rate: s.Rate, seal: sealed, passes: 1},
	}}
	defer func() { err = errors.Join(err, m.rig.stop()) }()
	m.row = NewRow(fmt.Sprintf("many/files=%d/folders=%d/bytes=%d/rate=%d", s.Files, s.Folders, s.Size, s.Rate))
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if err := m.play(ctx); err != nil {
		return nil, err
	}
	result.Settings["seed"] = fmt.Sprint(s.Seed)
	result.Rows = append(result.Rows, m.row)
	return result, nil
}

func (m *many) play(ctx context.Context) error {
	if err := m.rig.prepare(); err != nil {
		return err
	}
	m.say(fmt.Sprintf("making %d files (seed %d)", m.Files, m.Seed))
	if err := m.make(); err != nil {
		return err
	}
	if err := errors.Join(m.rig.startReceive(ctx), m.rig.startRelease(), m.rig.startSend(ctx)); err != nil {
		return err
	}
	m.say("dropping them")
	begun := time.Now()
	for n := range m.Folders {
		if err := os.Rename(m.rig.source(folderName(n)), m.rig.low("channel", "outbox", folderName(n))); err != nil {
			return err
		}
	}
	if err := m.arrive(ctx, m.Folders/2); err != nil {
		return err
	}
	if err := m.restart(ctx); err != nil {
		return err
	}
	if err := m.arrive(ctx, m.Folders); err != nil {
		return err
	}
	took := time.Since(begun)
	if err := m.rig.stop(); err != nil {
		return err
	}
	m.row.Values["files"], m.row.Values["content_bytes"], m.row.Values["transfers"] = float64(m.Files), float64(uint64(m.Files)*m.Size), 1
	m.row.Sample("files_per_s", float64(m.Files)/took.Seconds())
	m.row.Sample("drop_to_inbox_s", took.Seconds())
	for _, p := range []string{"send", "receive", "release"} {
		m.row.Sample("rss_"+p+"_bytes", float64(m.rig.used("pawl-"+p).peak))
	}
	m.say("comparing")
	if err := m.compare(); err != nil {
		return err
	}
	m.row.Values["whole_ratio"] = 1
	return nil
}

func folderName(n int) string { return fmt.Sprintf("folder-%05d", n) }

// make writes the folders and surveys them.
func (m *many) make() error {
	random := newRandom(m.Seed)
	at := 0
	for n := range m.Folders {
		folder := m.rig.source(folderName(n))
		if err := os.Mkdir(folder, 0o755); err != nil {
			return err
		}
		for end := m.Files * (n + 1) / m.Folders; at < end; at++ {
			if err := random.file(filepath.Join(folder, fmt.Sprintf("%07d.dat", at)), m.Size); err != nil {
				return err
			}
		}
		s, err := takeSurvey(folder)
		if err != nil {
			return err
		}
		m.sent = append(m.sent, s)
	}
	return nil
}

// arrive waits until so many folders are in the inbox.
func (m *many) arrive(ctx context.Context, folders int) error {
	said := time.Now()
	return await(ctx, fmt.Sprintf("%d folders", folders), m.rig.running(), func() (bool, error) {
		n := 0
		for i := range m.Folders {
			if _, err := os.Lstat(m.rig.inbox(folderName(i))); err == nil {
				n++
			}
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			m.say(fmt.Sprintf("%d of %d folders are in the inbox", n, m.Folders))
		}
		return n >= folders, nil
	})
}

// restart kills the sender, starts it again and takes the time until content is on the link again.
func (m *many) restart(ctx context.Context) error {
	m.say("kill -9 pawl-send and start it again")
	u, err := m.rig.send.kill()
	if err != nil {
		return err
	}
	m.rig.take(m.rig.send, u)
	m.rig.send = nil
	begun := time.Now()
	if err := m.rig.startSend(ctx); err != nil {
		return err
	}
	err = await(ctx, "content on the link", m.rig.running(), func() (bool, error) {
		s, err := sender.AskStatus(ctx, m.rig.socket())
		if err != nil {
			return false, err
		}
		for _, t := range s.Transfers {
			if t.Bytes > 0 && t.Bytes < t.Total {
				return true, nil
			}
		}
		return s.Sent > 0, nil
	})
	m.row.Sample("restart_s", time.Since(begun).Seconds())
	return err
}

// compare reads what arrived from end to end.
func (m *many) compare() error {
	for n, want := range m.sent {
		got, err := takeSurvey(m.rig.inbox(folderName(n)))
		if err != nil {
			return err
		}
		if lines := want.differences(got); len(lines) > 0 {
			return fmt.Errorf("%w: %s: %s, and %d more", errNotAsSent, folderName(n), lines[0], len(lines)-1)
		}
	}
	inbox, err := os.ReadDir(m.rig.high("inbox"))
	if err == nil && len(inbox) != m.Folders {
		err = fmt.Errorf("%w: %d entries in the inbox, not %d", errNotAsSent, len(inbox), m.Folders)
	}
	return err
}

// WriteManyTable writes a result of many files for people.
func WriteManyTable(w io.Writer, result *Result) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for i := range result.Rows {
		row := &result.Rows[i]
		fmt.Fprintln(t, row.Name)
		for _, line := range []struct{ metric, is string }{
			{"files_per_s", "from the drop to the inbox, the restart included"}, {"drop_to_inbox_s", "the same as a time"},
			{"restart_s", "from the start of a killed pawl-send to content on the link"},
			{"rss_send_bytes", "peak memory of pawl-send"}, {"rss_receive_bytes", "of pawl-receive"}, {"rss_release_bytes", "of pawl-release"},
		} {
			fmt.Fprintf(t, "  %s\t%s\n", line.is, MetricOf(line.metric).Format(row.Values[line.metric]))
		}
	}
	return t.Flush()
}
