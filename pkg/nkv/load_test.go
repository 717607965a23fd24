package nkv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/store"
)

func TestARestartKeepsEverything(t *testing.T) {
	b := newBench(t)
	b.must(durable(put("d", "k", "1")))
	b.must(put("v", "k", "1"))
	b.must(put("v", "gone", "1"))
	b.must(put("empty", "k", "1"))
	b.must(Request{Op: OpClear, Table: "empty"})
	opened := b.must(durable(open("d", "i")))
	b.must(Request{Op: OpMark, Table: "d", Fence: opened.Fence, Restart: 3})
	b.must(Request{Op: OpDelete, Table: "v", Key: "gone"})
	before, id := b.must(Request{Op: OpTables}).Infos, b.StoreID()
	newest := b.must(Request{Op: OpStatus}).Status.Revision
	for range 3 {
		b.restart()
		after := b.must(Request{Op: OpTables}).Infos
		for i := range after {
			if o := after[i].Owner; o != nil {
				if before[i].Owner == nil || o.Instance != before[i].Owner.Instance || o.Connected {
					t.Errorf("owner %+v, before %+v", o, before[i].Owner)
				}
				after[i].Owner = before[i].Owner
			}
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("tables (-before +after):\n%s", diff)
		}
		if b.StoreID() != id {
			t.Error("another store id")
		}
		b.has("d", map[string]string{"k": "1"})
		b.has("v", map[string]string{"k": "1"})
		b.stored()
		if n := len(b.all()); n != 0 {
			t.Errorf("%d events of a restart", n)
		}
		if now := b.must(Request{Op: OpStatus}).Status.Revision; now <= newest {
			t.Errorf("the newest revision is %d, before the restart %d", now, newest)
		}
		newest = b.must(Request{Op: OpStatus}).Status.Revision
	}
	if got := b.must(put("v", "k", "2")).Revision; got <= newest {
		t.Errorf("revision %d, want above %d", got, newest)
	}
}

func TestAReboot(t *testing.T) {
	for name, change := range map[string]func(*bench){
		"another boot": func(b *bench) { b.boot = "another" },
		"no boot":      func(b *bench) { b.boot = "" },
		"another durable store": func(b *bench) {
			b.durable = newStore()
		},
		"a volatile store without a name": func(b *bench) {
			if err := b.volatile.Memory.Commit([]store.Op{{Key: recordBoot, Delete: true}}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.must(durable(put("d", "k", "1")))
			b.must(open("v", "i"))
			b.Close()
			id := b.StoreID()
			change(b)
			b.start()
			want := []string{"d"}
			if name == "another durable store" {
				want = nil
				if b.StoreID() == id {
					t.Error("the store id stayed")
				}
			}
			var got []string
			for _, info := range b.must(Request{Op: OpTables}).Infos {
				got = append(got, info.Table)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("tables (-want +got):\n%s", diff)
			}
			b.must(put("v", "k", "2"))
			b.must(durable(put("d", "k", "2")))
			b.stored()
			b.restart()
			b.has("v", map[string]string{"k": "2"})
		})
	}
}

func TestUnreadableRecords(t *testing.T) {
	good := map[string][]byte{tableRecord("t"): encodeMeta(meta{}), keyRecord("t", "k"): append(encodeNumber(1), "v"...)}
	for name, bad := range map[string]store.Op{
		"unknown kind":            {Key: "x", Value: []byte("v")},
		"unknown of the server":   {Key: "snew", Value: []byte("v")},
		"key without description": {Key: keyRecord("u", "k"), Value: append(encodeNumber(1), "v"...)},
		"key without length":      {Key: recordKey, Value: encodeNumber(1)},
		"key with a wrong length": {Key: recordKey + "\x09t", Value: encodeNumber(1)},
		"endless length":          {Key: recordKey + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Value: encodeNumber(1)},
		"no revision":             {Key: keyRecord("t", "l"), Value: nil},
		"revision 0":              {Key: keyRecord("t", "l"), Value: encodeNumber(0)},
		"endless revision":        {Key: keyRecord("t", "l"), Value: []byte{0xff, 0xff}},
		"description is no JSON":  {Key: tableRecord("u"), Value: []byte("{")},
		"ceiling is no number":    {Key: recordCeiling, Value: []byte{0xff}},
	} {
		for _, lane := range []string{"durable", "volatile"} {
			t.Run(lane+", "+name, func(t *testing.T) {
				b := &bench{t: t, durable: newStore(), volatile: newStore()}
				s := map[string]*faultyStore{"durable": b.durable, "volatile": b.volatile}[lane]
				ops := []store.Op{bad}
				for key, value := range good {
					ops = append(ops, store.Op{Key: key, Value: value})
				}
				if err := s.Memory.Commit(ops); err != nil {
					t.Fatal(err)
				}
				c, err := Open(Options{Durable: b.durable, Volatile: b.volatile})
				if !errors.Is(err, ErrCorrupt) {
					t.Errorf("%v, want ErrCorrupt", err)
				}
				if err == nil {
					c.Close()
				}
			})
		}
	}
}

func TestKeyRecordsAreOneToOne(t *testing.T) {
	seen := map[string]string{}
	long := make([]byte, 300)
	for _, table := range []string{"t", "tk", "a.T@s", string(long)} {
		for _, key := range []string{"k", "tk", "", string(long)} {
			record := keyRecord(table, key)
			if other, ok := seen[record]; ok {
				t.Errorf("%q and %q are one record", other, table+"/"+key)
			}
			seen[record] = table + "/" + key
			gotTable, gotKey, err := splitKeyRecord(record[1:])
			if err != nil || gotTable != table || gotKey != key {
				t.Errorf("%q, %q: %q, %q, %v", table, key, gotTable, gotKey, err)
			}
		}
	}
}

// storedCeiling returns what the durable store says.
func storedCeiling(t *testing.T, s *faultyStore) uint64 {
	t.Helper()
	found, err := readState(s)
	if err != nil {
		t.Fatal(err)
	}
	return found.ceiling
}

func TestRevisionsAreSetAsideBeforeTheyAreGiven(t *testing.T) {
	b := newBench(t, func(o *Options) { o.reserve = 100 })
	var low uint64
	b.durable.on(func(ops []store.Op) error {
		for _, op := range ops {
			if op.Key != recordCeiling {
				continue
			}
			ceiling, err := decodeNumber(op.Key, op.Value)
			if err != nil || ceiling <= low {
				t.Errorf("the limit is %d after %d, %v", ceiling, low, err)
			}
			low = ceiling
		}
		return b.durable.Memory.Commit(ops)
	})
	for i := range 1000 {
		r := put("t", "k", fmt.Sprint(i))
		if i%7 == 0 {
			r = durable(put("d", "k", fmt.Sprint(i)))
		}
		b.must(r)
	}
	b.Close()
	last := b.of("t")[len(b.of("t"))-1].Revision
	if ceiling := storedCeiling(t, b.durable); ceiling < last {
		t.Errorf("revision %d was given, the stored limit is %d", last, ceiling)
	}
	b.durable.on(nil)
	b.start()
	if next := b.must(put("t", "k", "again")).Revision; next <= last {
		t.Errorf("revision %d after %d", next, last)
	}
}

// With a durable store that refuses, volatile changes go on as long as there are
// revisions, then are refused; trying does not keep a processor busy.
func TestRevisionsRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(o *Options) { o.reserve = 100 })
		defer b.Close()
		b.durable.on(func([]store.Op) error { return refused() })
		before := b.durable.commits()
		done, failed := 0, 0
		for i := range 200 {
			switch got := b.do(put("t", "k", fmt.Sprint(i))); {
			case got.Err == nil:
				done++
			case errors.Is(got.Err, ErrUnavailable):
				failed++
			default:
				t.Fatal(got.Err)
			}
		}
		time.Sleep(time.Minute)
		if done < 90 || done >= 100 {
			t.Errorf("%d changes were done with 100 revisions", done)
		}
		if n := b.durable.commits() - before; n < 1 || n > 3 {
			t.Errorf("%d tries to set more revisions aside, all at once", n)
		}
		if ceiling := storedCeiling(t, b.durable); b.must(Request{Op: OpStatus}).Status.Revision > ceiling {
			t.Error("a revision was given that was not set aside")
		}
		b.durable.on(nil)
		time.Sleep(raiseAgain)
		b.do(put("t", "k", "one more")) // it may be refused, but has more set aside
		synctest.Wait()
		b.must(put("t", "k", "healed"))
		b.replay()
	})
}

// model is the simplest thing that could be right.
type model struct {
	keys  map[string]string
	fence uint64
	owned bool
}

// TestRandomRequestsAgreeWithAModel submits random requests from several
// goroutines, each with tables of its own, so that a model can tell each answer;
// all share the lanes and their batches.
func TestRandomRequestsAgreeWithAModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	b := newBench(t)
	for round := range 3 {
		done := make(chan struct{})
		const writers = 6
		for w := range writers {
			random := rand.New(rand.NewPCG(seed, uint64(w+10*round)))
			go func() {
				defer func() { done <- struct{}{} }()
				randomWriter(b, random, fmt.Sprint("t", w, "."))
			}()
		}
		for range writers {
			<-done
		}
		if round == 0 {
			b.replay()
		}
		b.stored()
		values := map[string]map[string]string{}
		for _, info := range b.must(Request{Op: OpTables}).Infos {
			values[info.Table] = b.values(info.Table)
		}
		b.restart()
		for table, want := range values {
			b.has(table, want)
		}
	}
}

func randomWriter(b *bench, random *rand.Rand, prefix string) {
	models := map[string]*model{}
	for _, info := range b.must(Request{Op: OpTables}).Infos {
		if len(info.Table) > len(prefix) && info.Table[:len(prefix)] == prefix {
			models[info.Table] = &model{b.values(info.Table), info.Fence, info.Owner != nil}
		}
	}
	type sent struct {
		r      Request
		answer <-chan Result
		check  func(Request, Result)
	}
	var window []sent
	settle := func() {
		for _, s := range window {
			s.check(s.r, <-s.answer)
		}
		window = nil
	}
	instance := prefix + "i"
	b.Connected(instance)
	for range 600 {
		table := prefix + fmt.Sprint(random.IntN(3))
		m := models[table]
		key := fmt.Sprint("k", random.IntN(4))
		r := Request{Table: table, Key: key, Durable: random.IntN(2) == 0}
		var want error
		check := func(r Request, got Result) {
			if !errors.Is(got.Err, want) || want == nil && got.Err != nil {
				b.t.Errorf("operation %d on %s %s: %v, want %v", r.Op, r.Table, r.Key, got.Err, want)
			}
		}
		if m != nil && m.owned {
			r.Fence = m.fence
			if random.IntN(10) == 0 {
				r.Fence, want = m.fence+1<<40, ErrFence
			}
		}
		switch pick := random.IntN(20); {
		case pick < 10:
			r.Op, r.Value = OpPut, []byte(fmt.Sprint(random.IntN(3)))
			if want == nil {
				if m == nil {
					m = &model{keys: map[string]string{}}
					models[table] = m
				}
				if has(m.keys, key) && random.IntN(5) == 0 {
					r.Expect, want = new(uint64), ErrRevision
				} else {
					m.keys[key] = string(r.Value)
				}
			}
		case pick < 15:
			r.Op = OpDelete
			if want == nil {
				if m == nil || !has(m.keys, key) {
					want = ErrNotFound
				} else {
					delete(m.keys, key)
				}
			}
		case pick < 16:
			r.Op = OpClear
			r.Match = func(k string) bool { return k != key }
			if want == nil && m == nil {
				want = ErrNotFound
			}
			if want == nil {
				n := 0
				for k := range m.keys {
					if k != key {
						delete(m.keys, k)
						n++
					}
				}
				was := check
				check = func(r Request, got Result) {
					was(r, got)
					if got.Count != n {
						b.t.Errorf("cleared %d keys of %s, want %d", got.Count, r.Table, n)
					}
				}
			}
		case pick < 18:
			settle() // the fence is needed for what follows
			r.Op, r.Instance, r.Fence = OpOpen, Instance{ID: instance, Agent: "a"}, 0
			if m == nil {
				m = &model{keys: map[string]string{}}
				models[table] = m
			}
			m.owned, m.fence = true, b.must(r).Fence
			continue
		case pick < 19:
			r.Op = OpClose
			switch {
			case m == nil:
				want = ErrNotFound
			case !m.owned:
				want = ErrFence
			case want == nil:
				m.owned = false
			}
		default:
			settle()
			want := map[string]string{}
			if m != nil {
				want = m.keys
			}
			b.has(table, want)
			continue
		}
		window = append(window, sent{r, b.submit(r), check})
		if len(window) > 20 {
			settle()
		}
	}
	settle()
	for table, m := range models {
		b.has(table, m.keys)
	}
}

func has(keys map[string]string, key string) bool {
	_, there := keys[key]
	return there
}
