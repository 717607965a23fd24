package wire_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/wire"
)

func FuzzSubject(f *testing.F) {
	for _, seed := range []string{
		"", "nkv.", "nkv.v1", "nkv.v1.get.a.T.k", "nkv.v2.put", "nkv.v1.event.a.T.k", "nkv.v1.event.a.T.$mark", "nkv.v1.event.a",
		"_INBOX.ABCDEFGHIJKLMNOPQRSTUVWXYZ.1", "_INBOX..1", "_INBOX.a b.1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		version, verb, target, err := wire.ParseSubject(s)
		switch {
		case err != nil && !errors.Is(err, wire.ErrInvalidSubject):
			t.Errorf("ParseSubject(%q): %v", s, err)
		case err == nil && version == wire.Version && target != "" && wire.Subject(verb, target) != s:
			t.Errorf("%q is %s of %s, which is %q", s, verb, target, wire.Subject(verb, target))
		}
		table, key, err := wire.ParseEventSubject(s)
		switch {
		case err != nil && !errors.Is(err, wire.ErrInvalidSubject):
			t.Errorf("ParseEventSubject(%q): %v", s, err)
		case err == nil && wire.EventSubject(table+"."+key) != s:
			t.Errorf("%q is an event of %s and %s, which is %q", s, table, key, wire.EventSubject(table+"."+key))
		}
		if instance, ok := wire.InboxInstance(s); ok && !strings.HasPrefix(s, wire.InboxPrefix(instance)+".") {
			t.Errorf("%q is no inbox of %q", s, instance)
		}
		if wire.ValidInstance(s) && wire.EncodeToken(s) != s {
			t.Errorf("the instance %q does not stand for itself in a subject", s)
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, seed := range []string{"", "0", "-1", "+1", "18446744073709551615", "18446744073709551616", "0x10", "1_0", " 1", "true", "TRUE", "false"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h := wire.Header{}
		h.Set(wire.HeaderRetryAfter, s)
		if n, there, err := h.Uint(wire.HeaderRetryAfter); !there || (err != nil) != errors.Is(err, wire.ErrInvalidHeader) {
			t.Errorf("Uint of %q: %d, %t, %v", s, n, there, err)
		}
		if b, err := h.Bool(wire.HeaderRetryAfter); (err != nil) != errors.Is(err, wire.ErrInvalidHeader) || b != (s == "true") {
			t.Errorf("Bool of %q: %t, %v", s, b, err)
		}
		if wait := h.RetryAfter(); wait < 0 || wait > time.Hour {
			t.Errorf("RetryAfter of %q: %s", s, wait)
		}
	})
}

// FuzzPage reads a page of a backup, or of a restore, as the server does.
func FuzzPage(f *testing.F) {
	page, err := wire.AppendLine(nil, wire.TableInfo{Table: "a.T", Keys: 2})
	if err != nil {
		f.Fatal(err)
	}
	for _, key := range []string{"k", "l"} {
		page = wire.AppendRecord(page, 7, key, []byte("1"))
	}
	f.Add(page)
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"table":"a.T","keys":-1}` + "\n"))
	f.Fuzz(func(t *testing.T, page []byte) {
		for len(page) > 0 {
			before := page
			info, rest, section, err := wire.NextSection(page)
			if err != nil {
				if !errors.Is(err, wire.ErrInvalidBody) {
					t.Errorf("NextSection: %v", err)
				}
				return
			}
			if section {
				if table, err := wire.ParseTable(info.Table); err != nil || table.String() != info.Table {
					t.Errorf("a section of table %q: %v", info.Table, err)
				}
				page = rest
			} else if _, page, err = wire.NextRecord(page); err != nil {
				if !errors.Is(err, wire.ErrInvalidBody) {
					t.Errorf("NextRecord: %v", err)
				}
				return
			}
			if len(page) >= len(before) || !bytes.HasSuffix(before, page) {
				t.Fatalf("%d bytes are left of %d", len(page), len(before))
			}
		}
	})
}
