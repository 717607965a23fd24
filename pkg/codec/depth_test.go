package codec

import (
	"errors"
	"testing"
)

type link struct{ Next *link }

type knot *knot

func chain(n int) *link {
	var l *link
	for range n {
		l = &link{l}
	}
	return l
}

func TestValuesWithoutAnEndAreRefused(t *testing.T) {
	circle := &link{}
	circle.Next = circle
	var loop knot
	loop = &loop
	for _, test := range []struct {
		name string
		v    any
		ok   bool
	}{
		{"nil", (*link)(nil), true},
		{"as deep as can be read", chain(10000), true},
		{"deeper", chain(10002), false},
		{"a circle", circle, false},
		{"a pointer to itself", loop, false},
	} {
		if err := CheckDepth(test.v); (err == nil) != test.ok || err != nil && !errors.Is(err, ErrDepth) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
