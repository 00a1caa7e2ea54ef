package conf

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// LogStyle is how a daemon writes its log: "text" (the default, also for "") for people or "json" for machines.
type LogStyle string

// The styles of a log.
const (
	LogText LogStyle = "text"
	LogJSON LogStyle = "json"
)

// UnmarshalText refuses what is no style.
func (s *LogStyle) UnmarshalText(text []byte) error {
	switch v := LogStyle(text); v {
	case LogText, LogJSON:
		*s = v
		return nil
	}
	return fmt.Errorf("%q is neither \"text\" nor \"json\"", text)
}

func (LogStyle) kind() string { return "a style of the log, as in \"text\" or \"json\"" }

// Metrics is the table in which a daemon is told to show its metrics and its health.
type Metrics struct {
	Listen Listen `toml:"listen"` // where /metrics and /healthz are served; default nowhere
}

// Listen is a local address: a loopback address with a port, as in "127.0.0.1:9131" or "[::1]:9131", or a Unix
// socket, as in "unix:/run/pawl/send.metrics". "" is nowhere. Anything that others could reach is refused: neither side of a diode
// should answer the network, and what the metrics tell has no password.
type Listen string

// unixPrefix marks a Unix socket's path.
const unixPrefix = "unix:"

// UnmarshalText refuses addresses that are not of this machine alone.
func (l *Listen) UnmarshalText(text []byte) error {
	at := string(text)
	if path, ok := strings.CutPrefix(at, unixPrefix); ok {
		if !filepath.IsAbs(path) || strings.HasSuffix(path, "/") {
			return fmt.Errorf("%q is not an absolute path of a socket: write \"unix:/run/pawl/metrics\"", at)
		}
		// sun_path of Linux has 108 octets, the last for the end; other systems have 104.
		if len(path) > 103 {
			return fmt.Errorf("%q is longer than the 103 octets of a socket's path", path)
		}
		*l = Listen(at)
		return nil
	}
	if at == "" {
		*l = ""
		return nil
	}
	address, err := netip.ParseAddrPort(at)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not an address with a port: write \"127.0.0.1:9131\" or \"unix:/run/pawl/metrics\"", at)
	case !address.Addr().Unmap().IsLoopback():
		return fmt.Errorf("%q can be reached from outside, and metrics have no password: write \"127.0.0.1:%d\" or \"unix:/run/pawl/metrics\", and let a local collector take them on", at, address.Port())
	case address.Port() == 0:
		return fmt.Errorf("%q has no port: write \"127.0.0.1:9131\"", at)
	}
	*l = Listen(at)
	return nil
}

func (Listen) kind() string {
	return "a local address, as in \"127.0.0.1:9131\" or \"unix:/run/pawl/metrics\""
}

// Network splits the address into what package net listens on: "tcp" or "unix", and where. Both are "" for nowhere.
func (l Listen) Network() (network, address string) {
	if path, ok := strings.CutPrefix(string(l), unixPrefix); ok {
		return "unix", path
	}
	if l == "" {
		return "", ""
	}
	return "tcp", string(l)
}
