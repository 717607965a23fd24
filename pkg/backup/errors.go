package backup

import "errors"

// Errors of Open. They come wrapped with what was found where, and what to do.
var (
	// ErrDamaged: the file is not as it was written, or not a backup.
	ErrDamaged = errors.New("damaged backup")
	// ErrVersion: a newer version of this program wrote the file.
	ErrVersion = errors.New("written by a newer version")
)
