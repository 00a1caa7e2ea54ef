package people

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pawl/framing/person"
	"pawl/framing/seal"
)

func makeKey(t *testing.T, name string) *person.Key {
	t.Helper()
	k, err := person.Generate(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func makeSender(t *testing.T) seal.SenderPublic {
	t.Helper()
	k, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	return k.Public()
}

func TestVerify(t *testing.T) {
	alice, bob, mallory := makeKey(t, "alice"), makeKey(t, "bob"), makeKey(t, "mallory")
	r, err := New([]Person{{Key: bob.Public(), Roles: []Role{Viewer}}, {Key: alice.Public(), Roles: []Role{Approver}, Channels: []string{"updates"}}}, makeSender(t))
	if err != nil {
		t.Fatal(err)
	}
	if all := r.All(); r.Len() != 2 || all[0].Name() != "alice" || all[1].Name() != "bob" {
		t.Errorf("people %v", all)
	}
	d := person.Decision{Action: person.Approve, Transfer: "1-019a2b3c4d5e6f70", Body: [32]byte{1}, When: time.Now()}
	sign := func(k *person.Key) person.Signed {
		s, err := k.Sign(d)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	p, err := r.Verify(sign(alice))
	if err != nil || p.Name() != "alice" {
		t.Fatalf("%v, %v", p, err)
	}
	if !p.May(Approver, "updates") || p.May(Approver, "reports") || p.May(Admin, "updates") || p.May(Viewer, "updates") {
		t.Error("alice may what she may not, or may not what she may")
	}
	if b, _ := r.Find("bob"); !b.May(Viewer, "reports") || b.May(Approver, "reports") {
		t.Error("bob's roles")
	}
	for name, reg := range map[string]*Registry{"another": r, "zero": {}, "none": nil} {
		if _, err := reg.Verify(sign(mallory)); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s registry: %v", name, err)
		}
	}
	// Mallory with a key of his own that says alice.
	if _, err := r.Verify(sign(makeKey(t, "alice"))); !errors.Is(err, person.ErrSignature) {
		t.Errorf("another alice: %v", err)
	}
	if (*Registry)(nil).Len() != 0 || (*Registry)(nil).All() != nil {
		t.Error("nobody is somebody")
	}
}

func TestPeopleThatCantBe(t *testing.T) {
	alice, sender := makeKey(t, "alice"), makeSender(t)
	as := []Role{Approver}
	// The same key under another name, written as a key file has it.
	raw := alice.Public().Raw()
	cases := map[string]struct {
		all  []Person
		want string
	}{
		"twice":    {[]Person{{Key: alice.Public(), Roles: as}, {Key: makeKey(t, "alice").Public(), Roles: as}}, "there twice"},
		"no roles": {[]Person{{Key: alice.Public()}}, "no roles"},
		"nobody":   {[]Person{{Roles: as}}, "name"},
		"one key":  {[]Person{{Key: alice.Public(), Roles: as}, {Key: person.NewPublic("alicia", raw), Roles: as}}, "has the key of alice"},
		"sender":   {[]Person{{Key: person.NewPublic("carol", sender.Raw()), Roles: as}}, "signs on the low side"},
	}
	for name, c := range cases {
		if _, err := New(c.all, sender); !errors.Is(err, ErrPeople) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoles(t *testing.T) {
	for _, want := range Roles() {
		var r Role
		if err := r.UnmarshalText([]byte(want)); err != nil || r != want {
			t.Errorf("%s: %q, %v", want, r, err)
		}
	}
	var r Role
	if err := r.UnmarshalText([]byte("root")); err == nil || !strings.Contains(err.Error(), "approver") {
		t.Errorf("root is a role: %v", err)
	}
}
