package wanted_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/wanted"
)

func TestChanged(t *testing.T) {
	before := map[string][]int{"same": {1}, "other": {1}, "gone": {1}}
	got := wanted.Changed(before, map[string][]int{"same": {1}, "other": {2}, "new": nil})
	if diff := cmp.Diff(map[string][]int{"other": {2}, "new": nil}, got); diff != "" {
		t.Error(diff)
	}
}
