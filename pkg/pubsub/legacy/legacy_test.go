package legacy

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestMain(m *testing.M) { leak.Main(m) }

type Config struct{ A string }

type Status struct{ B int64 }

func TestPublish(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	dir, err := os.MkdirTemp("", "nkv")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := server.Start(ctx, server.Options{Socket: filepath.Join(dir, "s")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	t.Setenv(client.EnvURL, s.ClientURL())

	config, err := Publish("led", Config{})
	if err != nil {
		t.Fatal(err)
	}
	status, err := PublishPersistent("led", Status{})
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Publish("global", Config{A: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := status.Publish("global", Status{B: 1<<62 + 1}); err != nil {
		t.Fatal(err)
	}
	c, err := client.Connect(ctx, "", client.InProcess(s))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for topic, want := range map[string]string{"Config": `{"A":"x"}`, "Status": `{"B":4611686018427387905}`} {
		table := wire.Table{Agent: "led", Topic: topic}
		if err := c.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := c.Get(ctx, wire.Path{Table: table, Key: "global"})
		if err != nil || string(got.Value) != want {
			t.Errorf("%s: %s, %v", topic, got.Value, err)
		}
		info, _, err := c.Snapshot(ctx, table)
		if err != nil || info.Durable != (topic == "Status") {
			t.Errorf("%s is durable: %t, %v", topic, info.Durable, err)
		}
	}
	for _, pub := range []interface{ Close() error }{config, status} {
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
	}
}
