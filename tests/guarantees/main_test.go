package guarantees

import (
	"testing"

	"github.com/evenkv/nkv/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }
