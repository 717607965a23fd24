package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/tests/codec/plain"
)

// A proof tries one promise on one type with random values.
type proof struct {
	name   string
	rounds int
	run    func(s subject, d *dice, count *tally) error
}

// tally counts what was tried, so that a proof of nothing shows.
type tally struct{ values, accepted, rejected, equal, unequal atomic.Int64 }

func (c *tally) decoded(accepted bool) {
	if accepted {
		c.accepted.Add(1)
	} else {
		c.rejected.Add(1)
	}
}

// proofs lists the promises.
func proofs() []proof {
	return []proof{
		{"encode", 25, proveEncode},
		{"decode", 7, proveDecode},
		{"decode into", 7, proveDecodeInto},
		{"decode deep", 2, proveDecodeDeep},
		{"equal", 12, proveEqual},
		{"copy", 15, proveCopy},
	}
}

func TestGeneratedCodeDoesWhatEncodingJSONDoes(t *testing.T) {
	subjects, err := generatedSubjects()
	if err != nil {
		t.Fatal(err)
	}
	proveAll(t, subjects, 1)
}

// The proofs hold for encoding/json itself, whatever the seed.
func TestProofsAcceptEncodingJSON(t *testing.T) {
	var all []subject
	for _, p := range plain.Types() {
		all = append(all, plainSubject(p))
	}
	proveAll(t, all, 10)
}

// proveAll runs one in so many of the rounds of each proof on each type.
func proveAll(t *testing.T, subjects []subject, share int) {
	n, count := testutil.Seed(t), &tally{}
	t.Run("types", func(t *testing.T) {
		for i, s := range subjects {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				for j, p := range proofs() {
					if err := p.try(s, seeded(n, uint64(i)<<8|uint64(j)), count, max(1, rounds(p.rounds)/share)); err != nil {
						t.Errorf("%s: %v", p.name, err)
					}
				}
			})
		}
	})
	t.Logf("%d types, %d values; %d texts accepted and %d rejected; %d pairs equal and %d not", len(subjects),
		count.values.Load(), count.accepted.Load(), count.rejected.Load(), count.equal.Load(), count.unequal.Load())
}

// try runs a proof so many times.
func (p proof) try(s subject, d *dice, count *tally, rounds int) error {
	for range rounds {
		if err := p.run(s, d, count); err != nil {
			return err
		}
	}
	return nil
}

func proveEncode(s subject, d *dice, count *tally) error {
	count.values.Add(1)
	return checkEncode(s, newFiller(d).value(s.plain))
}

// jsonOf makes JSON of a random value, and its tree.
func jsonOf(s subject, d *dice) ([]byte, *node, error) {
	f := newFiller(d)
	f.hostile = false
	src, err := json.Marshal(f.value(s.plain).Interface())
	if err != nil {
		src = []byte("{}") // a few keys can't be encoded
	}
	tree, err := parse(src)
	if err != nil {
		return nil, nil, fmt.Errorf("parse %s: %w", short(src), err)
	}
	return src, tree, nil
}

func proveDecode(s subject, d *dice, count *tally) error {
	src, tree, err := jsonOf(s, d)
	if err != nil {
		return err
	}
	zero := reflect.New(s.plain)
	if _, ok, err := checkDecode(s, src, zero); err != nil {
		return err
	} else {
		count.decoded(ok)
	}
	m := newMutator(d)
	for i := range 10 {
		src := m.text(bytes.Clone(src))
		if i > 1 {
			src = m.spoil(tree)
		}
		_, ok, err := checkDecode(s, src, zero)
		if err != nil {
			return err
		}
		count.decoded(ok)
	}
	return nil
}

func proveDecodeInto(s subject, d *dice, count *tally) error {
	_, tree, err := jsonOf(s, d)
	if err != nil {
		return err
	}
	m := newMutator(d)
	into := newFiller(d).value(s.plain)
	for i := range 8 {
		sp := newSpeller(d)
		sp.value(tree)
		src := sp.buf
		if i > 0 {
			src = m.spoil(tree)
		}
		v, ok, err := checkDecode(s, src, into)
		if err != nil {
			return err
		}
		count.decoded(ok)
		if ok {
			into = v
		}
	}
	return nil
}

// proveDecodeDeep nests values in members that the type has, or has not.
func proveDecodeDeep(s subject, d *dice, count *tally) error {
	m := newMutator(d)
	n := &node{kind: '{', names: []string{"no such member", m.name()}}
	if s.plain.NumField() > 0 {
		n.names[0] = s.plain.Field(d.n(s.plain.NumField())).Name
	}
	if d.one(2) {
		n.names = n.names[1:]
	}
	for range n.names {
		n.kids = append(n.kids, &node{text: m.deepText()})
	}
	sp := speller{dice: d}
	sp.value(n)
	_, ok, err := checkDecode(s, sp.buf, reflect.New(s.plain))
	count.decoded(ok)
	return err
}

func proveEqual(s subject, d *dice, count *tally) error {
	f := newFiller(d)
	a := f.value(s.plain)
	count.values.Add(1)
	other := newFiller(d).value(s.plain)
	if err := checkEqual(s, a, other); err != nil {
		return err
	}
	b := clone(a)
	for range 8 {
		if err := checkEqual(s, a, b); err != nil {
			return err
		}
		if sameJSON(a, b) {
			count.equal.Add(1)
		} else {
			count.unequal.Add(1)
			b = clone(a)
		}
		f.changeOne(b)
	}
	return nil
}

func proveCopy(s subject, d *dice, count *tally) error {
	count.values.Add(1)
	return checkCopy(s, newFiller(d).value(s.plain))
}

// Encoding, comparing and copying only read, so that they may run at once.
func TestReadingMethodsRunAtOnce(t *testing.T) {
	subjects, err := generatedSubjects()
	if err != nil {
		t.Fatal(err)
	}
	n := testutil.Seed(t)
	for i, s := range subjects {
		v := newFiller(seeded(n, uint64(i))).value(s.plain)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				_, _ = s.encode(nil, v)
				s.equal(v, v)
				s.copy(v)
			})
		}
		wg.Wait()
	}
}

func TestFingerprints(t *testing.T) {
	if _, err := generatedSubjects(); err != nil {
		t.Fatal(err)
	}
	of := map[string]string{}
	for _, g := range generatedTypes() {
		v := reflect.New(g)
		print := v.Interface().(coder).Fingerprint()
		if again := v.Elem().Interface().(interface{ Fingerprint() string }).Fingerprint(); print == "" || again != print {
			t.Errorf("%s has the fingerprints %q and %q", g, print, again)
		}
		if other, ok := of[print]; ok {
			t.Logf("%s and %s have the same fingerprint", g.Name(), other)
		}
		of[print] = g.Name()
	}
}
