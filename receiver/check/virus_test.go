package check_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/receiver/check"
)

// TestClamdAnswers plays the daemon.
func TestClamdAnswers(t *testing.T) {
	today := time.Now().Format("Mon Jan _2 15:04:05 2006")
	for _, tc := range []struct{ name, version, answer, want string }{
		{"clean", "ClamAV 1.4.6/27812/" + today, "stream: OK", ""},
		{"found", "ClamAV 1.4.6/27812/" + today, "stream: Eicar-Test-Signature FOUND", "Eicar-Test-Signature found"},
		{"stale", "ClamAV 1.4.6/27000/Sun Nov 22 08:24:03 2020", "stream: OK", "days old"},
		{"of tomorrow but one", "ClamAV 1.4.6/27812/" + time.Now().Add(49*time.Hour).Format("Mon Jan _2 15:04:05 2006"), "stream: OK", "which is to come"},
		{"another zone", "ClamAV 1.4.6/27812/" + time.Now().Add(13*time.Hour).Format("Mon Jan _2 15:04:05 2006"), "stream: OK", ""},
		{"undated", "ClamAV 1.4.6", "stream: OK", "bear no date"},
		{"too long", "ClamAV 1.4.6/27812/" + today, "INSTREAM size limit exceeded. ERROR", "StreamMaxLength"},
		{"error", "ClamAV 1.4.6/27812/" + today, "stream: Can't allocate memory ERROR", "clamd answers"},
		{"other", "squid 3", "stream: OK", "asked for its version"},
		{"hangs up", "ClamAV 1.4.6/27812/" + today, "", "does not answer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "s")
			l, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go clamd(l, tc.version, tc.answer)
			file := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			p := &check.Policy{Virus: &check.VirusRule{Rule: rule(), Socket: socket, MaxAge: 7 * 24 * time.Hour}}
			found, err := check.Try(t.Context(), p, file)
			if err != nil || len(found) != 1 || found[0].OK != (tc.want == "") || !strings.Contains(found[0].Reason, tc.want) {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
	p := &check.Policy{Virus: &check.VirusRule{Rule: rule(), Socket: "/no/such/socket"}}
	if found, err := check.Try(t.Context(), p, os.Args[0]); err != nil || found[0].OK || !strings.Contains(found[0].Reason, "clamd does not answer") {
		t.Errorf("no daemon: %+v, %v", found, err)
	}
}

func clamd(l net.Listener, version, answer string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		in := bufio.NewReader(conn)
		switch command, _ := in.ReadString(0); command {
		case "zVERSION\x00":
			io.WriteString(conn, version+"\x00")
		case "zINSTREAM\x00":
			var size [4]byte
			for {
				if _, err := io.ReadFull(in, size[:]); err != nil || binary.BigEndian.Uint32(size[:]) == 0 {
					break
				}
				io.CopyN(io.Discard, in, int64(binary.BigEndian.Uint32(size[:])))
			}
			if answer != "" {
				io.WriteString(conn, answer+"\x00")
			}
		}
		conn.Close()
	}
}
