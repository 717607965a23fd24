// Command player plays clients of which a test wants to have many, or to stop some,
// in a process of its own. It says "ready" when it is, and ends with its standard
// input.
//
//	player URL follow PATTERN KEY        says "saw N" for each number that KEY becomes
//	player URL crowd CONNECTIONS TABLES  connects so often, each following some of the tables crowd.Sample@N
//	player URL many TABLE KEYS           reads the table and follows it, and changes 100 keys a second
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // any end will do
		cancel()
	}()
	if err := play(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, os.Args, err)
		os.Exit(1)
	}
}

func play(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%d arguments; it takes a URL, a role and two more", len(args))
	}
	url, role, what := args[0], args[1], args[2]
	if role == "follow" {
		return follow(ctx, url, what, args[3])
	}
	n, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	switch role {
	case "crowd":
		connections, err := strconv.Atoi(what)
		if err != nil {
			return err
		}
		return crowd(ctx, url, connections, n)
	case "many":
		return many(ctx, url, what, n)
	}
	return fmt.Errorf("there is no role %q", role)
}

func follow(ctx context.Context, url, pattern, key string) error {
	c, err := client.Connect(ctx, url, client.Name("follower"))
	if err != nil {
		return err
	}
	defer c.Close()
	sub, err := c.Subscribe(pattern)
	if err != nil {
		return err
	}
	if err := c.Wait(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	for sub.Wait(ctx) == nil {
		for change, ok := sub.Next(); ok; change, ok = sub.Next() {
			var v struct{ N int }
			if change.Key == key && json.Unmarshal(change.Value, &v) == nil {
				fmt.Println("saw", v.N)
			}
		}
	}
	return nil
}

func crowd(ctx context.Context, url string, connections, tables int) error {
	var all sync.WaitGroup
	defer all.Wait()
	ready := make(chan error, connections)
	for i := range connections {
		all.Go(func() {
			c, err := client.Connect(ctx, url, client.Name("crowd"))
			if err == nil {
				defer c.Close()
				err = followSome(ctx, c, i, connections, tables)
			}
			ready <- err
			if err == nil {
				<-ctx.Done()
			}
		})
	}
	for range connections {
		if err := <-ready; err != nil {
			return err
		}
	}
	fmt.Println("ready")
	<-ctx.Done()
	return nil
}

// followSome follows some tables and returns when it has read them.
func followSome(ctx context.Context, c *client.Client, i, connections, tables int) error {
	for j := range tables {
		table := wire.Table{Agent: "crowd", Topic: "Sample", Scope: strconv.Itoa((i + j*connections/tables) % connections)}
		sub, err := c.Subscribe(table.String())
		if err != nil {
			return err
		}
		if err := current(ctx, sub); err != nil {
			return err
		}
	}
	return nil
}

func current(ctx context.Context, sub *client.Subscription) error {
	for !sub.Current() {
		if err := sub.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

func many(ctx context.Context, url, name string, keys int) error {
	table, err := wire.ParseTable(name)
	if err != nil {
		return err
	}
	writer, err := client.Connect(ctx, url, client.Name("many"))
	if err != nil {
		return err
	}
	defer writer.Close()
	if err := writer.Wait(ctx); err != nil {
		return err
	}
	reader, err := client.Connect(ctx, url, client.Name("many"))
	if err != nil {
		return err
	}
	defer reader.Close()
	sub, err := reader.Subscribe(name)
	if err != nil {
		return err
	}
	if err := current(ctx, sub); err != nil {
		return err
	}
	if seen := drain(sub); seen < keys {
		return fmt.Errorf("a reader was told %d of %d keys", seen, keys)
	}
	fmt.Println("ready")
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	told, i := 0, 0
	for ; ctx.Err() == nil; i++ {
		select {
		case <-ticker.C:
			path := wire.Path{Table: table, Key: fmt.Sprint("k", i*997%keys)}
			if _, err := writer.Put(context.WithoutCancel(ctx), path, fmt.Append(nil, "again ", i)); err != nil {
				return err
			}
		case <-ctx.Done():
		}
		told += drain(sub)
	}
	if told < i/2 {
		return fmt.Errorf("a reader was told %d of %d changes", told, i)
	}
	return nil
}

func drain(sub *client.Subscription) (told int) {
	for _, ok := sub.Next(); ok; _, ok = sub.Next() {
		told++
	}
	return told
}
