package bridge

import (
	"errors"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/eve"
)

// maxCatchUp is how often the files of a publisher that has ended may change while
// they are looked at.
const maxCatchUp = 10

// glance takes over what an old publisher wrote that was not followed: it came and
// went too fast, or while nobody looked. It returns the openings that can go on.
func (p *place) glance() []opening {
	unseen, gated := p.see()
	if !unseen {
		return gated
	}
	p.release()
	found, err := p.adopt()
	if err == nil {
		err = p.takeOver(found)
	}
	if errors.Is(err, errInUse) {
		return p.unsee(gated)
	}
	if err != nil && p.b.ctx.Err() == nil {
		p.complain(logrus.ErrorLevel, err, "what an old publisher has written is not in the table")
	}
	return gated
}

func (p *place) release() {
	p.b.files.Release(p.table)
	p.released = true
}

// reclaim takes a table's files back, if they are released, for an owner who does
// not care what others wrote to them.
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

// adopt takes a table's files back. While somebody answers on the socket, which
// may be a publisher that has just started, they stay released: errInUse.
func (p *place) adopt() (found contents, err error) {
	if answers(p.b.ctx, p.path) {
		return found, errInUse
	}
	if found.changed, found.deleted, found.restart, err = p.b.files.Adopt(p.table); err != nil {
		return found, err
	}
	p.released = false
	if answers(p.b.ctx, p.path) { // it may have been writing while the files were read
		p.release()
		return found, errInUse
	}
	return found, nil
}

// takeOver makes a table that nobody owns what files have. It does not open it
// when that is so already.
func (p *place) takeOver(found contents) error {
	infos, err := p.b.reader.Tables(p.b.ctx, p.table.String())
	if err != nil {
		return err
	}
	durable, before := p.durable(eve.Message{}), uint64(0)
	if len(infos) > 0 {
		durable, before = infos[0].Durable, infos[0].Restart
	}
	if found.equal(before) {
		return nil
	}
	c, err := p.b.agents.get(p.table.Agent)
	defer p.b.agents.put(p.table.Agent)
	if err != nil {
		return err
	}
	p.release()
	pub, err := p.open(c, durable)
	if err != nil {
		return errors.Join(err, p.reclaim())
	}
	in := newIntake(p, pub)
	in.settle(found)
	err = in.catchUp()
	return errors.Join(err, p.giveUp(pub))
}

// catchUp makes the table what its files hold: what a publisher had done when it
// ended is there, whether it told it or not. The files are released until nothing
// differs, so that nothing is written over what the next publisher does.
func (in *intake) catchUp() error {
	p := in.p
	for range maxCatchUp {
		found, err := p.adopt()
		if err != nil || found.equal(in.pub.Restarts()) {
			return err
		}
		p.release()
		in.settle(found)
		if err := p.b.ctx.Err(); err != nil {
			return err
		}
	}
	p.log.Warn("the table's files change all the time, though no publisher answers on its socket; what they hold now is taken at the next opening")
	_, err := p.adopt()
	return err
}
