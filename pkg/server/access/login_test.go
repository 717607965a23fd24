package access_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/evenkv/nkv/pkg/server/access"
)

func TestPasswords(t *testing.T) {
	rules := parse(t, device)
	l := access.NewLogins()
	for range 3 { // the first is checked, the others are known
		if id, err := l.Password(rules, "zedagent", "right", "here"); err != nil || id.Name != "zedagent" {
			t.Fatalf("the right one: %v, %v", id, err)
		}
	}
	for name, test := range map[string]struct{ user, password string }{
		"wrong": {"zedagent", "wrong"}, "empty": {"zedagent", ""}, "longer": {"zedagent", "right" + strings.Repeat("x", 80)},
		"another's": {"pillar", "right"}, "nobody's": {"nobody", "right"}, "no user": {"", "right"}, "the hash": {"zedagent", hash},
		"with a zero": {"zedagent", "right\x00x"},
	} {
		if id, err := l.Password(rules, test.user, test.password, name); !errors.Is(err, access.ErrCredentials) {
			t.Errorf("%s: %v, %v", name, id, err)
		}
	}
	// One that is taken out of the file does not count any more, though it is known.
	without := parse(t, strings.Replace(device, "passwords: [HASH]", "uids: [9]", 1))
	l.Forget(without)
	if _, err := l.Password(without, "zedagent", "right", "here"); !errors.Is(err, access.ErrCredentials) {
		t.Errorf("a password that was taken back: %v", err)
	}
}

// TestWrongPasswordsWait: after some wrong ones from a place no more are checked
// from there for a while; what is known to be right, and other places, are not
// kept out by that.
func TestWrongPasswordsWait(t *testing.T) {
	rules := parse(t, device)
	l := access.NewLogins()
	if _, err := l.Password(rules, "zedagent", "right", "there"); err != nil {
		t.Fatal(err)
	}
	busy := 0
	for i := range 50 {
		_, err := l.Password(rules, "zedagent", fmt.Sprint("wrong", i), "there")
		switch {
		case errors.Is(err, access.ErrBusy):
			busy++
		case !errors.Is(err, access.ErrCredentials):
			t.Fatal(err)
		case i > 10:
			t.Errorf("the wrong password %d was checked", i)
		}
	}
	if busy < 39 {
		t.Errorf("%d of 50 were refused unchecked", busy)
	}
	if _, err := l.Password(rules, "zedagent", "right", "there"); err != nil {
		t.Errorf("the known password from the same place: %v", err)
	}
	if _, err := access.NewLogins().Password(rules, "zedagent", "right", "there"); err != nil {
		t.Errorf("the right password, first time: %v", err)
	}
}

// TestUnknownUsersWait: who tries passwords does not learn which users there are: all
// are checked, and made to wait, alike, and the decoy's password opens nothing.
func TestUnknownUsersWait(t *testing.T) {
	rules := parse(t, device)
	for _, user := range []string{"zedagent", "pillar", "nobody", ""} {
		l := access.NewLogins()
		checked := 0
		for i := range 20 {
			password := fmt.Sprint("wrong", i)
			if user != "zedagent" {
				password = "right"
			}
			_, err := l.Password(rules, user, password, "there")
			switch {
			case errors.Is(err, access.ErrCredentials):
				checked++
			case !errors.Is(err, access.ErrBusy):
				t.Fatalf("user %q: %v", user, err)
			}
		}
		if checked < 6 || checked > 10 {
			t.Errorf("user %q: %d passwords were checked", user, checked)
		}
		if _, err := l.Password(rules, "zedagent", "right", "elsewhere"); err != nil {
			t.Errorf("after user %q: %v", user, err)
		}
	}
}

// TestManyLogins: however many come at once, what waits is bounded, and all get an
// answer soon.
func TestManyLogins(t *testing.T) {
	rules := parse(t, device)
	l := access.NewLogins()
	begun := time.Now()
	var wait sync.WaitGroup
	for i := range 5000 {
		wait.Go(func() {
			_, err := l.Password(rules, "zedagent", fmt.Sprint("wrong", i), fmt.Sprint("place", i))
			if !errors.Is(err, access.ErrBusy) && !errors.Is(err, access.ErrCredentials) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	if _, err := l.Password(rules, "zedagent", "right", "elsewhere"); err != nil {
		t.Errorf("afterwards the right one: %v", err)
	}
}

func TestNKeys(t *testing.T) {
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	other, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	rules := parse(t, "identities: {nim: {nkeys: ["+public+"]}}")
	nonce := []byte("a nonce")
	sign := func(key nkeys.KeyPair, what []byte) string {
		signature, err := key.Sign(what)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(signature)
	}
	if id, err := rules.NKey(public, sign(key, nonce), nonce); err != nil || id.Name != "nim" {
		t.Errorf("%v, %v", id, err)
	}
	for name, test := range map[string]struct {
		public, signature string
		nonce             []byte
	}{
		"another's signature": {public, sign(other, nonce), nonce}, "another nonce": {public, sign(key, []byte("x")), nonce},
		"no signature": {public, "", nonce}, "no base64": {public, "!", nonce}, "no nonce": {public, sign(key, nil), nil},
		"no key": {"", sign(key, nonce), nonce}, "an unknown key": {public[:55] + "A", sign(key, nonce), nonce},
		"a short signature": {public, "AAAA", nonce},
	} {
		if id, err := rules.NKey(test.public, test.signature, test.nonce); !errors.Is(err, access.ErrCredentials) {
			t.Errorf("%s: %v, %v", name, id, err)
		}
	}
}

func TestHash(t *testing.T) {
	made, err := access.Hash("a new one")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := access.Parse("f", []byte("identities: {a: {passwords: [\""+made+"\"]}}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := access.NewLogins().Password(rules, "a", "a new one", "here"); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"", strings.Repeat("p", access.MaxPassword+1)} {
		if _, err := access.Hash(wrong); !errors.Is(err, access.ErrCredentials) {
			t.Errorf("a password of %d bytes: %v", len(wrong), err)
		}
	}
}
