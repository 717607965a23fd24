package main

import "errors"

var (
	// errSource: the code declares something that the tool can't read; the message
	// says where.
	errSource = errors.New("can't be read")
	// errPage: the page lacks the markers of the generated part.
	errPage = errors.New("page without its markers")
	// errStale: the page is not what the code says; the message says where.
	errStale = errors.New("not what the code says")
)
