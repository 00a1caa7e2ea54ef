package audit

import (
	"errors"
	"fmt"
)

// Terms is what was demanded of a release, and which files demanded it. Releases that earlier versions of the program entered have none:
// what was demanded of those, the log does not tell.
type Terms struct {
	Channel   string `json:"channel"`          // its name
	Approvals uint64 `json:"approvals"`        // people who had to say yes; 0: the policy's yes was enough
	Policy    string `json:"policy,omitempty"` // digest of the channel's policy, as in its Policy entry; "": nothing was asked of the content
	People    string `json:"people,omitempty"` // SHA-256 of the file of people, as in its Config entry; "": nobody
	Config    string `json:"config,omitempty"` // SHA-256 of the configuration, likewise
}

// ConfigProgram and PeopleProgram are what the two files of pawl-release are entered as.
const (
	ConfigProgram = "pawl-release"
	PeopleProgram = ConfigProgram + ": people"
)

// check holds the terms against who said yes. Nil terms are an earlier version's.
func (t *Terms) check(approvals []string) error {
	if t == nil {
		return nil
	}
	byPolicy := len(approvals) == 1 && approvals[0] == policyWord
	switch {
	case t.Approvals == 0 && !byPolicy:
		return errors.New("approved by people where nobody is asked")
	case uint64(len(approvals)) < t.Approvals:
		return fmt.Errorf("%d approvals where %d are demanded", len(approvals), t.Approvals)
	}
	return errors.Join(given("channel", t.Channel), texts(t.Channel), digestOr(t.Policy), digestOr(t.People), digestOr(t.Config))
}

// byPolicy says whether the policy's yes was enough. One of the people may be called "policy": where there are terms, they decide.
func (b *Release) byPolicy() bool {
	if b.Terms != nil {
		return b.Terms.Approvals == 0
	}
	return len(b.Approvals) == 1 && b.Approvals[0] == policyWord
}

// source is an entry that terms refer to by its digest: of a policy by channel, of a file by program.
type source struct {
	channel uint16
	program string
	digest  string
}

// sources are the entries that the terms of a release refer to.
func (b *Release) sources() []source {
	if b == nil || b.Terms == nil {
		return nil
	}
	var all []source
	for _, s := range []source{
		{program: ConfigProgram, digest: b.Terms.Config}, {program: PeopleProgram, digest: b.Terms.People}, {channel: channelOf(b.Transfer), digest: b.Terms.Policy},
	} {
		if s.digest != "" {
			all = append(all, s)
		}
	}
	return all
}

// sourceOf is what an entry can be the source of; the zero one for an entry that is none.
func sourceOf(e *Entry) source {
	switch {
	case e.Policy != nil:
		return source{channel: e.Policy.Channel, digest: e.Policy.Digest}
	case e.Config != nil:
		return source{program: e.Config.Program, digest: e.Config.Digest}
	}
	return source{}
}

// channelOf is the channel in a transfer's id.
func channelOf(transfer string) (channel uint16) {
	if _, err := fmt.Sscanf(transfer, "%d-", &channel); err != nil {
		return 0 // of no transfer, which check refuses
	}
	return channel
}
