package devconfig_test

import (
	"encoding/json"
	"testing"
)

// roundTrip encodes value and decodes it into copied, a pointer of its type.
func roundTrip(t *testing.T, value, copied any) {
	t.Helper()
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, copied)
	}
	if err != nil {
		t.Fatalf("%T: %v", value, err)
	}
}
