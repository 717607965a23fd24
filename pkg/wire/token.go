package wire

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// plain reports whether a byte stands for itself in an encoded token: ASCII
// letters and digits, '-', '_', and every byte of a multi-byte rune.
func plain(c byte) bool {
	return c >= utf8.RuneSelf || c == '-' || c == '_' ||
		'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// EncodeToken returns text as one token of a path: what does not stand for
// itself becomes %XX in upper case, so that no token holds a dot, a space, a
// wildcard or '$'. DecodeToken undoes it; both ways are one-to-one.
func EncodeToken(text string) string {
	escapes := 0
	for i := range len(text) {
		if !plain(text[i]) {
			escapes++
		}
	}
	if escapes == 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 2*escapes)
	for i := range len(text) {
		c := text[i]
		if plain(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
	return b.String()
}

// DecodeToken returns the text that EncodeToken made token of. A token that
// EncodeToken would have written differently, an empty one, and one that is not
// UTF-8 are refused with ErrInvalidPath.
func DecodeToken(token string) (string, error) {
	if token == "" {
		return "", fmt.Errorf("%w: an empty token", ErrInvalidPath)
	}
	text := token
	if strings.IndexByte(token, '%') >= 0 {
		decoded, err := unescape(token)
		if err != nil {
			return "", err
		}
		text = decoded
	}
	for i := range len(token) {
		if c := token[i]; !plain(c) && c != '%' {
			return "", fmt.Errorf("%w: token %q: byte %#02x at %d must be written %%%02X", ErrInvalidPath, token, c, i, c)
		}
	}
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("%w: token %q is not UTF-8", ErrInvalidPath, token)
	}
	return text, nil
}

func unescape(token string) (string, error) {
	var b strings.Builder
	b.Grow(len(token))
	for i := 0; i < len(token); i++ {
		c := token[i]
		if c != '%' {
			b.WriteByte(c)
			continue
		}
		if i+2 >= len(token) {
			return "", fmt.Errorf("%w: token %q ends within an escape; write %%XX", ErrInvalidPath, token)
		}
		hi, lo := strings.IndexByte(upperHex, token[i+1]), strings.IndexByte(upperHex, token[i+2])
		if hi < 0 || lo < 0 {
			return "", fmt.Errorf("%w: token %q: %q is no escape; write %%XX with digits and A to F", ErrInvalidPath, token, token[i:i+3])
		}
		d := byte(hi<<4 | lo)
		if plain(d) {
			return "", fmt.Errorf("%w: token %q: %q must be written as itself, %q", ErrInvalidPath, token, token[i:i+3], d)
		}
		b.WriteByte(d)
		i += 2
	}
	return b.String(), nil
}
