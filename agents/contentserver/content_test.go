package contentserver_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/evenkv/nkv/agents/contentserver"
)

// byDefinition computes a content from the package's documentation alone.
func byDefinition(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	size := (256<<10 + int(binary.BigEndian.Uint64(sum[:8])%(2<<20-256<<10))) | 1
	var all []byte
	for i := 0; len(all) < size; i++ {
		block := make([]byte, 64<<10)
		_, _ = rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", name, i))).Read(block)
		all = append(all, block...)
	}
	return all[:size]
}

var names = []string{
	"images/label-reader-4.2.qcow2", "plant/collector:1.9.0", "a", "with space", "50%25 off", "a?b#c", "../up", "a//b", "größe/ø", "trailing/", "x/-/y",
}

func TestContentIsAsDefined(t *testing.T) {
	for _, name := range names {
		want := byDefinition(name)
		got, err := io.ReadAll(contentserver.Open(name))
		if err != nil || !bytes.Equal(want, got) {
			t.Errorf("%q: %d bytes instead of %d, or others; %v", name, len(got), len(want), err)
		}
		sum := sha256.Sum256(want)
		if got := contentserver.SHA256(name); got != hex.EncodeToString(sum[:]) {
			t.Errorf("%q: SHA-256 %s", name, got)
		}
		if got := contentserver.Size(name); got != int64(len(want)) || got < 256<<10 || got >= 2<<20 || got%2 == 0 {
			t.Errorf("%q: size %d instead of %d", name, got, len(want))
		}
	}
}

// Published configurations hold these: they must never change.
func TestContentStaysTheSame(t *testing.T) {
	for name, want := range map[string]string{
		"images/label-reader-4.2.qcow2": "1135313 0a5f2cf07f92ff2d0477c2fb26cfede1c788885cd9e02f6e6af1c6807203d7de",
		"plant/collector:1.9.0":         "951011 ee5e310189af7ada97f1afc5c5271c5657267cce45a5bd6d66534b15eef857ac",
	} {
		if got := fmt.Sprint(contentserver.Size(name), " ", contentserver.SHA256(name)); got != want {
			t.Errorf("%q is %s instead of %s", name, got, want)
		}
	}
}

func TestContentIsReadFromAnyPlace(t *testing.T) {
	if err := iotest.TestReader(contentserver.Open("a"), byDefinition("a")); err != nil {
		t.Error(err)
	}
	if _, err := contentserver.Open("a").Seek(-1, io.SeekStart); !errors.Is(err, contentserver.ErrSeek) {
		t.Errorf("a place before the beginning: %v", err)
	}
}
