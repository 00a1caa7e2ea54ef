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
	return doctor.Command(env, doctor.Program{
		Name: "pawl-receive", Config: "/etc/pawl/pawl-receive.toml", Side: nic.High, Links: nicLinks,
	})
}

// nicLinks are the links of a configuration as the doctor knows them.
func nicLinks(path string) ([]nic.Link, error) {
	c, err := load(path)
	if err != nil {
		return nil, err
	}
	var all []nic.Link
	for _, address := range c.Link.listens() {
		listen, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, fmt.Errorf("%s: link.listen: %w", path, err)
		}
		all = append(all, nic.Link{
			Side: nic.High, Local: listen.Addr().Unmap(), Port: listen.Port(), MTU: c.Link.MTU, Buffer: int(c.Link.ReceiveBuffer),
		})
	}
	return all, nil
}
