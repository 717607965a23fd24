package codec

import (
	"net/netip"
	"testing"
	"time"
)

// TestNothingIsAllocatedForWhatIsWrittenOften, into a buffer that is large enough.
func TestNothingIsAllocatedForWhatIsWrittenOften(t *testing.T) {
	buffer := make([]byte, 0, 256)
	addr, prefix := netip.MustParseAddr("2001:db8::17"), netip.MustParsePrefix("192.0.2.0/24")
	port, now := netip.MustParseAddrPort("192.0.2.17:80"), time.Now()
	names := map[string]string{"b": "2", "a": "1"}
	for name, write := range map[string]func() ([]byte, error){
		"address":   func() ([]byte, error) { return WriteText(buffer, &addr) },
		"prefix":    func() ([]byte, error) { return WriteText(buffer, &prefix) },
		"with port": func() ([]byte, error) { return WriteText(buffer, &port) },
		"time":      func() ([]byte, error) { return WriteTime(buffer, &now) },
		"map":       func() ([]byte, error) { return AppendMapOf(buffer, names, StringName[string], PutString[string]) },
		"text":      func() ([]byte, error) { return AppendString(buffer, "a plain text of some length"), nil },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := write(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}
