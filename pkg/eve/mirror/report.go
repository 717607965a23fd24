package mirror

import "github.com/sirupsen/logrus"

// Report says what Import found and did.
type Report struct {
	Tables []TableReport // those where anything was to be done
}

// TableReport is what was done about the files of one table in one lane. Keys are
// text.
type TableReport struct {
	Table     string // encoded
	Durable   bool
	Imported  []string // put into the table as the files say
	Recovered []string // put into the table as the backups say
	Deleted   []string // deleted from the table, since their files are gone
	Restarted bool     // the restart counter was taken over
	Left      []string // what could not be imported and stays, and why
	Written   int      // files that were brought to what the table says
	Removed   int      // files that were removed, since the table has no such key
}

func (t TableReport) empty() bool {
	return len(t.Imported)+len(t.Recovered)+len(t.Deleted)+len(t.Left)+t.Written+t.Removed == 0 && !t.Restarted
}

// counts sums a report up for the log.
func (r Report) counts() logrus.Fields {
	var tables, imported, recovered, deleted, restarted, left, written, removed int
	for _, t := range r.Tables {
		if len(t.Imported)+len(t.Recovered)+len(t.Deleted) > 0 || t.Restarted {
			tables++
		}
		imported, recovered, deleted = imported+len(t.Imported), recovered+len(t.Recovered), deleted+len(t.Deleted)
		left, written, removed = left+len(t.Left), written+t.Written, removed+t.Removed
		if t.Restarted {
			restarted++
		}
	}
	return logrus.Fields{
		"tables": tables, "imported": imported, "recovered": recovered, "deleted": deleted, "restarted": restarted,
		"left": left, "written": written, "removed": removed,
	}
}

func (t TableReport) fields() logrus.Fields {
	return logrus.Fields{
		"table": t.Table, "durable": t.Durable, "imported": len(t.Imported), "recovered": len(t.Recovered), "deleted": len(t.Deleted),
		"restarted": t.Restarted, "left": len(t.Left), "written": t.Written, "removed": t.Removed,
	}
}
