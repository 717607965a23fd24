package access

import "time"

// LookEvery sets how often Watch looks by itself. It is called before Watch.
func (f *File) LookEvery(every time.Duration) { f.look = every }
