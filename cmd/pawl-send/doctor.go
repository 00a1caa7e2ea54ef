package main

import (
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/doctor"
	"pawl/hw/nic"
)

func doctorCommand(env *cli.Env) *cobra.Command {
	return doctor.Command(env, doctor.Program{Name: "pawl-send", Config: defaultConfig, Side: nic.Low, Links: nicLinks})
}

// nicLinks are the links of a configuration as the doctor knows them.
func nicLinks(path string) ([]nic.Link, error) {
	c, err := load(path)
	if err != nil {
		return nil, err
	}
	var all []nic.Link
	for _, one := range c.Link.each() {
		l, err := one.nic()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// defaultSend is what hw/link asks for if send_buffer is not set, octets.
const defaultSend = 1 << 20

// nic is one link as the doctor knows it.
func (l linkConfig) nic() (nic.Link, error) {
	remote, err := netip.ParseAddrPort(l.Remote)
	if err != nil {
		return nic.Link{}, fmt.Errorf("link.remote: %w", err)
	}
	out := nic.Link{
		Side: nic.Low, Remote: remote.Addr().Unmap(), Port: remote.Port(), MTU: l.MTU, Rate: uint64(l.Rate), Buffer: int(l.SendBuffer),
	}
	if out.Buffer == 0 {
		out.Buffer = defaultSend
	}
	if l.Local != "" {
		local, err := netip.ParseAddrPort(l.Local)
		if err != nil {
			return nic.Link{}, fmt.Errorf("link.local: %w", err)
		}
		out.Local = local.Addr().Unmap()
	}
	return out, nil
}
