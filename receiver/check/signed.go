package check

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"strings"

	"golang.org/x/crypto/blake2b"

	"pawl/framing"
)

// SignedRule asks for publishers' signatures: x.minisig (minisign) or x.sig (ssh-keygen -Y sign) beside x, in the same folder. It
// binds content to a publisher's key, not to a name: two signed files that swap names, with their signatures, pass.
type SignedRule struct {
	Rule
	// Required refuses files without a signature; otherwise only the signatures that are there must be right.
	Required bool          `json:"required,omitempty"`
	Minisign []MinisignKey `json:"minisign,omitempty"` // allowed signers
	SSH      []SSHKey      `json:"ssh,omitempty"`      // allowed signers
	// Namespace is what SSH signatures are for (ssh-keygen -n): "file" by custom.
	Namespace string `json:"namespace,omitempty"`
}

const (
	minisigSuffix = ".minisig"
	sshSuffix     = ".sig"
	// maxSignature bounds a signature file, in octets.
	maxSignature = 16 << 10
	// maxPending bounds the files whose signature may still come. Between x and x.sig in plan order lie only names that begin with x.
	maxPending = 4096
)

// signed follows a transfer in plan order, in which x comes before x.minisig and x.sig. The signature is verified here and not in a
// child: a yes that a parser of hostile content could make up would prove nothing. What is parsed is a few hundred octets by code that
// is fuzzed.
type signed struct {
	rule    *SignedRule
	pending []*digested
	now     *digested // the file that goes by
	of      *digested // the file that it is the signature of, if it is one
	text    []byte    // of the signature
	hashes  []hash.Hash

	unsigned      uint64 // files that turned out to have no signature
	firstUnsigned string
}

// digested is a file that went by.
type digested struct {
	path    string
	blake2b [blake2b.Size]byte
	sha256  [sha256.Size]byte
	sha512  [sha512.Size]byte
	signed  bool
}

func newSigned(r *SignedRule) *signed {
	s := &signed{rule: r}
	if len(r.Minisign) > 0 {
		h, err := blake2b.New512(nil)
		if err != nil {
			panic(err) // only keys can be wrong
		}
		s.hashes = append(s.hashes, h)
	}
	if len(r.SSH) > 0 {
		s.hashes = append(s.hashes, sha256.New(), sha512.New())
	}
	return s
}

func (*signed) Name() string                   { return "signed" }
func (*signed) engine() (name, version string) { return "minisign and SSH signatures", "1" }
func (*signed) close()                         {}

func (s *signed) Entry(e *framing.Entry) error {
	s.expire(e.Path)
	s.now, s.of, s.text = nil, nil, nil
	if e.Dir {
		return nil
	}
	s.of = s.signs(e.Path)
	if s.of != nil && e.Size > maxSignature {
		return fmt.Errorf("a signature of %d bytes", e.Size)
	}
	s.now = &digested{path: e.Path}
	for _, h := range s.hashes {
		h.Reset()
	}
	return nil
}

// signs finds the file that a signature's name belongs to.
func (s *signed) signs(path string) *digested {
	base, minisign := strings.CutSuffix(path, minisigSuffix)
	if !minisign || len(s.rule.Minisign) == 0 {
		var ssh bool
		if base, ssh = strings.CutSuffix(path, sshSuffix); !ssh || len(s.rule.SSH) == 0 {
			return nil
		}
	}
	for _, d := range s.pending {
		if d.path == base {
			return d
		}
	}
	return nil
}

// expire finds the files whose signature can't come any more.
func (s *signed) expire(path string) {
	kept := s.pending[:0]
	for _, d := range s.pending {
		if path != "" && framing.ComparePaths(path, d.path+sshSuffix) <= 0 {
			kept = append(kept, d)
		} else if !d.signed {
			s.miss(d.path)
		}
	}
	clear(s.pending[len(kept):])
	s.pending = kept
}

func (s *signed) miss(path string) {
	if s.unsigned++; s.unsigned == 1 {
		s.firstUnsigned = path
	}
}

func (s *signed) Content(p []byte) error {
	if s.of != nil {
		s.text = append(s.text, p...)
		return nil
	}
	for _, h := range s.hashes {
		h.Write(p)
	}
	return nil
}

func (s *signed) EndFile() error {
	if s.of != nil {
		return s.verify()
	}
	i := 0
	if len(s.rule.Minisign) > 0 {
		s.hashes[i].Sum(s.now.blake2b[:0])
		i++
	}
	if len(s.rule.SSH) > 0 {
		s.hashes[i].Sum(s.now.sha256[:0])
		s.hashes[i+1].Sum(s.now.sha512[:0])
	}
	if len(s.pending) == maxPending {
		return fmt.Errorf("more than %d files wait for their signature", maxPending)
	}
	s.pending = append(s.pending, s.now)
	return nil
}

// verify asks whether the text is an allowed signer's signature of the file.
func (s *signed) verify() error {
	var err error
	if strings.HasSuffix(s.now.path, minisigSuffix) {
		err = verifyMinisign(string(s.text), s.of.blake2b, s.rule.Minisign)
	} else {
		err = verifySSH(string(s.text), s.rule.Namespace, s.of.sha256, s.of.sha512, s.rule.SSH)
	}
	if err != nil {
		return fmt.Errorf("wrong signature: %w", err)
	}
	s.of.signed = true
	return nil
}

func (s *signed) End() error {
	s.expire("")
	switch {
	case !s.rule.Required || s.unsigned == 0:
		return nil
	case s.unsigned == 1:
		return pathError{s.firstUnsigned, errors.New("is not signed")}
	}
	return pathError{s.firstUnsigned, fmt.Errorf("is not signed, as %d more files", s.unsigned-1)}
}
