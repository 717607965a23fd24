package soak

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// long reports whether the heavier runs are wanted.
func long() bool { return os.Getenv("NKV_LONG") == "1" }

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func connect(t testing.TB, url string, given ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Connect(context.Background(), url, given...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return c
}
