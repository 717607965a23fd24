package devconfig

import (
	"fmt"
	"regexp"
	"strings"
)

// maxKey is the longest key of a table in bytes.
const maxKey = 255

// nilUUID is how a reference to nothing is written.
const nilUUID = "00000000-0000-0000-0000-000000000000"

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// begin starts an entry.
func (d *decoder) begin() { d.entry = &entry{} }

// uuidKey reads an entry's UUID. The result is in lower case; empty when the
// field is no usable key, which is filed.
func (d *decoder) uuidKey(o *object, name, what string, taken func(string) bool) string {
	text := o.str(name)
	key := strings.ToLower(text)
	switch {
	case text == "":
		d.fail(o.sub(name), o.where(name), ErrKey, what+" has no UUID")
	case !uuidForm.MatchString(key):
		d.fail(o.sub(name), o.where(name), ErrKey, fmt.Sprintf("%q is not a UUID", text))
	case taken(key):
		d.fail(o.sub(name), o.where(name), ErrDuplicate,
			fmt.Sprintf("%s %s is given twice; remove or renumber one", what, key))
	default:
		return key
	}
	return ""
}

// nameKey reads an entry's name. The result stands as it is; empty when the
// field is no usable key, which is filed.
func (d *decoder) nameKey(o *object, name, what, text string, taken func(string) bool) string {
	switch {
	case text == "":
		d.fail(o.sub(name), o.where(name), ErrKey, what+" has no name")
	case len(text) > maxKey:
		d.fail(o.sub(name), o.where(name), ErrKey,
			fmt.Sprintf("a name of %d bytes is too long, the limit is %d", len(text), maxKey))
	case taken(text):
		d.fail(o.sub(name), o.where(name), ErrDuplicate,
			fmt.Sprintf("%s %q is given twice; remove or rename one", what, text))
	default:
		return text
	}
	return ""
}

// in reports which keys a table has.
func in[T any](table map[string]T) func(string) bool {
	return func(key string) bool { _, ok := table[key]; return ok }
}

// reference is a field that names an entry of another table, to be looked up
// when all tables are there.
type reference struct {
	entry  *entry
	path   string
	offset int
	key    string
	what   string
	exists func(string) bool
}

// refer reads a field that holds another entry's UUID; empty for none. An odd
// one is kept as it stands.
func (d *decoder) refer(o *object, name, what string, exists func(string) bool) string {
	return d.referKey(o.sub(name), o.where(name), o.str(name), what, exists)
}

func (d *decoder) referKey(path string, offset int, text, what string, exists func(string) bool) string {
	key := strings.ToLower(text)
	if key == "" || key == nilUUID {
		return ""
	}
	if !uuidForm.MatchString(key) {
		d.warn(path, offset, fmt.Sprintf("%q is not a UUID", text))
		return text
	}
	d.refs = append(d.refs, reference{d.entry, path, offset, key, what, exists})
	return key
}

// referLabel notes a field that names a port, a shared label or an adapter.
func (d *decoder) referLabel(o *object, name string) string {
	label := o.str(name)
	if label != "" {
		d.refs = append(d.refs, reference{
			d.entry, o.sub(name), o.where(name), label, "port or shared label", d.labels.known,
		})
	}
	return label
}

// resolve looks up all references.
func (d *decoder) resolve() {
	for _, r := range d.refs {
		if r.exists(r.key) {
			continue
		}
		d.entry = r.entry
		d.warn(r.path, r.offset, fmt.Sprintf("there is no %s %q", r.what, r.key))
	}
	d.entry = nil
}

// labels are the names by which ports and groups of ports are selected.
type labels struct {
	shared map[string]bool
	links  map[string]link
}

// link is an adapter that a port can be made of.
type link struct {
	ifName string
	port   bool // it is a network link
}

func newLabels() labels {
	// The labels that every device has, as EVE-OS defines them.
	shared := map[string]bool{"all": true, "uplink": true, "freeuplink": true}
	return labels{shared: shared, links: map[string]link{}}
}

func (l labels) known(label string) bool {
	_, ok := l.links[label]
	return ok || l.shared[label]
}
