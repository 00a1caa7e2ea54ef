package metrics

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"pawl/cmd/internal/conf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type sample struct {
	packets uint64
	links   map[string]uint64
}

var families = []Family[sample]{
	Value("pawl_try_packets_total", "Packets.", func(s *sample) float64 { return float64(s.packets) }),
	{Name: "pawl_try_link_up", Help: "Whether a link is up.", Labels: []string{"link"}, Read: func(s *sample, emit Emit) {
		for name, n := range s.links {
			emit(Bool(n > 0), name)
		}
	}},
}

type collector struct{}

func (collector) Describe(chan<- *prometheus.Desc) {}
func (collector) Collect(out chan<- prometheus.Metric) {
	Collect(families, &sample{packets: 42, links: map[string]uint64{"0": 1, "1": 0}}, out)
}

// serve runs a server and returns how to ask it; it is stopped with the test.
func serve(t *testing.T, at conf.Listen, health func() Health) func(path string) (int, string) {
	t.Helper()
	s, err := Listen(at, collector{}, health)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	address := s.Address()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, address.Network(), address.String())
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return func(path string) (int, string) {
		r, err := (&http.Client{Transport: transport}).Get("http://local" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(body)
	}
}

func TestServer(t *testing.T) {
	health := Health{Healthy: true}
	ask := serve(t, conf.Listen("unix:"+filepath.Join(t.TempDir(), "m")), func() Health { return health })
	code, body := ask("/metrics")
	want := `# HELP pawl_try_link_up Whether a link is up.
# TYPE pawl_try_link_up gauge
pawl_try_link_up{link="0"} 1
pawl_try_link_up{link="1"} 0
# HELP pawl_try_packets_total Packets.
# TYPE pawl_try_packets_total counter
pawl_try_packets_total 42
`
	if code != 200 || body != want {
		t.Errorf("%d\n%s\nwant\n%s", code, body, want)
	}
	if code, body := ask("/healthz"); code != 200 || body != "{\"healthy\":true}\n" {
		t.Errorf("%d %s", code, body)
	}
	health = Health{Reasons: []string{"stuck"}, Notes: []string{"note"}}
	code, body = ask("/healthz")
	var got Health
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != 503 || got.Healthy || got.Reasons[0] != "stuck" || got.Notes[0] != "note" {
		t.Errorf("%d %s %v", code, body, err)
	}
	if code, _ := ask("/"); code != 404 {
		t.Errorf("/ answers %d", code)
	}
}

// TestServerAddresses: nowhere is no server; a socket that is answered is refused, a dead one replaced.
func TestServerAddresses(t *testing.T) {
	if s, err := Listen("", collector{}, nil); s != nil || err != nil {
		t.Errorf("%v %v", s, err)
	}
	at := conf.Listen("unix:" + filepath.Join(t.TempDir(), "m"))
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: strings.TrimPrefix(string(at), "unix:"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	ask := serve(t, at, func() Health { return Health{Healthy: true} })
	if code, _ := ask("/healthz"); code != 200 {
		t.Errorf("answers %d", code)
	}
	if _, err := Listen(at, collector{}, nil); err == nil || !strings.Contains(err.Error(), "another program answers") {
		t.Errorf("a second server: %v", err)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := Table(&b, families); err != nil {
		t.Fatal(err)
	}
	want := "| metric | kind | what it is |\n|---|---|---|\n| `pawl_try_packets_total` | counter | Packets. |\n| `pawl_try_link_up{link}` | gauge | Whether a link is up. |\n"
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}
