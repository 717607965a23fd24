// Package table declares its tables in a package of their own.
package table

//go:generate go run github.com/evenkv/nkv/tools/nkvgen -tables topics -schema schema -docs tables.md .

// Setting is what somebody set.
//
//nkv:table owner=panel durable topic=Settings
type Setting struct {
	// Key is its name.
	Key string
	// Value is a text.
	Value string `json:"value,omitempty"`
}
