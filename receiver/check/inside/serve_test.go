package inside

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// ask runs a job over one file.
func ask(t *testing.T, job Job, path, content string) Reply {
	t.Helper()
	var in, out bytes.Buffer
	feed, err := NewFeed(&in, job)
	for _, step := range []func() error{func() error { return feed.File(path) }, func() error { return feed.Data([]byte(content)) }, feed.End} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(&in)
	if job, err = ReadJob(r); err != nil {
		t.Fatal(err)
	}
	if err := Serve(job, "a test", r, &out); err != nil {
		t.Fatal(err)
	}
	if greeting, err := ReadReply(&out); err != nil || greeting.N != 0 || greeting.Engine != job.Kind {
		t.Fatalf("greeting %+v, %v", greeting, err)
	}
	reply, err := ReadReply(&out)
	if err != nil || reply.N != 1 {
		t.Fatalf("reply %+v, %v", reply, err)
	}
	return reply
}

func TestTypes(t *testing.T) {
	for content, want := range map[string]string{
		"": Empty, "text\n": "text/plain", "%PDF-1.7\n": "application/pdf", "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 64): "application/x-elf",
		"#!/bin/sh\necho\n": "text/x-shellscript", "PK\x03\x04": "application/zip", `{"a":1}`: "application/json",
	} {
		r := ask(t, Job{Kind: Type}, "f", content)
		if !r.OK || len(r.Types) == 0 || r.Types[0] != want {
			t.Errorf("%q: %+v, want %s", content, r, want)
		}
	}
}

func TestTexts(t *testing.T) {
	schema := `{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`
	deep := strings.Repeat("[", 9) + strings.Repeat("]", 9)
	for _, tc := range []struct{ kind, content, want string }{
		{JSON, `{"n":1}`, ""}, {JSON, `{"n":"x"}`, "does not fit the schema"}, {JSON, `{"n":1,"m":2}`, "does not fit"}, {JSON, `{"n":1,"n":2}`, "twice"},
		{JSON, `{"n":1}x`, "after its end"}, {JSON, `{"n":1`, "ends before"}, {JSON, `{n:1}`, "well formed"}, {JSON, "", "is empty"}, {JSON, "\xff", "UTF-8"}, {JSON, deep, "deep"},
		{JSON, strings.Repeat(" ", 2000), "longer than"}, {JSON, `{"n":1}{}`, "after its end"},
		{XML, "<a><b/>x</a>\n", ""}, {XML, "<a><b></a>", "well formed"}, {XML, "", "no element"}, {XML, "<a/><b/>", "more than one"}, {XML, "<a/>x", "outside"},
		{XML, "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "document type"}, {XML, strings.Repeat("<a>", 9) + strings.Repeat("</a>", 9), "deep"},
		{XML, "<?xml version=\"1.0\" encoding=\"latin1\"?><a/>", "UTF-8"}, {XML, "<a>" + strings.Repeat(" ", 2000) + "</a>", "longer than"},
	} {
		job := Job{Kind: tc.kind, Depth: 8, Size: 1000}
		if tc.kind == JSON {
			job.Schema = schema
		}
		if r := ask(t, job, "f", tc.content); r.OK != (tc.want == "") || !strings.Contains(r.Reason, tc.want) {
			t.Errorf("%s %.40q: %+v, want %q", tc.kind, tc.content, r, tc.want)
		}
	}
}

func TestServeRefuses(t *testing.T) {
	for _, in := range []string{"", "J", "J\xff\xff\xff\xff", "F\x00\x00\x00\x01x", "J\x00\x00\x00\x02{}", "J\x00\x00\x00\x11{\"kind\":\"type\"}  D\x00\x00\x00\x00",
		"J\x00\x00\x00\x12{\"kind\":\"archive\"}", "J\x00\x00\x00\x11{\"kind\":\"type\"}  F\x00\x00\x00\x01x"} {
		r := bufio.NewReader(strings.NewReader(in))
		job, err := ReadJob(r)
		if err == nil {
			err = Serve(job, "x", r, io.Discard)
		}
		if err == nil {
			t.Errorf("%q is served", in)
		}
	}
}

func TestReplyRefuses(t *testing.T) {
	for _, text := range []string{"", "{}", `{"n":1,"ok":false}`, `{"n":1,"ok":true,"reason":"x"}`, `{"n":1,"ok":true} `, `{"n":1,"ok":true,"x":1}`, `{"ok":true,"n":1}`,
		`{"n":0,"ok":true}`, `{"n":1,"ok":true,"types":["a\u001b"]}`, `{"n":1,"ok":false,"reason":"` + strings.Repeat("x", maxReason+1) + `"}`,
		`{"n":1,"ok":true,"engine":"e","version":"v","confined":"c"}`, `{"n":1,"ok":true}{}`} {
		if r, err := ParseReply([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, r)
		}
	}
}

// FuzzReply: what parses is bounded and is written to the same bytes.
func FuzzReply(f *testing.F) {
	f.Add([]byte(`{"n":1,"ok":true,"types":["text/plain"]}`))
	f.Add([]byte(`{"n":1,"ok":false,"reason":"no"}`))
	f.Add([]byte(`{"n":0,"ok":true,"engine":"type","version":"1","confined":"seccomp"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseReply(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil || !bytes.Equal(again, text) || len(r.Reason) > maxReason || len(r.Types) > maxTypes {
			t.Errorf("%q is %+v, %v", text, r, err)
		}
	})
}

// FuzzServe: no input makes the child's loop panic, and it ends.
func FuzzServe(f *testing.F) {
	f.Add([]byte("J\x00\x00\x00\x0f{\"kind\":\"type\"}F\x00\x00\x00\x01xD\x00\x00\x00\x02hiE\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bufio.NewReader(bytes.NewReader(in))
		if job, err := ReadJob(r); err == nil && (job.Kind != Archive || job.Archive.Total < 1<<20) {
			_ = Serve(job, "x", r, io.Discard)
		}
	})
}
