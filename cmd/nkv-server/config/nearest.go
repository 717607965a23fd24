package config

import "fmt"

// Suggest names the setting that a wrong name most likely means, as an addition to
// a message; empty: none is near.
func Suggest(wrong string) string {
	best, distance := "", max(2, len(wrong)/3)+1
	for _, name := range names() {
		if d := edits(wrong, name); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// edits counts the bytes to insert, delete or change to make b of a, by
// Levenshtein's rows.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
