package sender

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Quota bounds what a channel sends in a day of a time zone. What is above it waits for the
// next day. The zero Quota bounds nothing.
type Quota struct {
	Bytes uint64         // octets of content, all passes; 0: no bound
	Files uint64         // files, first passes only; 0: no bound
	Zone  *time.Location // whose midnight begins a day; nil: UTC
}

// bounds says whether there is anything to count.
func (q Quota) bounds() bool { return q.Bytes > 0 || q.Files > 0 }

func (q Quota) zone() *time.Location {
	if q.Zone == nil {
		return time.UTC
	}
	return q.Zone
}

// day is the date that counts at a moment, and when the next one begins.
func (q Quota) day(now time.Time) (string, time.Time) {
	y, m, d := now.In(q.zone()).Date()
	return now.In(q.zone()).Format(time.DateOnly), time.Date(y, m, d+1, 0, 0, 0, 0, q.zone())
}

// spent is what a channel has sent today.
type spent struct {
	Day   string `json:"day"` // as in 2006-01-02
	Bytes uint64 `json:"bytes"`
	Files uint64 `json:"files"`
}

// meter holds a channel to its quota.
type meter struct {
	Quota
	spent
}

// turnOver begins a new day when it is one. A clock that was set back gives no second day:
// days are compared as text, which sorts by time.
func (m *meter) turnOver(now time.Time) time.Time {
	today, next := m.day(now)
	if today > m.Day {
		m.spent = spent{Day: today}
	}
	return next
}

// allows says whether so many more octets and files may be sent now, and if not, when to
// ask again. What is above the quota by itself goes alone, first thing on its day.
func (m *meter) allows(now time.Time, bytes, files uint64) (bool, time.Time) {
	if !m.bounds() {
		return true, time.Time{}
	}
	next := m.turnOver(now)
	if over(m.Quota.Bytes, m.spent.Bytes, bytes) || over(m.Quota.Files, m.spent.Files, files) {
		return false, next
	}
	return true, time.Time{}
}

func over(limit, used, more uint64) bool {
	return limit > 0 && more > 0 && used > 0 && used+more > limit
}

// spend counts; it says whether there is news for the disk.
func (m *meter) spend(now time.Time, bytes, files uint64) bool {
	if !m.bounds() || bytes == 0 && files == 0 {
		return false
	}
	m.turnOver(now)
	m.spent.Bytes += bytes
	m.spent.Files += files
	return true
}

// quotaFile is where the meters are kept, in the state folder.
const quotaFile = "quota.json"

// loadSpent reads what the channels had spent, by their numbers. A missing file is none.
func loadSpent(state string) (map[string]spent, error) {
	all := map[string]spent{}
	text, err := os.ReadFile(filepath.Join(state, quotaFile))
	if errors.Is(err, os.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s in %q: %w: remove it, and today's quotas begin anew", quotaFile, state, err)
	}
	return all, nil
}

// storeSpent keeps what the channels have spent.
func storeSpent(state string, all map[string]spent) error {
	text, err := json.Marshal(all)
	if err == nil {
		err = writeDurable(filepath.Join(state, quotaFile), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("store quotas: %w", err)
	}
	return nil
}

// meterName is a channel's name in the file: it may be called otherwise tomorrow, its number stays.
func (c *channel) meterName() string { return strconv.Itoa(int(c.ID)) }
