package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/klauspost/compress/zstd"

	"pawl/receiver/check/checktest"
)

// tree is a folder with so many files of one text, a hundred to a folder.
func tree(name, text string, n int) []checktest.Entry {
	entries := []checktest.Entry{{Path: "t", Dir: true}}
	for i := range n {
		if i%100 == 0 {
			entries = append(entries, checktest.Entry{Path: fmt.Sprintf("t/%04d", i/100), Dir: true})
		}
		entries = append(entries, checktest.Entry{Path: fmt.Sprintf("t/%04d/%d-%s", i/100, i, name), Data: []byte(text)})
	}
	return entries
}

// signs adds a signature to each file.
func (p publisher) signs(entries []checktest.Entry) []checktest.Entry {
	for _, e := range entries {
		if !e.Dir {
			entries = append(entries, checktest.Entry{Path: e.Path + ".minisig", Data: []byte(p.sign(string(e.Data)))})
		}
	}
	return entries
}

func noise(size int) string {
	p := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p) // never an error
	return string(p)
}

// prose packs to about a third, as text does.
func prose(size int) string {
	rng := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 4000)
	for i := range words {
		word := make([]byte, 2+rng.IntN(9))
		for j := range word {
			word[j] = byte('a' + rng.IntN(26))
		}
		words[i] = string(word)
	}
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(words[int(float64(len(words))*rng.Float64()*rng.Float64())])
		b.WriteByte(' ')
	}
	return b.String()[:size]
}

func jsonText(size int) string {
	var b strings.Builder
	b.WriteString("[0")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, ",\n {\"id\": %d, \"name\": \"entry %d\", \"tags\": [\"a\", \"b\"], \"weight\": %d.5}", i, i, i%1000)
	}
	return b.String() + "]\n"
}

func xmlText(size int) string {
	var b strings.Builder
	b.WriteString("<list>")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "\n <entry id=\"%d\"><name>entry %d</name><weight unit=\"g\">%d.5</weight></entry>", i, i, i%1000)
	}
	return b.String() + "</list>\n"
}

// pack puts the text into an archive, a MiB to a member.
func pack(kind, text string) string {
	var b bytes.Buffer
	var err error
	switch kind {
	case "zip":
		w := zip.NewWriter(&b)
		err = errors.Join(members(text, func(name string, _ int) (io.Writer, error) { return w.Create(name) }), w.Close())
	case "tar.gz":
		err = tarInto(gzip.NewWriter(&b), text)
	case "tar.zst":
		var out *zstd.Encoder
		if out, err = zstd.NewWriter(&b); err == nil {
			err = tarInto(out, text)
		}
	}
	if err != nil || b.Len() == 0 {
		panic(fmt.Sprintf("pack %s: %v", kind, err))
	}
	return b.String()
}

func tarInto(out io.WriteCloser, text string) error {
	w := tar.NewWriter(out)
	err := members(text, func(name string, size int) (io.Writer, error) {
		return w, w.WriteHeader(&tar.Header{Name: name, Size: int64(size), Mode: 0o644})
	})
	return errors.Join(err, w.Close(), out.Close())
}

func members(text string, open func(name string, size int) (io.Writer, error)) error {
	for i := 0; len(text) > 0; i++ {
		part := text[:min(1<<20, len(text))]
		text = text[len(part):]
		w, err := open(fmt.Sprintf("part%d.txt", i), len(part))
		if err == nil {
			_, err = io.WriteString(w, part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
