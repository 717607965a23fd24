package diag

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// Op is what happened to a key.
type Op string

// What can happen to a key.
const (
	OpCreate Op = "create"
	OpModify Op = "modify"
	OpDelete Op = "delete"
)

// sign is how a line starts.
func (o Op) sign() string {
	switch o {
	case OpCreate:
		return "+"
	case OpDelete:
		return "-"
	}
	return "~"
}

// maxShown is how much of a value's field stands in a line.
const maxShown = 60

// secret are fields of which only the change is shown, not the content.
func secret(field string) bool {
	switch field {
	case "Password", "APIKey", "UserData", "CipherData", "Credentials", "Config", "Wireless":
		return true
	}
	return false
}

// Line describes one change in one line: time, sign, table, key and, for a
// modification, the fields that differ, without content of secret ones. now
// and old are the value's structs; what does not apply is nil.
func Line(at time.Time, op Op, table, key string, now, old any) string {
	line := fmt.Sprintf("%s %s %s %s", at.UTC().Format("15:04:05.000"), op.sign(), table, visible(key))
	switch op {
	case OpCreate:
		if name := nameOf(now); name != "" {
			line += fmt.Sprintf(" (%s)", visible(name))
		}
	case OpDelete:
		if name := nameOf(old); name != "" {
			line += fmt.Sprintf(" (%s)", visible(name))
		}
	case OpModify:
		line += " " + strings.Join(differences(fields(old), fields(now)), ", ")
		if d, ok := now.(types.DownloaderStatus); ok {
			line += progressOf(d)
		}
	}
	return line
}

// progressOf says for people which download it is and how far.
func progressOf(s types.DownloaderStatus) string {
	w := DownloadDoc{State: s.State, ProgressDoc: ProgressDoc{max(s.TotalBytes, 0), max(s.CurrentBytes, 0)}}
	progress := ""
	if w.State == types.DownloadRunning {
		progress = w.amount()
		if w.TotalBytes > 0 {
			progress = percentText(w.ProgressDoc) + ", " + progress
		}
	}
	if text := together(", ", redact(s.Request.DisplayName), progress); text != "" {
		return " (" + visible(text) + ")"
	}
	return ""
}

// fields returns the top fields of a struct in their JSON form.
func fields(v any) map[string]json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return nil // no value of a table's type fails: opening the table checks that
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(data, &m) != nil {
		return nil
	}
	return m
}

func nameOf(v any) string {
	var name struct {
		DisplayName, Value string
		Request            struct{ DisplayName string }
	}
	data, err := json.Marshal(v)
	if err != nil || json.Unmarshal(data, &name) != nil {
		return ""
	}
	return redact(cmp.Or(name.DisplayName, name.Request.DisplayName, name.Value))
}

func differences(old, now map[string]json.RawMessage) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		before, after := string(old[name]), string(now[name])
		switch {
		case before == after:
		case secret(name):
			list = append(list, name+" changed")
		default:
			list = append(list, fmt.Sprintf("%s %s → %s", name, shown(before), shown(after)))
		}
	}
	return list
}

func shown(text string) string { return cut(visible(redact(text)), maxShown) }
