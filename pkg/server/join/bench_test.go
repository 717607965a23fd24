package join_test

import (
	"bytes"
	"testing"

	"github.com/nats-io/nats.go"
)

// BenchmarkRequest is the round trip of a small request between two connections
// of the same kind.
func BenchmarkRequest(b *testing.B) {
	for _, kind := range []string{"unix", "tcp"} {
		for _, size := range []int{128, 2048} {
			b.Run(kind+"/"+byteSize(size), func(b *testing.B) {
				server := startServer(b, serverOptions{tcp: true})
				service, client := server.connect(b, kind), server.connect(b, kind)
				subscribe(b, service, "echo", func(m *nats.Msg) { m.Respond(m.Data) })
				payload := bytes.Repeat([]byte{'x'}, size)
				b.ResetTimer()
				for range b.N {
					if _, err := client.Request("echo", payload, patience); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkLarge is a message of 8 MiB on its way from one connection to another
// of the same kind.
func BenchmarkLarge(b *testing.B) {
	for _, kind := range []string{"unix", "tcp"} {
		b.Run(kind, func(b *testing.B) {
			server := startServer(b, serverOptions{tcp: true})
			sender, receiver := server.connect(b, kind), server.connect(b, kind)
			got := make(chan int, 1)
			subscribe(b, receiver, "large", func(m *nats.Msg) { got <- len(m.Data) })
			payload := make([]byte, largeValue)
			b.SetBytes(largeValue)
			b.ResetTimer()
			for range b.N {
				if err := sender.Publish("large", payload); err != nil {
					b.Fatal(err)
				}
				if n := <-got; n != largeValue {
					b.Fatalf("got %d bytes", n)
				}
			}
		})
	}
}
