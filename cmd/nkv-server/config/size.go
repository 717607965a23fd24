package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unit is a unit of sizes.
type unit struct {
	name  string
	bytes int64
}

// units returns the units, binary ones first, the larger before the smaller.
func units() []unit {
	return []unit{
		{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
	}
}

// ParseSize reads a size in bytes: a whole number, and a unit (B, kB, MB, GB,
// KiB, MiB, GiB, in any case, a space before it or not); none is bytes.
func ParseSize(s string) (int64, error) {
	digits, factor := strings.TrimSpace(s), int64(1)
	for _, u := range units() {
		if n := len(digits) - len(u.name); n > 0 && strings.EqualFold(digits[n:], u.name) {
			digits, factor = strings.TrimRight(digits[:n], " "), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/factor {
		return 0, fmt.Errorf("size %q; write a whole number and a unit, such as 8MiB", s)
	}
	return int64(n) * factor, nil
}

// FormatSize writes a size in the largest binary unit that shows it whole.
func FormatSize(n int64) string {
	for _, u := range units() {
		if strings.HasSuffix(u.name, "iB") && n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}
