package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongShares refuses what can't be meant: with the line, what is wrong and what to write.
func TestWrongShares(t *testing.T) {
	const head = `state = "s"
key = "k"
receiver = "r"
[link]
remote = "127.0.0.1:4600"
rate = "1Gbit/s"
[[channel]]
id = 1
name = "docs"
folder = "f"
`
	for text, want := range map[string]string{
		`priority = "high"`:                              `all.toml:11: channel.priority: "high" is no class: write "urgent", "normal" or "bulk"`,
		`priority = 1`:                                   `all.toml:11: channel.priority: "1" is no class`,
		`weight = 0`:                                     `all.toml:11: channel.weight: "0" is no weight: write 1 for an equal share, 2 for twice as much, up to 1000000; pawl-send hold stops a channel`,
		`weight = -3`:                                    `all.toml:11: channel.weight: "-3" is no weight`,
		`weight = 1000001`:                               `all.toml:11: channel.weight: "1000001" is no weight`,
		`weight = 1.5`:                                   `all.toml:11: channel.weight: "1.5" is no weight`,
		`windows = ["18-06"]`:                            `all.toml:11: channel.windows: "18-06" is not a window: write "Mon-Fri 18:00-06:00 Europe/Berlin"`,
		`windows = ["Mon-Fry 18:00-06:00"]`:              `"mon-fry" are no days: write Mon, Tue,`,
		`windows = ["18:00-06:00 Europe/Berln"]`:         `"Europe/Berln" is no time zone: write one as in "Europe/Berlin" or "UTC"`,
		`windows = ["18:00-18:00"]`:                      `it ends when it begins: write 00:00-24:00 for the whole day`,
		`windows = ["24:00-06:00"]`:                      `a day's end is no beginning: write 00:00 of the next day`,
		`windows = ["18:00-25:00"]`:                      `25:00 is no time of a day: write 00:00 to 24:00`,
		`windows = ["18:60-20:00"]`:                      `18:60 is no time of a day`,
		`windows = []`:                                   `all.toml:11: channel.windows: an empty list would mean never: leave it out for always`,
		`windows = "18:00-06:00"`:                        `all.toml:11: channel.windows:`,
		`quota = { bytes = "lots" }`:                     `all.toml:11: channel.quota: "lots" is not a size: write "128MiB"`,
		`quota = { files = 0 }`:                          `all.toml:11: channel.quota.files: "0" is no number of files: write 1 or more, or leave it out for no bound`,
		`quota = { files = -1 }`:                         `all.toml:11: channel.quota.files: "-1" is no number of files`,
		"[channel.quota]\nfile = 1":                      `all.toml:12: channel.quota.file: unknown key, did you mean "files"?`,
		`quota = { zone = "Mars" }`:                      `all.toml:11: channel.quota.zone: "Mars" is no time zone`,
		`quota = { zone = "" }`:                          `all.toml:11: channel.quota.zone: an empty name is no time zone`,
		`keep_sent = "a week"`:                           `all.toml:11: channel.keep_sent: "a week" is not a duration: write "5ms", "30s" or "7d"`,
		`keep_sent_bytes = "1 parsec"`:                   `all.toml:11: channel.keep_sent_bytes: "1 parsec" is not a size`,
		`carousel = {}`:                                  `all.toml:11: channel.carousel.age: is missing: write for how long`,
		`carousel = true`:                                `all.toml:11: channel.carousel`,
		`carousel = { age = "1d", rounds = 0 }`:          `all.toml:11: channel.carousel.rounds: "0" is no number of rounds: write 1 to 20`,
		`carousel = { age = "1d", rounds = 21 }`:         `all.toml:11: channel.carousel.rounds: "21" is no number of rounds`,
		`carousel = { age = "1d", gap = "soon" }`:        `all.toml:11: channel.carousel: "soon" is not a duration`,
		`carousel = { ages = "1d" }`:                     `all.toml:11: channel.ages: unknown key`,
		`keep-sent = "7d"`:                               `all.toml:11: channel.keep-sent: unknown key, did you mean "keep_sent"?`,
		`windows = ["Mon 00:00-24:00"]` + "\nweight = 0": `all.toml:12: channel.weight`,
	} {
		path := filepath.Join(t.TempDir(), "all.toml")
		if err := os.WriteFile(path, []byte(head+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n%v\nwant %s", text, err, want)
		}
	}
}
