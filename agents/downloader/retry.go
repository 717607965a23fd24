package downloader

import (
	"strconv"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// retryItem is the config item that says how long, in seconds, the pause
// between two tries may grow. Its name and default are EVE-OS's.
const (
	retryItem    = "timer.download.retry"
	retryDefault = 600 * time.Second
)

// retryMost returns the longest pause between two tries; false: the config item
// can't be used, and the default holds.
func retryMost(items map[string]types.ConfigItem) (time.Duration, bool) {
	item, ok := items[retryItem]
	if !ok {
		return retryDefault, true
	}
	seconds, err := strconv.ParseUint(item.Value, 10, 32)
	if err != nil || seconds == 0 {
		return retryDefault, false
	}
	return time.Duration(seconds) * time.Second, true
}

// pause returns how long to wait after so many failures in a row before the
// present one.
func pause(first, most time.Duration, failures int) time.Duration {
	p := first
	for range failures {
		if p >= most {
			break
		}
		p *= 2
	}
	return min(p, most)
}
