package codec

import "unicode"

// foldRune returns the smallest of the runes that differ only in case.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
