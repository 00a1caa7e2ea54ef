package fec

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the code vectors anew, from the naive twin")

const vectorsPath = "../framing/testdata/vectors/codes.json"

// codeVectors is codes.json. docs/wire.md, "Codes", tells other implementations how to read it.
type codeVectors struct {
	Message    string           `json:"message"`
	About      string           `json:"about"`
	Vectors    []codeVector     `json:"vectors"`
	Geometries []geometryVector `json:"geometries"`
}

type codeVector struct {
	Name   string   `json:"name"`
	Code   Code     `json:"code"`
	K      int      `json:"k"`
	R      int      `json:"r"`
	Source []string `json:"source"` // K symbols in hex
	Repair []string `json:"repair"` // R symbols in hex
}

type geometryVector struct {
	Code  Code   `json:"code"`
	K     int    `json:"k"`
	R     int    `json:"r"`
	Class string `json:"class,omitempty"` // class of failure; none: legal
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	data, err := os.ReadFile(vectorsPath)
	if err != nil {
		t.Fatal(err)
	}
	var file codeVectors
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	seen := map[Code]int{}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) { testVector(t, v) })
		seen[v.Code]++
	}
	if seen[Leopard8] < 5 || seen[Leopard16] < 3 || seen[Classic] < 3 {
		t.Errorf("vectors for each code: %v", seen)
	}
	refused := 0
	for _, g := range file.Geometries {
		if err := Check(g.Code, g.K, g.R); (err == nil) != (g.Class == "") || err != nil && !errors.Is(err, ErrGeometry) {
			t.Errorf("%+v: %v", g, err)
		}
		if g.Class != "" {
			refused++
		}
	}
	if refused < 10 || refused == len(file.Geometries) {
		t.Errorf("%d of %d geometries refused", refused, len(file.Geometries))
	}
}

// testVector encodes, and rebuilds the source from the last K symbols.
func testVector(t *testing.T, v codeVector) {
	if len(v.Source) != v.K || len(v.Repair) != v.R {
		t.Fatalf("%d and %d symbols", len(v.Source), len(v.Repair))
	}
	want := make([][]byte, 0, v.K+v.R)
	for _, text := range append(v.Source, v.Repair...) {
		symbol, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, symbol)
	}
	codec, err := testCodecs.Get(v.Code, v.K, v.R)
	if err != nil {
		t.Fatal(err)
	}
	got := clone(want)
	for _, repair := range got[v.K:] {
		clear(repair)
	}
	if err := codec.Encode(got); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("symbol %d is encoded to %x", i, got[i])
		}
	}
	for i := range v.R {
		got[i] = nil
	}
	if err := codec.Rebuild(got); err != nil {
		t.Fatal(err)
	}
	for i := range v.K {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("symbol %d is rebuilt to %x", i, got[i])
		}
	}
}

func writeVectors(t *testing.T) {
	file := codeVectors{Message: "codes", About: "Blocks of K source and R repair symbols of 64 octets, ESI 0 first, and geometries that a receiver accepts or refuses. Made by the naive twin in fec/naive_test.go."}
	random := rand.New(rand.NewPCG(2026, 11))
	for _, g := range []geometry{
		{Leopard8, 1, 1}, {Leopard8, 2, 1}, {Leopard8, 5, 3}, {Leopard8, 3, 6}, {Leopard8, 20, 5}, {Leopard8, 200, 20},
		{Leopard16, 1, 1}, {Leopard16, 5, 3}, {Leopard16, 3, 6}, {Leopard16, 300, 10},
		{Classic, 1, 1}, {Classic, 5, 3}, {Classic, 1, 6}, {Classic, 40, 8},
	} {
		v := codeVector{Name: fmt.Sprintf("%v %d+%d", g.code, g.k, g.r), Code: g.code, K: g.k, R: g.r}
		symbols := make([][]byte, g.k+g.r)
		for i := range symbols {
			symbols[i] = make([]byte, 64)
			for n := range symbols[i] {
				symbols[i][n] = byte(random.Uint32())
			}
		}
		naiveEncode(g.code, symbols, g.k)
		for i, s := range symbols {
			if i < g.k {
				v.Source = append(v.Source, hex.EncodeToString(s))
			} else {
				v.Repair = append(v.Repair, hex.EncodeToString(s))
			}
		}
		file.Vectors = append(file.Vectors, v)
	}
	for _, legal := range []geometry{
		{None, 1, 0}, {None, 65535, 0}, {Leopard8, 240, 16}, {Leopard8, 224, 32}, {Leopard8, 192, 64}, {Leopard8, 128, 128},
		{Leopard8, 1, 128}, {Leopard8, 255, 1}, {Leopard16, 1000, 50}, {Leopard16, 4096, 4096}, {Leopard16, 1, 8191}, {Classic, 255, 1}, {Classic, 1, 255}, {Classic, 200, 56},
	} {
		file.Geometries = append(file.Geometries, geometryVector{legal.code, legal.k, legal.r, ""})
	}
	for _, illegal := range []geometry{
		{0, 1, 1}, {5, 1, 1}, {None, 0, 0}, {None, 1, 1}, {Leopard8, 200, 0}, {Leopard8, 0, 1}, {Leopard8, 241, 16}, {Leopard8, 225, 32}, {Leopard8, 200, 33},
		{Leopard8, 129, 128}, {Leopard8, 1, 129}, {Leopard8, 256, 1}, {Leopard16, 1000, 0}, {Leopard16, 8192, 1}, {Leopard16, 4096, 4097}, {Classic, 200, 57}, {Classic, 1, 0}, {Classic, 1, 256},
	} {
		file.Geometries = append(file.Geometries, geometryVector{illegal.code, illegal.k, illegal.r, "geometry"})
	}
	data, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsPath, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
