package filewatch

import "errors"

var (
	// ErrTooLarge: the file is larger than MaxSize.
	ErrTooLarge = errors.New("file too large")
	// ErrNotRegular: the path leads to something that is not a plain file.
	ErrNotRegular = errors.New("not a regular file")
)
