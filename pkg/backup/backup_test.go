package backup_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/backup"
	"github.com/evenkv/nkv/pkg/wire"
)

// write makes a file of three tables, on two pages.
func write(t *testing.T) []byte {
	t.Helper()
	info := wire.BackupInfo{Store: "S", Revision: 9, Time: time.Unix(1, 0).UTC(), Version: "v", Tables: 3, Keys: 4, Bytes: 27}
	first, err := wire.AppendLine(nil, info)
	if err != nil {
		t.Fatal(err)
	}
	line := func(page []byte, info wire.TableInfo) []byte {
		page, err := wire.AppendLine(page, info)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	first = line(first, wire.TableInfo{Table: "a.Durable", Durable: true, Keys: 2, Bytes: 7})
	first = wire.AppendRecord(first, 1, "k", []byte(`{"N":1}`))
	second := wire.AppendRecord(nil, 2, "e%2E", nil)
	second = line(second, wire.TableInfo{Table: "a.Volatile", Keys: 1, Bytes: 3})
	second = wire.AppendRecord(second, 3, "k", []byte("\x00\n{"))
	second = line(second, wire.TableInfo{Table: "a.More", Durable: true, Keys: 1, Bytes: 17})
	second = wire.AppendRecord(second, 4, "k", []byte("sha256 is a value"))
	var out bytes.Buffer
	w, err := backup.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Page(first), w.Page(second), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	f, err := backup.Open(bytes.NewReader(write(t)))
	if err != nil {
		t.Fatal(err)
	}
	if f.Info.Store != "S" || f.Info.Revision != 9 || len(f.Tables) != 3 {
		t.Errorf("%+v, %+v", f.Info, f.Tables)
	}
	for range 2 { // it can be read again
		request, pages := f.Durable()
		if request != (wire.RestoreRequest{Tables: 2, Keys: 3, Bytes: 24}) {
			t.Errorf("announced: %+v", request)
		}
		var page []byte
		for p, err := range pages {
			if err != nil {
				t.Fatal(err)
			}
			page = append(page, p...)
		}
		var got []string
		for len(page) > 0 {
			info, rest, section, err := wire.NextSection(page)
			if err != nil {
				t.Fatal(err)
			}
			if page = rest; section {
				got = append(got, info.Table)
				continue
			}
			record, rest, err := wire.NextRecord(page)
			if err != nil {
				t.Fatal(err)
			}
			page = rest
			got = append(got, record.Key+"="+string(record.Value))
		}
		if want := []string{"a.Durable", `k={"N":1}`, "e.=", "a.More", "k=sha256 is a value"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestEveryFlippedBitIsFound flips each bit of a file, and cuts it at each byte.
func TestEveryFlippedBitIsFound(t *testing.T) {
	whole := write(t)
	for bit := range len(whole) * 8 {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		_, err := backup.Open(bytes.NewReader(b))
		newer := errors.Is(err, backup.ErrVersion) && bit/8 == len("nkv-backup ")
		if !errors.Is(err, backup.ErrDamaged) && !newer {
			t.Errorf("bit %d of byte %d flipped: %v", bit%8, bit/8, err)
		}
	}
	for size := range len(whole) {
		if _, err := backup.Open(bytes.NewReader(whole[:size])); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("cut at %d: %v", size, err)
		}
	}
	t.Logf("%d bits, %d cuts", len(whole)*8, len(whole))
}

func TestWhatIsNoBackupIsRefused(t *testing.T) {
	whole := string(write(t))
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", backup.ErrDamaged},
		{"another file", strings.Repeat("{}\n", 1000), backup.ErrDamaged},
		{"a long line", strings.Repeat("x", 1<<20), backup.ErrDamaged},
		{"a newer version", strings.Replace(whole, "nkv-backup 1", "nkv-backup 2", 1), backup.ErrVersion},
		{"version 0", strings.Replace(whole, "nkv-backup 1", "nkv-backup 0", 1), backup.ErrDamaged},
		{"something behind", whole + "x", backup.ErrDamaged},
		{"twice", whole + whole, backup.ErrDamaged},
	} {
		if _, err := backup.Open(strings.NewReader(tt.text)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// failing fails to read from some byte on.
type failing struct {
	*bytes.Reader
	left int
}

func (f *failing) Read(b []byte) (int, error) {
	if f.left <= 0 {
		return 0, io.ErrNoProgress
	}
	n, err := f.Reader.Read(b[:min(len(b), f.left)])
	f.left -= n
	return n, err
}

func TestAReadErrorIsNoDamage(t *testing.T) {
	whole := write(t)
	for left := range len(whole) {
		_, err := backup.Open(&failing{bytes.NewReader(whole), left})
		if !errors.Is(err, io.ErrNoProgress) || errors.Is(err, backup.ErrDamaged) {
			t.Fatalf("an error at byte %d: %v", left, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("nkv-backup 1\n{}\n"))
	f.Add([]byte("nkv-backup 1\n{\"tables\":1}\n{\"table\":\"a.T\",\"keys\":1}\n1 k 2\nxx\nsha256 00\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := backup.Open(bytes.NewReader(b))
		if err == nil && len(file.Tables) != file.Info.Tables {
			t.Errorf("%+v", file)
		}
	})
}
