package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// writeMethods and readMethods are all there are; every pair is held to the same tests.
var (
	writeMethods = []Method{Plain, MMsg, GSO}
	readMethods  = []Method{Plain, MMsg, GRO}
	addresses    = []string{"127.0.0.1:0", "[::1]:0"}
)

// patience bounds a Read that waits for what loopback delivers at once.
const patience = 10 * time.Second

// pair opens both ends over loopback, or skips with the reason.
func pair(t testing.TB, address string, size int, wm, rm Method) (*Writer, *Reader) {
	t.Helper()
	r := listen(t, address, size, rm)
	w, err := Dial(WriterConfig{Remote: r.LocalAddr().String(), DatagramSize: size, GSO: true, Method: wm})
	if err != nil {
		skipMissing(t, err)
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, r
}

func listen(t testing.TB, address string, size int, m Method) *Reader {
	t.Helper()
	r, err := Listen(ReaderConfig{Listen: address, DatagramSize: size, ReceiveBuffer: 4 << 20, Method: m})
	if err != nil {
		skipMissing(t, err)
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if err := r.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return r
}

func skipMissing(t testing.TB, err error) {
	if errors.Is(err, ErrMethod) && runtime.GOOS != "linux" {
		t.Skipf("not on %s: %v", runtime.GOOS, err)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "listen" {
		t.Skipf("no such loopback address here: %v", err)
	}
}

// take reads until n datagrams came and returns copies of them.
func take(t testing.TB, r *Reader, n int) [][]byte {
	t.Helper()
	var all [][]byte
	for len(all) < n {
		batch, err := r.Read()
		if err != nil {
			t.Fatalf("after %d of %d datagrams, %d dropped by the kernel: %v", len(all), n, r.KernelDrops(), err)
		}
		if len(batch) == 0 {
			t.Fatal("Read returned nothing and no error")
		}
		for _, d := range batch {
			all = append(all, bytes.Clone(d))
		}
	}
	if len(all) > n {
		t.Fatalf("read %d datagrams, %d were sent", len(all), n)
	}
	return all
}

// eachPair runs f over every pair of methods and both address families.
func eachPair(t *testing.T, size int, f func(t *testing.T, w *Writer, r *Reader)) {
	for _, address := range addresses {
		for _, wm := range writeMethods {
			for _, rm := range readMethods {
				t.Run(fmt.Sprintf("%s %s to %s %d", address, wm, rm, size), func(t *testing.T) {
					w, r := pair(t, address, size, wm, rm)
					f(t, w, r)
					if w.Method() != string(wm) || r.Method() != string(rm) {
						t.Errorf("methods became %s and %s", w.Method(), r.Method())
					}
				})
			}
		}
	}
}

// TestOrderAndContent sends batches of all lengths; each arrives whole and in order. The
// sizes are the smallest, an odd one, the two Ethernet sizes, and the largest symbol's.
func TestOrderAndContent(t *testing.T) {
	for _, size := range []int{1, 333, 1472, 8960, 65408 + 64} {
		eachPair(t, size, func(t *testing.T, w *Writer, r *Reader) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rnd := rand.New(rand.NewPCG(seed, 0))
			var key [32]byte
			binary.LittleEndian.PutUint64(key[:], seed)
			noise := rand.NewChaCha8(key)
			for _, count := range []int{1, 2, 43, 44, 45, 64, 65, 1 + rnd.IntN(300)} {
				if count*size > 1<<20 {
					count = 1<<20/size + 1 // within the receive buffer
				}
				batch := make([]byte, count*size)
				noise.Read(batch)
				sent, err := w.Write(batch)
				if err != nil || sent != count {
					t.Fatalf("wrote %d of %d: %v", sent, count, err)
				}
				got := bytes.Join(take(t, r, count), nil)
				if !bytes.Equal(got, batch) {
					t.Fatalf("batch of %d came changed", count)
				}
			}
			st, rt := w.Stats(), r.Stats()
			if st.Datagrams != rt.Datagrams || st.Bytes != rt.Bytes || rt.Oversize != 0 || rt.Drops != 0 || st.Refused != 0 {
				t.Errorf("counters disagree: %+v, %+v", st, rt)
			}
		})
	}
}

// TestEqualSegments is the shape that some kernels damage under GSO: segments all of equal
// length and content, the last one too.
func TestEqualSegments(t *testing.T) {
	eachPair(t, 1472, func(t *testing.T, w *Writer, r *Reader) {
		for _, fill := range []byte{0x00, 0xff, 0xa5} {
			one := bytes.Repeat([]byte{fill}, 1472)
			if _, err := w.Write(bytes.Repeat(one, 176)); err != nil {
				t.Fatal(err)
			}
			for i, d := range take(t, r, 176) {
				if !bytes.Equal(d, one) {
					t.Fatalf("segment %d of %#x came with %d octets, changed", i, fill, len(d))
				}
			}
		}
	})
}

// TestWrongSizes sends what a Writer would not: empty, short, long and huge datagrams. Each
// is delivered, in order, with a length that tells that it is not a good one.
func TestWrongSizes(t *testing.T) {
	const size = 1472
	for _, rm := range readMethods {
		t.Run(string(rm), func(t *testing.T) {
			r := listen(t, addresses[0], size, rm)
			conn, err := net.Dial("udp4", r.LocalAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			lengths := []int{0, 1, size, size - 1, size, size + 1, 0, 0, 65507, size, 2 * size, size}
			for i, n := range lengths {
				if _, err := conn.Write(bytes.Repeat([]byte{byte(i)}, n)); err != nil {
					t.Fatal(err)
				}
			}
			for i, d := range take(t, r, len(lengths)) {
				n := lengths[i]
				if (len(d) == size) != (n == size) {
					t.Errorf("datagram %d of %d octets came with %d", i, n, len(d))
				}
				if n <= size && len(d) != n || n > size && len(d) <= size {
					t.Errorf("datagram %d of %d octets came with %d", i, n, len(d))
				}
				if !bytes.Equal(d, bytes.Repeat([]byte{byte(i)}, len(d))) {
					t.Errorf("datagram %d came changed", i)
				}
			}
			if long := r.Stats().Oversize; long != 3 {
				t.Errorf("%d counted as too long, want 3", long)
			}
		})
	}
}

// TestNobodyListens: a one-way writer cannot know and must not care.
func TestNobodyListens(t *testing.T) {
	for _, wm := range writeMethods {
		t.Run(string(wm), func(t *testing.T) {
			w, r := pair(t, addresses[0], 1472, wm, Plain)
			r.Close()
			for range 100 {
				if n, err := w.Write(make([]byte, 50*1472)); err != nil || n != 50 {
					t.Fatalf("wrote %d: %v", n, err)
				}
			}
		})
	}
}

// TestCloseAndDeadline: either wakes a Read that waits.
func TestCloseAndDeadline(t *testing.T) {
	for _, rm := range readMethods {
		t.Run(string(rm), func(t *testing.T) {
			r := listen(t, addresses[0], 1472, rm)
			if err := r.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("past the deadline: %v", err)
			}
			if err := r.SetDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			woken := make(chan error)
			go func() {
				_, err := r.Read()
				woken <- err
			}()
			runtime.Gosched()
			r.Close()
			if err := <-woken; !errors.Is(err, net.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
	for _, wm := range writeMethods {
		t.Run(string(wm), func(t *testing.T) {
			w, _ := pair(t, addresses[0], 1472, wm, Plain)
			w.Close()
			if _, err := w.Write(make([]byte, 1472)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

// TestDrops fills a small receive buffer: what did not arrive is what the kernel counted.
func TestDrops(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skipf("%s does not count a socket's drops", runtime.GOOS)
	}
	const size, count = 1472, 4000
	r, err := Listen(ReaderConfig{Listen: addresses[0], DatagramSize: size, ReceiveBuffer: 64 << 10, Method: MMsg})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w, err := Dial(WriterConfig{Remote: r.LocalAddr().String(), DatagramSize: size, Method: MMsg})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Write(make([]byte, size*count)); err != nil {
		t.Fatal(err)
	}
	for r.Stats().Datagrams+r.KernelDrops() < count {
		if err := r.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
	}
	st := r.Stats()
	if st.Drops == 0 || st.Datagrams+st.Drops != count {
		t.Errorf("%d delivered and %d dropped of %d", st.Datagrams, st.Drops, count)
	}
}

// TestNoAllocation: a datagram costs no garbage on any method.
func TestNoAllocation(t *testing.T) {
	for i := range writeMethods {
		wm, rm := writeMethods[i], readMethods[i]
		t.Run(fmt.Sprintf("%s to %s", wm, rm), func(t *testing.T) {
			const count = 88
			w, r := pair(t, addresses[0], 1472, wm, rm)
			batch := make([]byte, count*1472)
			cycle := func() {
				if _, err := w.Write(batch); err != nil {
					t.Fatal(err)
				}
				for got := 0; got < count; {
					b, err := r.Read()
					if err != nil {
						t.Fatal(err)
					}
					got += len(b)
				}
			}
			if n := testing.AllocsPerRun(50, cycle); n >= 1 {
				t.Errorf("%v allocations for %d datagrams", n, count)
			}
		})
	}
}
