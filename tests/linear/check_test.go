package linear

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"time"

	"github.com/anishathalye/porcupine"
)

// explainWithin bounds how long an explanation of one key's history is looked for.
const explainWithin = time.Minute

// tally counts what was checked.
type tally struct{ calls, unanswered, histories, told, readers int }

func (t *tally) add(o tally) {
	t.calls += o.calls
	t.unanswered += o.unanswered
	t.histories += o.histories
	t.told += o.told
	t.readers += o.readers
}

func (t tally) String() string {
	return fmt.Sprintf("%d calls (%d with unknown outcome) in %d histories, %d handler calls of %d subscriptions",
		t.calls, t.unanswered, t.histories, t.told, t.readers)
}

// check holds all that was seen in a day against the model, and returns what can't
// be explained.
func (d *day) check() (tally, []string) {
	sum := tally{calls: len(d.rec.calls), readers: len(d.readers)}
	for _, r := range d.readers {
		sum.told += r.calls
	}
	wrong := append(slices.Clone(d.rec.violations), agree(d.rec)...)
	histories := split(answerSeen(d.rec.calls, d.rec.sightings))
	sum.histories = len(histories)
	for _, call := range d.rec.calls {
		if call.Output.(output).Outcome == unknown {
			sum.unanswered++
		}
	}
	for name, calls := range histories {
		if result := porcupine.CheckOperationsTimeout(model(), calls, explainWithin); result != porcupine.Ok {
			wrong = append(wrong, fmt.Sprintf("the history of %s with %d calls can't be explained: %s", name, len(calls), result))
		}
	}
	return sum, wrong
}

// agree checks that a revision is of one value, whoever sees it, and that no value
// is seen that nobody had put.
func agree(rec *recorder) []string {
	type place struct {
		table    string
		revision uint64
	}
	var wrong []string
	first := map[place]sighting{}
	for _, s := range rec.sightings {
		if issued, ok := rec.issued[s.Value]; !ok || issued > s.At {
			wrong = append(wrong, fmt.Sprintf("nobody had put what was seen: %+v", s))
		}
		at := place{s.Table, s.Revision}
		if other, ok := first[at]; ok && (other.Key != s.Key || other.Value != s.Value) {
			wrong = append(wrong, fmt.Sprintf("one revision, two changes: %+v and %+v", other, s))
		}
		first[at] = s
	}
	return wrong
}

// split divides a history into those that are explained by themselves: one for
// each key, but for tables with fences, which are one each.
func split(calls []porcupine.Operation) map[string][]porcupine.Operation {
	parts := map[string][]porcupine.Operation{}
	for _, call := range calls {
		in := call.Input.(input)
		name := in.Table
		if !strings.HasPrefix(in.Table, "fenced.") {
			name += " " + in.Key
		}
		parts[name] = append(parts[name], call)
	}
	return parts
}

// answerSeen gives puts that had no answer the one that can be told from who saw
// their value: it happened before that, at this revision. That leaves less to try.
func answerSeen(calls []porcupine.Operation, sightings []sighting) []porcupine.Operation {
	seen := map[int]sighting{}
	for _, s := range sightings {
		if old, ok := seen[s.Value]; !ok || s.At < old.At {
			seen[s.Value] = s
		}
	}
	puts := map[int]int{}
	for _, call := range calls {
		if in := call.Input.(input); in.Kind == put {
			puts[in.Value]++
		}
	}
	calls = slices.Clone(calls)
	for i, call := range calls {
		in, out := call.Input.(input), call.Output.(output)
		s, ok := seen[in.Value]
		if in.Kind != put || out.Outcome != unknown || !ok || puts[in.Value] > 1 {
			continue
		}
		calls[i].Output, calls[i].Return = output{Outcome: done, Revision: s.Revision}, s.At
	}
	return calls
}

// save writes a day's history down and draws what can't be explained, and returns
// the directory.
func (d *day) save(wrong []string) string {
	dir, err := os.MkdirTemp("", "nkv-linear-")
	if err != nil {
		return err.Error()
	}
	failed := []error{os.WriteFile(filepath.Join(dir, "violations.txt"), []byte(strings.Join(wrong, "\n")), 0o600)}
	for _, r := range d.readers {
		name := strings.ReplaceAll(fmt.Sprintf("%s of %s.txt", r.name, r.table), "/", "_")
		failed = append(failed, os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(r.log, "\n")), 0o600))
	}
	for name, calls := range split(answerSeen(d.rec.calls, d.rec.sightings)) {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		failed = append(failed, writeCalls(path+".json", calls))
		result, info := porcupine.CheckOperationsVerbose(model(), calls, explainWithin)
		if result == porcupine.Ok {
			continue
		}
		failed = append(failed, porcupine.VisualizePath(model(), info, path+".html"))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Sprintf("%s (%v)", dir, err)
	}
	return dir
}

func writeCalls(path string, calls []porcupine.Operation) error {
	data, err := json.MarshalIndent(calls, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
