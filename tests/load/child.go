package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

// child is what the processes do that this program starts of itself.
func child(ctx context.Context, role string, args []string) error {
	switch {
	case role == "readers" && len(args) == 3:
		return playReaders(ctx, args[0], args[1], args[2])
	case role == "fanout" && len(args) == 2:
		return playFanout(ctx, args[0], args[1])
	case role == "reader" && len(args) == 1:
		return playReader(ctx, args[0])
	}
	return fmt.Errorf("role %q with %d arguments", role, len(args))
}

func encodeSample(s Sample) ([]byte, error) { return json.Marshal(s) }

// fleet is agents that run in one process.
type fleet struct {
	agents  []*agent.Agent
	running sync.WaitGroup
}

func (f *fleet) add(ctx context.Context, url, name string) (*agent.Agent, error) {
	a, err := agent.Connect(ctx, name, agent.URL(url))
	if err == nil {
		f.agents = append(f.agents, a)
	}
	return a, err
}

func (f *fleet) run(ctx context.Context) {
	for _, a := range f.agents {
		f.running.Go(func() {
			if err := a.Run(ctx); err != nil {
				fmt.Println("error", err)
			}
		})
	}
}

// playReaders reads many tables with many agents, and says how long changes took.
func playReaders(ctx context.Context, url, agents, tables string) error {
	n, err1 := strconv.Atoi(agents)
	each, err2 := strconv.Atoi(tables)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var mu sync.Mutex
	var took latencies
	created := make(chan struct{}, n*each)
	handlers := agent.Handlers[Sample]{
		Create: func(context.Context, string, Sample) error {
			created <- struct{}{}
			return nil
		},
		Modify: func(_ context.Context, _ string, s, _ Sample) error {
			d := time.Duration(time.Now().UnixNano() - s.Sent)
			mu.Lock()
			took = append(took, d)
			mu.Unlock()
			return nil
		},
	}
	var f fleet
	for i := range n {
		a, err := f.add(ctx, url, "reader"+strconv.Itoa(i))
		if err != nil {
			return err
		}
		for j := range each {
			if _, err := agent.Subscribe(ctx, a, loadTable(i+j*(clients/each)), handlers); err != nil {
				return err
			}
		}
	}
	f.run(ctx)
	for range n * each {
		select {
		case <-created:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	fmt.Println("ready")
	f.running.Wait()
	mu.Lock()
	defer mu.Unlock()
	fmt.Println("handled", took)
	return nil
}

// playFanout reads one table with many agents, and says for each change how long
// it took until the last had handled it.
func playFanout(ctx context.Context, url, scope string) error {
	var f fleet
	handled := make(chan Sample, 4*fanoutReaders)
	for i := range fanoutReaders {
		a, err := f.add(ctx, url, "fanout-reader"+strconv.Itoa(i))
		if err != nil {
			return err
		}
		_, err = agent.Subscribe(ctx, a, fanoutTable(scope), agent.Handlers[Sample]{
			Modify: func(_ context.Context, _ string, s, _ Sample) error {
				handled <- s
				return nil
			},
			Synchronized: func(context.Context) { handled <- Sample{} },
		})
		if err != nil {
			return err
		}
	}
	f.run(ctx)
	counts := map[int64]int{}
	for {
		select {
		case s := <-handled:
			if counts[s.Number]++; counts[s.Number] < fanoutReaders {
				continue
			}
			delete(counts, s.Number)
			if s.Number == 0 {
				fmt.Println("ready")
				continue
			}
			fmt.Println("last", time.Duration(time.Now().UnixNano()-s.Sent))
		case <-ctx.Done():
			f.running.Wait()
			return nil
		}
	}
}

// playReader follows a table and says when all of it is the last of a round.
func playReader(ctx context.Context, url string) error {
	var f fleet
	a, err := f.add(ctx, url, "reader")
	if err != nil {
		return err
	}
	final := map[string]int64{} // by key, the round whose last value was handled
	note := func(key string, s Sample) {
		if !s.Last {
			return
		}
		final[key] = s.Number
		if len(final) < stoppedKeys {
			return
		}
		for _, number := range final {
			if number != s.Number {
				return
			}
		}
		fmt.Println("right", s.Number)
	}
	table := agent.Table[Sample]{Owner: stoppedTable.Agent}
	_, err = agent.Subscribe(ctx, a, table, agent.Handlers[Sample]{
		Create: func(_ context.Context, key string, s Sample) error { note(key, s); return nil },
		Modify: func(_ context.Context, key string, s, _ Sample) error { note(key, s); return nil },
	})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	f.run(ctx)
	f.running.Wait()
	return nil
}
