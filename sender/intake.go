package sender

import (
	"fmt"
	"path"
	"strings"

	"pawl/framing"
)

// Complete is a set of signs, each of which says that an entry of an outbox is complete.
// None of them counts while somebody is known to have a file of the entry open for writing.
type Complete uint8

// The signs. A folder that was made in the outbox has no close of its own: CompleteClose
// takes it by the quiet time, as CompleteQuiet does.
const (
	CompleteRename Complete = 1 << iota // it was moved in
	CompleteClose                       // the file was closed after writing
	CompleteQuiet                       // nothing in it changed for the quiet time
	CompleteReady                       // NAME.ready lies beside NAME
)

// DefaultComplete takes what was moved in at once, and what was copied in after the quiet time.
const DefaultComplete = CompleteRename | CompleteQuiet

// readySuffix makes the name of a marker from that of its entry.
const readySuffix = ".ready"

func (c Complete) has(sign Complete) bool { return c&sign != 0 }

// names of the signs, in the order of their bits.
var completeNames = []string{"rename", "close", "quiet", "ready"}

// ParseComplete reads a set of signs: their names with commas between.
func ParseComplete(text string) (c Complete, err error) {
next:
	for name := range strings.SplitSeq(text, ",") {
		for i, known := range completeNames {
			if strings.TrimSpace(name) == known {
				c |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf(`%q is no sign of completeness: write "rename", "close", "quiet", "ready", or several with commas between`, strings.TrimSpace(name))
	}
	return c, nil
}

// String writes the set as ParseComplete reads it.
func (c Complete) String() string {
	var all []string
	for i, name := range completeNames {
		if c.has(1 << i) {
			all = append(all, name)
		}
	}
	return strings.Join(all, ",")
}

// Group says what becomes one transfer.
type Group int

// The ways to group.
const (
	GroupTop   Group = iota // each entry of the outbox
	GroupFile               // each file, inside folders too, below the folders it lies in
	GroupQuiet              // what arrived until nothing arrived for the quiet time
)

var groupNames = []string{"top", "file", "quiet"}

// ParseGroup reads the name of a way to group.
func ParseGroup(text string) (Group, error) {
	for i, name := range groupNames {
		if text == name {
			return Group(i), nil
		}
	}
	return 0, fmt.Errorf(`%q is no way to group: write "top", "file" or "quiet"`, text)
}

// String writes the name.
func (g Group) String() string { return groupNames[g] }

// Intake says what a channel takes from its outbox, and when. The zero value takes
// everything that may cross.
type Intake struct {
	Complete Complete // 0: DefaultComplete
	Group    Group
	// Include and Exclude are patterns of path.Match: with a slash for the path below the
	// outbox, without for the last name alone. A file must match one of Include, if there are
	// any; neither file nor folder may match one of Exclude.
	Include, Exclude []string
	// RefuseFiltered refuses what the patterns don't let pass; otherwise it stays in the outbox.
	RefuseFiltered bool
	FoldCase       bool   // refuse a transfer with names that differ only in case
	MaxFile        uint64 // octets of one file; 0: no bound of the channel
	MaxTransfer    uint64 // octets of all files of a transfer; 0: no bound of the channel
	MaxEntries     uint64 // files and folders of a transfer; 0: no bound of the channel
}

// check refuses what cannot work.
func (in *Intake) check() error {
	if in.Complete >= 1<<len(completeNames) || in.Group < 0 || int(in.Group) >= len(groupNames) {
		return fmt.Errorf("intake: signs %d, group %d", in.Complete, in.Group)
	}
	for _, pattern := range append(append([]string(nil), in.Include...), in.Exclude...) {
		if err := CheckPattern(pattern); err != nil {
			return err
		}
	}
	if in.MaxFile > 0 && in.MaxTransfer > 0 && in.MaxFile > in.MaxTransfer {
		return fmt.Errorf("files of up to %d octets in transfers of up to %d", in.MaxFile, in.MaxTransfer)
	}
	return nil
}

// CheckPattern says whether a name filter can be used.
func CheckPattern(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("pattern %q: %w", pattern, err)
	}
	if pattern == "" || strings.HasPrefix(pattern, "/") || strings.HasSuffix(pattern, "/") {
		return fmt.Errorf("pattern %q matches no name: write one such as \"*.tmp\" or \"drafts/*\"", pattern)
	}
	return nil
}

// filters says whether there are name filters.
func (in *Intake) filters() bool { return len(in.Include)+len(in.Exclude) > 0 }

// Filtered says why the name filters don't let pass what lies at p below the outbox, "" if
// they do.
func (in *Intake) Filtered(p string, folder bool) string {
	for _, pattern := range in.Exclude {
		if matches(pattern, p) {
			return fmt.Sprintf("its name matches %q, which the channel excludes", pattern)
		}
	}
	if folder || len(in.Include) == 0 {
		return ""
	}
	for _, pattern := range in.Include {
		if matches(pattern, p) {
			return ""
		}
	}
	return "its name matches nothing that the channel includes"
}

// matches holds p to one pattern, which was checked.
func matches(pattern, p string) bool {
	if !strings.Contains(pattern, "/") {
		p = path.Base(p)
	}
	ok, err := path.Match(pattern, p)
	return ok && err == nil
}

// marks says whether name is a marker, and of which entry.
func (in *Intake) marks(name string) (entry string, marker bool) {
	if !in.Complete.has(CompleteReady) {
		return "", false
	}
	entry, marker = strings.CutSuffix(name, readySuffix)
	return entry, marker && entry != "" && !strings.HasSuffix(entry, "/")
}

// CheckEntry says whether a path below an outbox may become a transfer, as far as its names
// tell: framing.CheckPath and the name filters.
func (in *Intake) CheckEntry(p string) error {
	if err := framing.CheckPath(p); err != nil {
		return err
	}
	if why := in.Filtered(p, false); why != "" {
		return refuse(p, "%s", why)
	}
	return nil
}
