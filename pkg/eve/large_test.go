package eve

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// left returns how many files are in a directory and below.
func left(t testing.TB, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return n
}

func TestLargeFieldsThereAndBack(t *testing.T) {
	for value, want := range map[string]string{
		`{}`:                                   `{}`,
		`{"z":12345678901234567890, "a":1.10}`: `{"z":12345678901234567890, "a":1.10}`,
		`{"z":1,"pubsub-large-X":"long","a":18446744073709551615}`:     `{"z":1,"pubsub-file-X":FILE,"a":18446744073709551615}`,
		`{ "pubsub-large-X" : 18446744073709551615 , "b":2}`:           `{ "pubsub-file-X":FILE , "b":2}`,
		`{"o":{"pubsub-large-X":{"q":[1,{"pubsub-large-Y":2}]}}}`:      `{"o":{"pubsub-file-X":FILE}}`,
		`{"l":[1,{"pubsub-large-X":null},{"pubsub-large-X":[]}]}`:      `{"l":[1,{"pubsub-file-X":FILE},{"pubsub-file-X":FILE}]}`,
		`{"pubsub-large-a/*":1,"b":"pubsub-large-","pubsub-large-":2}`: `{"pubsub-file-a/*":FILE,"b":"pubsub-large-","pubsub-file-":FILE}`,
		// Where the original does not look, nothing is to be done.
		`{"l":[[{"pubsub-large-X":1}]]}`: `{"l":[[{"pubsub-large-X":1}]]}`,
		`[{"pubsub-large-X":1}]`:         `[{"pubsub-large-X":1}]`,
		`"pubsub-large-X"`:               `"pubsub-large-X"`,
		`no JSON at all`:                 `no JSON at all`,
	} {
		dir := filepath.Join(t.TempDir(), "persist", "large")
		small, files, err := ExtractLarge([]byte(value), dir)
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		masked := string(small)
		for _, file := range files {
			masked = strings.Replace(masked, strconv.Quote(strconv.Quote(file)), "FILE", 1)
		}
		if masked != want || len(files) != strings.Count(want, "FILE") || left(t, dir) != len(files) {
			t.Errorf("%s: got %s with files %v, want %s", value, masked, files, want)
		}
		back, err := InlineLarge(small, dir)
		if err != nil {
			t.Errorf("%s: %v", value, err)
		}
		if diff := cmp.Diff(compact(value), compact(string(back))); diff != "" {
			t.Errorf("there and back (-want +got):\n%s", diff)
		}
		if n := left(t, dir); n != 0 {
			t.Errorf("%s: %d files are left", value, n)
		}
	}
}

// compact takes out the spaces, which may get lost around a large field.
func compact(value string) string {
	var out bytes.Buffer
	if json.Compact(&out, []byte(value)) != nil {
		return value
	}
	return out.String()
}

// A file as the original writes it: in a directory of its own for the table.
func TestLargeFieldOfTheOriginal(t *testing.T) {
	root := Root(t.TempDir())
	dir := filepath.Join(root.Large(), "zedagent", "T")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pubsub-file-Certs123")
	if err := os.WriteFile(file, []byte(`{"pubsub-large-Certs":"PEM"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	message := `{"a":1,"pubsub-file-Certs":"\"` + string(root) + `//persist/pubsub-large/zedagent/T/pubsub-file-Certs123\""}`
	got, err := InlineLarge([]byte(message), root.Large())
	if err != nil || string(got) != `{"a":1,"pubsub-large-Certs":"PEM"}` {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := InlineLarge([]byte(message), root.Large()); !errors.Is(err, ErrLarge) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a second time: got %s, %v", got, err)
	}
}

func TestNamesThatAHostileValueGives(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "large")
	secret := filepath.Join(base, "secret")
	good := []byte(`{"pubsub-large-X":"secret"}`)
	for _, err := range []error{
		os.Mkdir(dir, 0o755), os.Mkdir(filepath.Join(dir, "sub"), 0o755), os.WriteFile(secret, good, 0o600),
		os.Symlink(secret, filepath.Join(dir, "link")), os.Symlink(base, filepath.Join(dir, "up")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
		os.WriteFile(filepath.Join(dir, "two"), []byte(`{"a":1,"b":2}`), 0o600), os.WriteFile(filepath.Join(dir, "none"), []byte(`{}`), 0o600),
		os.WriteFile(filepath.Join(dir, "list"), []byte(`[1]`), 0o600), os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600),
		os.WriteFile(filepath.Join(dir, "half"), []byte(`{"a":`), 0o600), os.WriteFile(filepath.Join(dir, "more"), []byte(`{"a":1}{`), 0o600),
		os.WriteFile(filepath.Join(dir, "huge"), []byte(`{"a":"`+strings.Repeat("x", maxLarge)+`"}`), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		secret, dir, dir + "/", dir + "/../secret", dir + "/link", dir + "/up/secret", dir + "/sub", dir + "/pipe", "secret", "../secret", "", "/",
		dir + "/two", dir + "/none", dir + "/list", dir + "/empty", dir + "/half", dir + "/more", dir + "/\x00", dir + "x/a",
	} {
		value := []byte(`{"pubsub-file-X":` + strconv.Quote(strconv.Quote(name)) + `}`)
		if got, err := InlineLarge(value, dir); !errors.Is(err, ErrLarge) {
			t.Errorf("%s: got %s, %v, want ErrLarge", name, got, err)
		}
	}
	for _, word := range []string{`1`, `null`, `"x"`, `"1"`, `["\"a\""]`, `"\"`} {
		if got, err := InlineLarge([]byte(`{"pubsub-file-X":`+word+`}`), dir); !errors.Is(err, ErrLarge) {
			t.Errorf("%s: got %s, %v, want ErrLarge", word, got, err)
		}
	}
	if got, err := InlineLarge([]byte(`{"pubsub-file-X":`+strconv.Quote(strconv.Quote(dir+"/huge"))+`}`), dir); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %d bytes, %v, want ErrTooLarge", len(got), err)
	}
	if content, err := os.ReadFile(secret); err != nil || !bytes.Equal(content, good) {
		t.Errorf("the file outside: %s, %v", content, err)
	}
}

func TestAFieldThatIsTooLargeLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	value := `{"pubsub-large-A":1,"pubsub-large-B":"` + strings.Repeat("x", maxLarge) + `"}`
	if got, _, err := ExtractLarge([]byte(value), dir); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %d bytes, %v, want ErrTooLarge", len(got), err)
	}
	if _, _, err := ExtractLarge([]byte(`{"pubsub-large-A":`), dir); !errors.Is(err, ErrLarge) {
		t.Errorf("no JSON: %v", err)
	}
	if n := left(t, dir); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// A deeply nested value costs time in proportion to its size.
func TestDeepValue(t *testing.T) {
	const depth = 9_000
	value := strings.Repeat(`{"a":`, depth) + `{"pubsub-large-X":1}` + strings.Repeat(`}`, depth)
	dir := t.TempDir()
	small, files, err := ExtractLarge([]byte(value), dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	if back, err := InlineLarge(small, dir); err != nil || string(back) != value {
		t.Errorf("it did not come back: %v", err)
	}
}

func FuzzLarge(f *testing.F) {
	for _, value := range []string{
		`{"pubsub-large-X":1}`, `{"a":[{"pubsub-large-X":{"b":18446744073709551615}}]}`, `{"pubsub-file-X":"\"/etc/passwd\""}`,
		`{"pubsub-large-\u0058":1,"pubsub-large-X":2}`, `{"pubsub-large-`, ` { "pubsub-large-" : [ ] , "":0}`,
	} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		base := t.TempDir()
		dir := filepath.Join(base, "large")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := InlineLarge(value, dir); err == nil && !bytes.Equal(got, value) {
			t.Fatalf("%q became %q with no file there", value, got)
		}
		small, files, err := ExtractLarge(value, dir)
		if err != nil || bytes.Contains(value, []byte(filePrefix)) {
			return
		}
		if n := left(t, dir); n != len(files) || left(t, base) != n {
			t.Fatalf("%q: %d files, named are %v", value, n, files)
		}
		back, err := InlineLarge(small, dir)
		if err != nil {
			if strings.Contains(string(small), filePrefix) && errors.Is(err, ErrLarge) && bytes.Contains(value, []byte(`\`)) {
				return // a name that is an escaped file prefix
			}
			t.Fatalf("%q: %v", small, err)
		}
		if json.Valid(value) && !sameJSON(value, back) {
			t.Fatalf("%q came back as %q", value, back)
		}
		if len(files) == 0 && !bytes.Equal(value, small) {
			t.Fatalf("%q without files became %q", value, small)
		}
	})
}

// sameJSON compares token by token, numbers as text.
func sameJSON(a, b []byte) bool {
	x, y := json.NewDecoder(bytes.NewReader(a)), json.NewDecoder(bytes.NewReader(b))
	x.UseNumber()
	y.UseNumber()
	for {
		one, err := x.Token()
		other, err2 := y.Token()
		if err != nil || err2 != nil {
			return (err == nil) == (err2 == nil)
		}
		if one != other {
			return false
		}
	}
}
