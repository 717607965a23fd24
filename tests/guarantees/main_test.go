package guarantees

import (
	"os"
	"testing"

	"github.com/evenkv/nkv/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// long reports whether the heavier runs are wanted.
func long() bool { return os.Getenv("NKV_LONG") == "1" }
