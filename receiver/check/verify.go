package check

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/quarantine"
)

// Rules are what a channel asks of its transfers.
type Rules struct {
	Sender seal.SenderPublic  // whose signature counts
	Limits framing.PlanLimits // zero: the format's
	Policy *Policy            // what is asked of the content; nil: nothing
	Passed func()             // is told of each file and folder that went by; nil: nobody
}

// chunk is the most that is read, digested and written at a time: large against a system
// call's cost, small against a cache.
const chunk = 512 << 10

// Verify reads the transfer in folder dir and gives every byte that it digests to sink too, which may
// be nil. It returns a valid Pass, or an error: a "no" has a [Verdict] in it, everything else
// (errors of the disk, of the sink, of ctx) leaves the question open. Memory does not grow
// with the transfer.
//
// The caller must hold the transfer's lock.
func Verify(ctx context.Context, dir string, id quarantine.ID, rules Rules, sink Sink) (Pass, error) {
	pass, err := verify(ctx, dir, id, rules, sink)
	if err != nil {
		return Pass{}, fmt.Errorf("check transfer %s: %w", id, err)
	}
	return pass, nil
}

func verify(ctx context.Context, dir string, id quarantine.ID, rules Rules, sink Sink) (Pass, error) {
	signed, body, err := signedProof(dir, id, rules.Sender)
	if err != nil {
		return Pass{}, err
	}
	plan, err := openSource(dir, quarantine.PlanFile)
	if err != nil {
		return Pass{}, missing(Plan, "plan", err)
	}
	defer plan.Close()
	if err := planDigest(plan, &signed); err != nil {
		return Pass{}, err
	}
	// From here on both are read a second time, while the content goes by. They may be large, so
	// they are not kept; that they are still the same is asked at the end.
	proof, err := openSource(dir, quarantine.ProofFile)
	if err != nil {
		return Pass{}, missing(Signature, "proof", err)
	}
	defer proof.Close()
	w := &walk{planFile: plan, proofFile: proof, planHash: sha256.New(), sink: sink, signed: signed, inspection: inspect(ctx, rules.Policy), passed: rules.Passed}
	defer w.inspection.close()
	if err := w.open(id, rules.Limits); err != nil {
		return Pass{}, err
	}
	content, err := w.openContent(dir)
	if err != nil {
		return Pass{}, err
	}
	defer content.Close()
	if sink != nil {
		if err := sink.Begin(w.plan.Head()); err != nil {
			return Pass{}, err
		}
	}
	if err := w.run(ctx); err != nil {
		if v, ok := AsVerdict(err); ok && v.Outcome != "" {
			v.Findings = w.inspection.findings()
		}
		return Pass{}, err
	}
	if w.proof.BodyDigest() != body || [sha256.Size]byte(w.planHash.Sum(nil)) != signed.PlanDigest {
		return Pass{}, no(Digest, "", "plan or proof changed on disk while they were read")
	}
	return Pass{made: true, id: id, body: body, name: w.plan.Head().Name, head: signed, sink: sink, findings: w.inspection.findings()}, nil
}

// walk is one reading of a transfer from its first entry to its last.
type walk struct {
	planFile, proofFile *source

	signed   framing.ProofHead
	plan     *framing.PlanReader
	planHash hash.Hash
	proof    *framing.ProofReader
	content  *ahead
	checks   []Check
	digest   *digest // the last of checks
	sink     Sink
	files    uint64
	path     string // path of the entry that is being read
	passed   func() // nil: nobody asks

	inspection *inspection // what the policy asks; nil when there is none
}

// open reads the heads and sets the checks up.
func (w *walk) open(id quarantine.ID, limits framing.PlanLimits) error {
	var err error
	if w.proof, err = framing.NewProofReader(w.proofFile); err != nil {
		return w.failed(no(Signature, "", "proof: %v", err))
	}
	if w.plan, err = framing.NewPlanReader(io.TeeReader(w.planFile, w.planHash), limits); err != nil {
		return w.failed(planFault(err))
	}
	head := w.plan.Head()
	if err := agree(&head, id, &w.signed); err != nil {
		return err
	}
	w.digest = newDigest(w.proof)
	w.checks = []Check{names{top: head.Name}, w.digest}
	return nil
}

// openContent opens the content, which is absent when all files are empty, and asks its size.
func (w *walk) openContent(dir string) (io.Closer, error) {
	src, err := openSource(dir, quarantine.ContentFile)
	if errors.Is(err, fs.ErrNotExist) && w.signed.Content == 0 {
		w.content = newAhead(eof{}, 0)
		return w.content, nil
	}
	if err != nil {
		return nil, missing(Digest, "content", err)
	}
	if src.size != w.signed.Content {
		src.Close()
		return nil, no(Digest, "", "content of %d bytes on disk, %d in the proof", src.size, w.signed.Content)
	}
	w.content = newAhead(src, src.size)
	return w.content, nil
}

// eof is content without bytes.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
func (eof) Close() error             { return nil }

func (w *walk) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := w.plan.Next()
		if err == io.EOF {
			return w.end()
		}
		if err != nil {
			return w.failed(planFault(err))
		}
		w.path = e.Path
		if !e.Dir {
			w.files++
		}
		if w.files > w.signed.Files {
			return no(Plan, "", "more files in the plan than the %d in the proof", w.signed.Files)
		}
		if err := w.ask(func(c Check) error { return c.Entry(&e) }); err != nil {
			return err
		}
		w.inspection.entry(&e)
		if e.Dir {
			err = w.dir(e)
		} else {
			err = w.file(ctx, e)
		}
		if err == nil {
			err = w.inspection.endEntry(e.Path, w.digest.want)
		}
		if w.passed != nil {
			w.passed()
		}
		if err != nil {
			return err
		}
	}
}

// end asks the checks for the last time. The plan has read its own end already.
func (w *walk) end() error {
	w.path = ""
	if w.files != w.signed.Files {
		return no(Plan, "", "%d files in the plan, %d in the proof", w.files, w.signed.Files)
	}
	if err := w.ask(Check.End); err != nil {
		return err
	}
	switch _, err := w.content.Some(1); {
	case err == nil:
		return no(Digest, "", "content is longer than planned")
	case err != io.EOF:
		return err
	}
	if err := w.failed(nil); err != nil {
		return err
	}
	return w.inspection.end()
}

func (w *walk) dir(e framing.Entry) error {
	if w.sink == nil {
		return nil
	}
	return w.sink.Dir(e)
}

// file lets one file's bytes go by the checks and into the sink.
func (w *walk) file(ctx context.Context, e framing.Entry) error {
	if w.sink == nil {
		return w.bytes(ctx, e, io.Discard)
	}
	out, err := w.sink.File(e)
	if err != nil {
		return err
	}
	err = w.bytes(ctx, e, out)
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

func (w *walk) bytes(ctx context.Context, e framing.Entry, out io.Writer) error {
	for left := e.Size; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := w.content.Some(left)
		if err == io.EOF {
			return w.failed(no(Digest, e.Path, "content ends %d bytes early", left))
		}
		if err != nil {
			return err
		}
		if err := w.pass(p, out); err != nil {
			return err
		}
		w.content.Skip(len(p))
		left -= uint64(len(p))
	}
	return w.ask(Check.EndFile)
}

// pass lets the next bytes of a file go by the checks and into the sink. Both work on the same bytes and neither changes
// them, so where there are many they do it side by side: digesting and writing cost about the same.
func (w *walk) pass(p []byte, out io.Writer) error {
	question := func(c Check) error { return c.Content(p) }
	if len(p) < chunk/4 || out == io.Discard {
		if err := w.ask(question); err != nil {
			return err
		}
		w.inspection.content(p)
		_, err := out.Write(p)
		return err
	}
	written := make(chan error, 1)
	go func() {
		_, err := out.Write(p)
		written <- err
	}()
	err := w.ask(question)
	w.inspection.content(p)
	return cmp.Or(err, <-written) // wait for the writer in any case: p is used again
}

// ask puts one question to all checks and makes the first "no" a verdict.
func (w *walk) ask(question func(Check) error) error {
	for _, c := range w.checks {
		if err := question(c); err != nil {
			return w.failed(no(c.Name(), w.path, "%v", err))
		}
	}
	return nil
}

// failed gives the disk's fault where there was one: then err is only what came of it.
func (w *walk) failed(err error) error {
	for _, src := range []*source{w.planFile, w.proofFile} {
		if src != nil && src.fault != nil {
			return src.fault
		}
	}
	return err
}
