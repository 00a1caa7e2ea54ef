package check

import (
	"pawl/framing"
	"pawl/receiver/quarantine"
)

// Pass is the answer that every check said yes to one transfer, for the bytes that went by.
// Only [Verify] makes one that is valid.
type Pass struct {
	made bool
	id   quarantine.ID
	body [32]byte
	name string
	head framing.ProofHead
	sink Sink

	findings []Finding
}

// Valid says whether Verify made p. The zero Pass is not.
func (p Pass) Valid() bool { return p.made }

// ID is the transfer that passed.
func (p Pass) ID() quarantine.ID { return p.id }

// Body is the SHA-256 of the body of the transfer's proof, which stands for the transfer:
// the proof holds the digests of the plan and of every file.
func (p Pass) Body() [32]byte { return p.body }

// Findings are what the checks of the policy said, all of them "yes", with engines and versions. They were said about the
// content that Body stands for.
func (p Pass) Findings() []Finding { return p.findings }

// Name is the transfer's one top-level name.
func (p Pass) Name() string { return p.name }

// Head is the signed head of the proof that p was given for.
func (p Pass) Head() framing.ProofHead { return p.head }

// Proves says whether p was given for transfer id and the very bytes that were written to
// sink. A pass of a dry run (a nil sink) proves nothing about any sink.
func (p Pass) Proves(id quarantine.ID, sink Sink) bool {
	return p.made && p.id == id && sink != nil && p.sink == sink
}
