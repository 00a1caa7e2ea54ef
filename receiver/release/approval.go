package release

import (
	"errors"

	"pawl/receiver/check"
)

// ErrApproval is wrapped by Release when the approval is not one for the transfer.
var ErrApproval = errors.New("not approved")

// Mode is whose yes a channel's transfers need. The zero Mode is [Two]: who forgets to say gets the strictest.
type Mode string

// The modes.
const (
	Auto Mode = "auto" // the policy's: what passes is released
	One  Mode = "one"  // one person's
	Two  Mode = "two"  // two different people's
)

// People is how many people must say yes.
func (m Mode) People() int {
	switch m {
	case Auto:
		return 0
	case One:
		return 1
	}
	return 2
}

// Approval is the yes to one transfer, as it is named by the digest of its proof's body. A valid one is made by a job that has found
// everything that its channel asks for; the zero one is refused.
type Approval struct {
	made bool
	body [32]byte
	who  []string
}

// Allows says whether a is for the transfer that passed.
func (a Approval) Allows(p check.Pass) bool { return a.made && p.Valid() && a.body == p.Body() }

// policyWord is who approves where no person is asked.
const policyWord = "policy"

// approve gives the yes to what passed, if nothing that the channel asks for is outstanding now; otherwise it says what is.
func (j *job) approve(p check.Pass) (Approval, string, error) {
	w, err := j.look()
	if err != nil || w.wait != "" {
		return Approval{}, w.wait, err
	}
	who := w.approvers
	if j.channel.Release == Auto {
		who = []string{policyWord}
	}
	return Approval{made: p.Valid(), body: p.Body(), who: who}, "", nil
}
