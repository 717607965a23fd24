package diag

import (
	"regexp"
	"strings"
)

// hidden stands for what is not shown.
const hidden = "***"

// What may hold credentials in a text that comes from outside: a URL, of which
// all before the '@' is left out, and the query of one, which may be a
// signature.
var (
	urls    = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]+`)
	queries = regexp.MustCompile(`\?[^\s"'<>?]*=[^\s"'<>]*`)
)

// redact returns a text without the credentials of the URLs in it.
func redact(text string) string {
	if strings.Contains(text, "://") {
		text = urls.ReplaceAllStringFunc(text, withoutUser)
	}
	if strings.Contains(text, "?") {
		text = queries.ReplaceAllString(text, "?"+hidden)
	}
	return text
}

// withoutUser leaves the user out of a URL. Where it is not clear whether an
// '@' ends a password with a slash in it or stands in the path, it is taken for
// the former.
func withoutUser(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	rest, query, asked := strings.Cut(rest, "?")
	authority, _, _ := strings.Cut(rest, "/")
	_, port, named := strings.Cut(authority, ":")
	end := strings.LastIndex(authority, "@")
	if end < 0 && named && strings.Trim(port, "0123456789") != "" {
		end = strings.LastIndex(rest, "@")
	}
	if end >= 0 {
		rest = hidden + rest[end:]
	}
	if asked {
		rest += "?" + query
	}
	return scheme + "://" + rest
}
