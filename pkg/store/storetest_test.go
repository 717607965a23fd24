package store_test

import (
	"testing"

	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, storetest.Driver{
		Open: func(string, store.FileCalls) (store.PersistValue, error) { return store.NewMemory(), nil },
	})
}

func TestVolatileLog(t *testing.T) { storetest.Run(t, logDriver(false)) }

func TestDurableLog(t *testing.T) { storetest.Run(t, logDriver(true)) }

func logDriver(durable bool) storetest.Driver {
	return storetest.Driver{
		Open: func(dir string, files store.FileCalls) (store.PersistValue, error) {
			// The smallest floor, so that the tests compact often.
			return store.OpenLog(store.Options{Dir: dir, Sync: durable, Floor: 4 << 10, Files: files})
		},
		SurvivesKill:      true,
		SurvivesPowerLoss: durable,
	}
}
