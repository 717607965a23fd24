package wire_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/wire"
)

func TestRecords(t *testing.T) {
	want := []wire.Record{
		{Key: "k", Revision: 1, Value: []byte("v")},
		{Key: "a b.c", Revision: 2, Value: []byte("line\nline\n\n 7 x 3\n")},
		{Key: "empty", Revision: 3, Value: []byte{}},
		{Key: "grün", Revision: 1<<53 - 1, Value: bytes.Repeat([]byte{0, 0xff, '\n'}, 1000)},
	}
	var page []byte
	for _, r := range want {
		page = wire.AppendRecord(page, r.Revision, wire.EncodeToken(r.Key), r.Value)
	}
	var got []wire.Record
	for rest := page; len(rest) > 0; {
		r, after, err := wire.NextRecord(rest)
		if err != nil {
			t.Fatal(err)
		}
		if cap(r.Value) != len(r.Value) {
			t.Errorf("an append to the value of %q would change the page", r.Key)
		}
		got, rest = append(got, r), after
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// No page that was cut anywhere but between two records is read to its end.
	whole := map[int]bool{}
	for rest := page; len(rest) > 0; {
		whole[len(page)-len(rest)] = true
		_, rest, _ = wire.NextRecord(rest)
	}
	for n := range page {
		rest, err := page[:n], error(nil)
		for len(rest) > 0 && err == nil {
			_, rest, err = wire.NextRecord(rest)
		}
		if whole[n] != (err == nil) {
			t.Errorf("a page cut after %d of %d bytes: %v", n, len(page), err)
		}
	}
}

func TestRecordRefuses(t *testing.T) {
	for _, page := range []string{
		"", "\n", " \n", "1 k\n", "1 k 1", "1 k 1\n", "1 k 1\nv", "1 k 1\nvv", "1 k 0\n", "-1 k 1\nv\n", "+1 k 1\nv\n", "x k 1\nv\n", " k 1\nv\n",
		"1  1\nv\n", "1 a.b 1\nv\n", "1 %6B 1\nv\n", "1 $mark 1\nv\n", "1 k -1\nv\n", "1 k x\nv\n", "1 k 1 \nv\n", "1 k 99999999999999999999\nv\n",
		"9007199254740992 k 1\nv\n", "1 k 4294967297\nv\n", "1 k 1\nv\r\n", "1 " + strings.Repeat("k", wire.MaxName+1) + " 1\nv\n",
	} {
		if r, _, err := wire.NextRecord([]byte(page)); !errors.Is(err, wire.ErrInvalidBody) {
			t.Errorf("NextRecord(%q) = %v, %v, want ErrInvalidBody", page, r, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte("1 k 1\nv\n"), uint64(1), "k", []byte("v"))
	f.Add([]byte("1 k 0\n\n2 l 1\n\n\n"), uint64(1<<53-1), "a.b", []byte("\n"))
	f.Add([]byte("01 k 00\n\n"), uint64(0), "", []byte{})
	f.Add([]byte("1 k 2147483647\n\n"), uint64(1<<53), "\xff", []byte{})
	f.Fuzz(func(t *testing.T, page []byte, revision uint64, key string, value []byte) {
		if r, rest, err := wire.NextRecord(page); err == nil {
			if !bytes.HasSuffix(page, rest) || len(rest) >= len(page) || wire.ValidKey(r.Key) != nil {
				t.Errorf("NextRecord(%q) = %v, rest %q", page, r, rest)
			}
		} else if !errors.Is(err, wire.ErrInvalidBody) {
			t.Errorf("NextRecord(%q): %v", page, err)
		}
		if revision >= 1<<53 || wire.ValidKey(key) != nil {
			return
		}
		written := wire.AppendRecord(bytes.Clone(page), revision, wire.EncodeToken(key), value)
		r, rest, err := wire.NextRecord(written[len(page):])
		if err != nil || r.Key != key || r.Revision != revision || !bytes.Equal(r.Value, value) || len(rest) > 0 {
			t.Errorf("%q is read as %v, rest %q, %v", written[len(page):], r, rest, err)
		}
	})
}
