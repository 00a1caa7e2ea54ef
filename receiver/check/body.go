package check

import (
	"fmt"

	"pawl/framing/seal"
	"pawl/receiver/quarantine"
)

// SignedBody gives the digest of the body of the proof in folder dir, if sender signed it for transfer id and did not give the
// transfer up; otherwise an error with a [Verdict] in it. The content is not looked at.
func SignedBody(dir string, id quarantine.ID, sender seal.SenderPublic) ([32]byte, error) {
	_, body, err := signedProof(dir, id, sender)
	if err != nil {
		return body, fmt.Errorf("check proof: %w", err)
	}
	return body, nil
}
