package conf

// wrong lists configurations that must be refused and the exact text of the error.
var wrong = []struct{ name, text, want string }{
	{"typo", "[link]\nmtu = 1500\nrat = \"1Gbit/s\"\n", `x.toml:3: link.rat: unknown key, did you mean "rate"?
1| [link]
2| mtu = 1500
3| rat = "1Gbit/s"
 | ~~~`},
	{"typo at the top", "sael = \"none\"\n", `x.toml:1: sael: unknown key, did you mean "seal"?
1| sael = "none"
 | ~~~~`},
	{"hyphen", "[link]\nburst-every = \"1s\"\n", `x.toml:2: link.burst-every: unknown key, did you mean "burst_every"?
1| [link]
2| burst-every = "1s"
 | ~~~~~~~~~~~`},
	{"nothing near", "[link]\nwhatever = 1\n", `x.toml:2: link.whatever: unknown key
1| [link]
2| whatever = 1
 | ~~~~~~~~`},
	{"wrong table", "mtu = 1500\n", `x.toml:1: mtu: unknown key, "mtu" belongs in [link]
1| mtu = 1500
 | ~~~`},
	{"wrong list", "passes = 2\n", `x.toml:1: passes: unknown key, "passes" belongs in [channel]
1| passes = 2
 | ~~~~~~`},
	{"unknown table", "[links]\nmtu = 1500\n", `x.toml:1: links: unknown key, did you mean "link"?
1| [links]
 |  ~~~~~`},
	{"in a list", "[[channel]]\nid = 1\n[[channel]]\nid = 2\nfodler = \"x\"\nnmae = \"y\"\n", `x.toml:5: channel.fodler: unknown key, did you mean "folder"?
3| [[channel]]
4| id = 2
5| fodler = "x"
 | ~~~~~~
x.toml:6: channel.nmae: unknown key, did you mean "name"?
4| id = 2
5| fodler = "x"
6| nmae = "y"
 | ~~~~`},
	{"in a table of a list", "[[channel]]\nid = 1\n[channel.fec]\nkk = 1\n", `x.toml:4: channel.fec.kk: unknown key, did you mean "k"?
2| id = 1
3| [channel.fec]
4| kk = 1
 | ~~`},
	{"two", "sael = \"none\"\nstat = \"x\"\n", `x.toml:1: sael: unknown key, did you mean "seal"?
1| sael = "none"
 | ~~~~
x.toml:2: stat: unknown key, did you mean "state"?
1| sael = "none"
2| stat = "x"
 | ~~~~`},
	{"syntax", "[link\nmtu = 1500\n", `x.toml:1: expected ']' to close table name
1| [link
 |      ~`},
	{"twice", "seal = \"none\"\nseal = \"none\"\n", `x.toml:2: seal: key seal is already defined
1| seal = "none"
2| seal = "none"
 | ~~~~`},
	{"kind", "seal = 4\n", `x.toml:1: seal: want a string, found integer
1| seal = 4
 |        ~`},
	{"range", "[[channel]]\nid = 65536\n", `x.toml:2: channel.id: integer value 65536 cannot be stored in uint16
1| [[channel]]
2| id = 65536
 |      ~~~~~`},
	{"negative", "[[channel]]\nid = -1\n", `x.toml:2: channel.id: negative integer value -1 cannot be stored in uint16
1| [[channel]]
2| id = -1
 |      ~~`},
	{"size", "memory = \"128MBit\"\n", `x.toml:1: memory: "128MBit" is not a size: write "128MiB", "10KiB" or 4096
1| memory = "128MBit"
 |          ~~~~~~~~~`},
	{"size too large", "memory = \"99999999TiB\"\n", `x.toml:1: memory: size "99999999TiB" is too large
1| memory = "99999999TiB"
 |          ~~~~~~~~~~~~~`},
	{"size negative", "memory = -1\n", `x.toml:1: memory: "-1" is not a size: write "128MiB", "10KiB" or 4096
1| memory = -1
 |          ~~`},
	{"rate", "[link]\nrate = \"100MB/s\"\n", `x.toml:2: link.rate: "100MB/s" is not a rate: write "1Gbit/s", "100Mbit/s" or 1000000
1| [link]
2| rate = "100MB/s"
 |        ~~~~~~~~~`},
	{"rate too large", "[link]\nrate = \"99999999Tbit/s\"\n", `x.toml:2: link.rate: rate "99999999Tbit/s" is not a whole number of bit/s below 2^64
1| [link]
2| rate = "99999999Tbit/s"
 |        ~~~~~~~~~~~~~~~~`},
	{"percent", "[link]\nloss = \"little\"\n", `x.toml:2: link.loss: "little" is not a share: write "0.5%" or 0.005
1| [link]
2| loss = "little"
 |        ~~~~~~~~`},
	{"percent without its sign", "[link]\nloss = 5\n", `x.toml:2: link.loss: share "5" is more than 1: write "5%" for per cent
1| [link]
2| loss = 5
 |        ~`},
	{"percent too large", "[link]\nloss = \"101%\"\n", `x.toml:2: link.loss: share "101%" is more than 100%
1| [link]
2| loss = "101%"
 |        ~~~~~~`},
	{"percent negative", "[link]\nloss = -0.5\n", `x.toml:2: link.loss: "-0.5" is not a share: write "0.5%" or 0.005
1| [link]
2| loss = -0.5
 |        ~~~~`},
	{"duration without unit", "[link]\nburst = 5\n", `x.toml:2: link.burst: "5" is not a duration: write "5ms", "30s" or "7d"
1| [link]
2| burst = 5
 |         ~`},
	{"duration negative", "[link]\nburst = \"-5ms\"\n", `x.toml:2: link.burst: "-5ms" is not a duration: write "5ms", "30s" or "7d"
1| [link]
2| burst = "-5ms"
 |         ~~~~~~`},
	{"duration too long", "idle = \"999999999d\"\n", `x.toml:1: idle: duration "999999999d" is too long
1| idle = "999999999d"
 |        ~~~~~~~~~~~~`},
	{"inline table", "link = { mtu = 1500, loss = 5 }\n", `x.toml:1: link.loss: share "5" is more than 1: write "5%" for per cent
1| link = { mtu = 1500, loss = 5 }
 |                             ~`},
	{"inline list", "channel = [{ id = 1, quota = -5 }]\n", `x.toml:1: channel.quota: "-5" is not a size: write "128MiB", "10KiB" or 4096
1| channel = [{ id = 1, quota = -5 }]
 |                              ~~`},
	{"unclosed string", "seal = \"none\n", `x.toml:1: basic strings cannot have new lines
1| seal = "none
 |             ~`},
	{"fraction for a size", "memory = 1.5\n", `x.toml:1: memory: "1.5" is not a size: write "128MiB", "10KiB" or 4096
1| memory = 1.5
 |          ~~~`},
	{"wrong kind for a rate", "[link]\nrate = true\n", `x.toml:2: link.rate: "true" is not a rate: write "1Gbit/s", "100Mbit/s" or 1000000
1| [link]
2| rate = true
 |        ~~~~`},
}
