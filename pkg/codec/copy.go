package codec

import (
	"encoding/json"
	"maps"
)

// The functions below copy a value; the copy shares no memory with it.

// CopySlice copies a slice.
func CopySlice[S ~[]E, E any](s S, element func(to, from *E)) S {
	if s == nil {
		return nil
	}
	c := make(S, len(s))
	for i := range s {
		element(&c[i], &s[i])
	}
	return c
}

// CloneSlice copies a slice whose elements refer to nothing.
func CloneSlice[S ~[]E, E any](s S) S {
	if s == nil {
		return nil
	}
	c := make(S, len(s))
	copy(c, s)
	return c
}

// CopyPointer copies what a pointer points to.
func CopyPointer[E any](p *E, element func(to, from *E)) *E {
	if p == nil {
		return nil
	}
	c := new(E)
	element(c, p)
	return c
}

// CopyMap copies a map. Its keys refer to nothing.
func CopyMap[M ~map[K]E, K comparable, E any](m M, element func(to, from *E)) M {
	if m == nil {
		return nil
	}
	c := make(M, len(m))
	var from, to E
	for k := range m {
		from = m[k]
		element(&to, &from)
		c[k] = to
	}
	return c
}

// CloneMap copies a map whose values refer to nothing.
func CloneMap[M ~map[K]E, K comparable, E any](m M) M { return maps.Clone(m) }

// CopyPlain copies a value that refers to nothing.
func CopyPlain[T any](to, from *T) { *to = *from }

// CopyValue copies a type that marshals itself, through its JSON. One that can't be
// encoded leaves the copy zero.
func CopyValue[T any](to, from *T) {
	var fresh T // what is there may be shared
	if data, err := json.Marshal(from); err == nil {
		json.Unmarshal(data, &fresh) //nolint:errcheck // it has just written that
	}
	*to = fresh
}
