package store

// chunk gathers live keys into records of a fair size.
type chunk struct {
	file  *file
	batch []Op
	bytes int64
}

// chunkBytes is the size of a record of a compacted file, about.
const chunkBytes = 64 << 10

// add reports whether it is time to flush.
func (c *chunk) add(key string, value []byte) bool {
	c.batch = append(c.batch, Op{Key: key, Value: value})
	c.bytes += opSize(key, value)
	return c.bytes >= chunkBytes
}

func (c *chunk) flush() error {
	if len(c.batch) == 0 {
		return nil
	}
	_, err := c.file.append(kindBatch, c.batch)
	clear(c.batch)
	c.batch, c.bytes = c.batch[:0], 0
	return err
}

// appendLive writes every key.
func (f *file) appendLive(live map[string][]byte) error {
	c := chunk{file: f}
	for key, value := range live {
		if !c.add(key, value) {
			continue
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
	return c.flush()
}
