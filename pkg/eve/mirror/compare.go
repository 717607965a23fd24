package mirror

import (
	"fmt"
	"slices"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/wire"
)

// Compare returns how a released table's files differ from it, as Adopt does, and
// leaves them released.
func (m *Mirror) Compare(table wire.Table) (changed map[string][]byte, deleted []string, restart uint64, err error) {
	if err := eve.CheckTable(table); err != nil {
		return nil, nil, 0, err
	}
	home, _ := m.home(table)
	found, err := home.contents(table)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("read the files of table %s: %w", table, err)
	}
	changed, deleted = home.compare(table.String(), found)
	if c, ok := found[counter]; ok && !c.left {
		restart = eve.ParseRestarted(c.value)
	}
	return changed, deleted, restart, nil
}

func (s *Store) compare(name string, found map[string]content) (changed map[string][]byte, deleted []string) {
	s.take()
	defer s.leave()
	known := map[string]*file{}
	if t := s.tables[name]; t != nil {
		known = t.files
	}
	changed = map[string][]byte{}
	for key, c := range found {
		f := known[key]
		if key == counter || c.left || c.value == nil || fileName(key) == "" {
			continue
		}
		if f == nil || f.want == nil || string(c.value) != string(f.want) {
			changed[keyText(key)] = c.value
		}
	}
	for key, f := range known {
		if c := found[key]; key != counter && !c.left && c.value == nil && f.want != nil {
			deleted = append(deleted, keyText(key))
		}
	}
	slices.Sort(deleted)
	return changed, deleted
}
