package merkle_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
)

// TestKeys: the texts are those of the signed-note format, as others read it.
func TestKeys(t *testing.T) {
	key := merkletest.Key(t, origin)
	again, err := merkle.ParseKey("# a comment\n" + key.Text() + "\n")
	if err != nil || again.Public().String() != key.Public().String() {
		t.Fatal(err)
	}
	if _, err := note.NewVerifier(key.Public().String()); err != nil {
		t.Error(err)
	}
	public, err := merkle.ParsePublic(key.Public().String())
	if err != nil || public.Fingerprint() != key.Public().Fingerprint() || public.Origin() != origin {
		t.Error(err)
	}
	sig, err := key.Sign([]byte("x"))
	if err != nil || !public.Verify([]byte("x"), sig) || public.Verify([]byte("y"), sig) || (merkle.Public{}).Verify([]byte("x"), sig) {
		t.Error("signature", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", key, key, key); strings.Contains(text, "PRIVATE") || strings.Contains(text, key.Text()) {
		t.Errorf("a key prints its secret: %s", text)
	}
	for _, text := range []string{"", "# only\n", "x", key.Text() + "\n" + key.Text(), key.Public().String(), key.Text()[:len(key.Text())-3]} {
		if _, err := merkle.ParseKey(text); !errors.Is(err, merkle.ErrKey) {
			t.Errorf("key %q: %v", text, err)
		}
	}
	for _, text := range []string{"", "x+1+2", key.Text(), "a b+" + key.Public().String()} {
		if _, err := merkle.ParsePublic(text); !errors.Is(err, merkle.ErrKey) {
			t.Errorf("public key %q: %v", text, err)
		}
	}
	for _, name := range []string{"", "a b", "a+b", "ü", "a\n", strings.Repeat("a", 256)} {
		if _, err := merkle.GenerateKey(name); !errors.Is(err, merkle.ErrKey) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

// TestJSON: RFC 8785's rules, as far as we take them.
func TestJSON(t *testing.T) {
	value := map[string]any{"€": "\u20ac$\u000f\nA'B\"\\\\\"/<>&\u2028", "\r": 1, "\U0001f600": []any{nil, true, -5}, "\ufb33": "", "1": map[string]any{}}
	want := "{\"\\r\":1,\"1\":{},\"€\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/<>&\u2028\",\"\U0001f600\":[null,true,-5],\"\ufb33\":\"\"}"
	got, err := merkle.AppendJSON(nil, value)
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	for _, v := range []any{1.5, uint64(1 << 53), 1e30} {
		if _, err := merkle.AppendJSON(nil, v); !errors.Is(err, merkle.ErrCanonical) {
			t.Errorf("%v: %v", v, err)
		}
	}
	type T struct {
		A int    `json:"a"`
		B string `json:"b,omitempty"`
	}
	for _, text := range []string{`{"a":1} `, ` {"a":1}`, `{"a":1,"a":1}`, `{"b":"x","a":1}`, `{"a":1.0}`, `{"a":1,"b":""}`, `{"a":1,"c":2}`, `{"A":1}`,
		`{"a":1,"b":"\u0041"}`, `{"a":1}{"a":1}`, `{}`, ``, "{\"a\":1,\"b\":\"\xff\"}", `{"a":01}`, `{"a":1e0}`} {
		if err := merkle.ParseJSON([]byte(text), new(T)); !errors.Is(err, merkle.ErrCanonical) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := merkle.ParseJSON([]byte(`{"a":1,"b":"x"}`), new(T)); err != nil {
		t.Error(err)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,"x",{"b":null}],"c":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		if merkle.ParseJSON(data, &v) != nil {
			return
		}
		again, err := merkle.AppendJSON(nil, v)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q is written back as %q, %v", data, again, err)
		}
	})
}

// FuzzCheckpoint: only what the key signed opens, whatever stands around it.
func FuzzCheckpoint(f *testing.F) {
	key := merkletest.FixedKey(f)
	_, w := build(f, key, 3)
	at := w.Checkpoint()
	f.Add(at.Note())
	if _, err := merkle.OpenCheckpoint(at.Note(), key.Public()); err != nil {
		f.Fatal(err)
	}
	f.Add(append([]byte("x"), at.Note()...))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := merkle.OpenCheckpoint(data, key.Public())
		if err == nil && (c.Size != at.Size || c.Root != at.Root || c.Origin != at.Origin) {
			t.Fatalf("opened a checkpoint that was never signed: %q", data)
		}
		_, _ = merkle.ParseKey(string(data))
		_, _ = merkle.ParsePublic(string(data))
	})
}
