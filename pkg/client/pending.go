package client

import "container/list"

// pending holds the changes and marks that were received and not yet handled, in
// order, with at most one change for each key between two marks. Its size is
// bounded by the keys, not by the changes: a mark closes a segment, changes never
// move across it, and a newer mark of the same kind takes the place of the older,
// whose segment joins the next. A key that changes again moves to the end of the
// last segment.
//
// The zero value is ready. The subscription's lock guards it.
type pending struct {
	segments []*segment // the last one has no mark
	size     int
}

// segment is changes, and the mark after them.
type segment struct {
	order list.List // of Change
	byKey map[string]*list.Element
	mark  *Change // nil in the last segment
}

func newSegment() *segment { return &segment{byKey: map[string]*list.Element{}} }

// add files a change or a mark.
func (p *pending) add(c Change) {
	if len(p.segments) == 0 {
		p.segments = append(p.segments, newSegment())
	}
	if c.isMark() {
		p.addMark(c)
		return
	}
	p.size += p.segments[len(p.segments)-1].set(c)
}

// set files a change and returns by how much the segment grew.
func (s *segment) set(c Change) int {
	if old := s.byKey[c.Key]; old != nil {
		old.Value = c
		s.order.MoveToBack(old)
		return 0
	}
	s.byKey[c.Key] = s.order.PushBack(c)
	return 1
}

func (p *pending) addMark(c Change) {
	for i, s := range p.segments {
		if s.mark != nil && sameKind(s.mark.Op, c.Op) {
			p.join(i)
			break
		}
	}
	p.segments[len(p.segments)-1].mark = &c
	p.segments = append(p.segments, newSegment())
	p.size++
}

// sameKind reports whether a newer mark says all that the older one said.
func sameKind(a, b Op) bool {
	return a == b || table(a) && table(b)
}

func table(op Op) bool { return op == TableOpened || op == TableClosed }

// join drops the mark of a segment and moves its changes to the front of the
// next, where a newer change of the same key wins.
func (p *pending) join(i int) {
	s, next := p.segments[i], p.segments[i+1]
	p.size--
	for e := s.order.Back(); e != nil; e = e.Prev() {
		c, ok := e.Value.(Change)
		if !ok {
			continue
		}
		if next.byKey[c.Key] != nil {
			p.size--
			continue
		}
		next.byKey[c.Key] = next.order.PushFront(c)
	}
	p.segments = append(p.segments[:i], p.segments[i+1:]...)
}

// next takes the oldest change or mark.
func (p *pending) next() (Change, bool) {
	for len(p.segments) > 0 {
		s := p.segments[0]
		if e := s.order.Front(); e != nil {
			c, ok := s.order.Remove(e).(Change)
			if !ok {
				continue
			}
			delete(s.byKey, c.Key)
			p.size--
			return c, true
		}
		if s.mark == nil {
			return Change{}, false
		}
		p.segments = p.segments[1:]
		p.size--
		return *s.mark, true
	}
	return Change{}, false
}

// len returns how many changes and marks wait.
func (p *pending) len() int { return p.size }
