package cli

import "runtime/debug"

// release is set by the linker for builds made outside a clone:
// go build -ldflags "-X pawl/cmd/internal/cli.release=v1.2.3".
var release string

// Version returns what --version prints and what beats carry: the release given
// to the linker, else the module version the Go tool recorded, else the commit
// ("+dirty" when the tree had changes), else "unknown".
func Version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return described(info)
}

func described(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	var commit, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if commit == "" {
		return "unknown"
	}
	return commit[:min(len(commit), 12)] + dirty
}
