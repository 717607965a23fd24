package bridge

import (
	"errors"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/eve"
)

// maxCatchUp is how often the files of a publisher that has ended may change while
// they are looked at.
const maxCatchUp = 10

// contents is how a table's files differ from the table.
type contents struct {
	changed map[string][]byte
	deleted []string
	restart uint64
}

// equal reports whether there is no difference, with the table's restart counter.
func (c contents) equal(restart uint64) bool {
	return len(c.changed)+len(c.deleted) == 0 && c.restart == restart
}

func (p *place) release() {
	p.b.files.Release(p.table)
	p.released = true
}

// compare tells how a table's released files differ from it. While somebody
// answers on the socket, which may be a publisher that has just started, nobody
// can tell: errInUse.
func (p *place) compare() (found contents, err error) {
	if answers(p.b.ctx, p.path) {
		return found, errInUse
	}
	if found.changed, found.deleted, found.restart, err = p.b.files.Compare(p.table); err != nil {
		return found, err
	}
	if answers(p.b.ctx, p.path) { // it may have been writing while the files were read
		return found, errInUse
	}
	return found, nil
}

// adopt takes the files back, which were found to be as the table is, and reports
// whether they still were.
func (p *place) adopt(restart uint64) (same bool, err error) {
	var found contents
	if found.changed, found.deleted, found.restart, err = p.b.files.Adopt(p.table); err != nil {
		return false, err
	}
	if p.released = false; found.equal(restart) {
		return true, nil
	}
	p.release()
	return false, nil
}

// reclaim takes the files back, if they are released, for an owner who does not
// care what others wrote to them.
func (p *place) reclaim() error {
	if !p.released {
		return nil
	}
	changed, deleted, _, err := p.b.files.Adopt(p.table)
	if err != nil {
		return err
	}
	p.released = false
	if len(changed)+len(deleted) > 0 {
		p.log.WithFields(logrus.Fields{"changed": len(changed), "deleted": len(deleted)}).Warn("the table's files differ from it, since it was published on both sides; each is right again when its key changes")
	}
	return nil
}

// glance takes over what an old publisher wrote that was not followed: it came and
// went too fast, or while nobody looked. It returns the openings that can go on.
//
// The files stay released while they differ from the table, so that nothing is
// written over what the next publisher does: a server that changes a table, even
// to note that nobody owns it, makes its files like the table.
func (p *place) glance() []opening {
	unseen, gated := p.see()
	if !unseen && !p.released {
		return gated
	}
	p.release()
	err := p.takeOver()
	switch {
	case err == nil:
		p.unread = 0
		return gated
	case errors.Is(err, errInUse), p.b.ctx.Err() != nil:
		return p.unsee(gated)
	}
	p.complain(logrus.ErrorLevel, err, "what an old publisher has written is not in the table")
	if p.unread++; p.unread <= maxUnread {
		return p.unsee(gated)
	}
	if err := p.reclaim(); err != nil {
		p.complain(logrus.ErrorLevel, err, "the table's files are not kept current")
	}
	return gated
}

// takeOver makes a table that nobody owns what files have. It does not open it
// when that is so already.
func (p *place) takeOver() error {
	found, err := p.compare()
	if err != nil {
		return err
	}
	infos, err := p.b.reader.Tables(p.b.ctx, p.table.String())
	if err != nil {
		return err
	}
	durable, before := p.durable(eve.Message{}), uint64(0)
	if len(infos) > 0 {
		durable, before = infos[0].Durable, infos[0].Restart
	}
	if found.equal(before) {
		if same, err := p.adopt(before); same || err != nil {
			return err
		}
	}
	c, err := p.b.agents.get(p.table.Agent)
	defer p.b.agents.put(p.table.Agent)
	if err != nil {
		return err
	}
	pub, err := p.open(c, durable)
	if err != nil {
		return err
	}
	return errors.Join(newIntake(p, pub).catchUp(), p.giveUp(pub))
}

// catchUp makes the table what its files hold, and takes them back: what a
// publisher had done when it ended is there, whether it told it or not.
func (in *intake) catchUp() error {
	p := in.p
	for range maxCatchUp {
		found, err := p.compare()
		if err != nil {
			return err
		}
		if !found.equal(in.pub.Restarts()) {
			in.settle(found)
		} else if same, err := p.adopt(found.restart); same || err != nil {
			return err
		}
		if err := p.b.ctx.Err(); err != nil {
			return err
		}
	}
	p.log.Warn("the table's files change all the time, though no publisher answers on its socket; they are looked at again")
	return errInUse
}
