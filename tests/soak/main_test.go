package soak

import (
	"context"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
)

func TestMain(m *testing.M) { testutil.Main(m) }

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
