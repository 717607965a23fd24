package tables

import (
	"testing"

	"github.com/evenkv/nkv/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
