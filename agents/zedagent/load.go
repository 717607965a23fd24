package zedagent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/evenkv/nkv/agents/filewatch"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
)

// look reads the configuration file and takes it when it is good. It is called
// for every change of the file, and once at the start.
func (z *Agent) look(ctx context.Context) {
	data, err := filewatch.Read(z.file.Path())
	var state types.ConfigFileState
	var cfg *devconfig.Config
	sum := checksum(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		state = types.ConfigFileMissing
	case err != nil:
		state = types.ConfigFileUnreadable
	case z.seen == string(types.ConfigFileValid)+sum:
		return // the same as before: nothing to parse
	default:
		state = types.ConfigFileValid
		if cfg, err = devconfig.Parse(data); err != nil {
			state = types.ConfigFileInvalid
		}
	}
	if !z.news(state, sum, err) {
		return
	}
	if state == types.ConfigFileValid {
		unsaved := z.save(ctx, data, sum)
		z.take(ctx, cfg, sum, types.ConfigSourceFile)
		if unsaved != nil {
			z.log.WithError(unsaved).Error("the configuration is not saved: a boot without the file would come up on the one before")
			z.status.PublishErrors = append(z.status.PublishErrors, unsaved.Error())
		}
	} else {
		z.refuse(ctx, err)
	}
	z.publishStatus(ctx)
}

// news notes the outcome of a look and reports whether it differs from that of
// the look before.
func (z *Agent) news(state types.ConfigFileState, sum string, err error) bool {
	outcome := string(state) + sum
	if err != nil {
		outcome += err.Error()
	}
	if outcome == z.seen {
		return false
	}
	z.seen = outcome
	z.status.FileState, z.status.LastAttempt = state, now()
	return true
}

// refuse leaves in force what is; when nothing is, the saved configuration is
// taken.
func (z *Agent) refuse(ctx context.Context, err error) {
	z.status.Error = z.file.Path() + ": " + err.Error()
	if errors.Is(err, fs.ErrNotExist) {
		z.status.Error = z.file.Path() + ": there is no such file"
	} else {
		z.status.Refusals++
	}
	log := z.log.WithField("file", z.file.Path())
	log.WithError(err).Warn("the configuration file can't be used")
	if z.status.Source != types.ConfigSourceNone {
		return
	}
	saved, ok := z.pubs.lastGood.Get(types.StatusKey)
	if !ok {
		log.Warn("no configuration is in force and none was saved")
		return
	}
	cfg, err := devconfig.Parse([]byte(saved.Config))
	if err != nil {
		z.status.Error += fmt.Sprintf("; the saved configuration %s can't be used either: %v", saved.SHA256, err)
		log.WithError(err).Error("the saved configuration can't be used")
		return
	}
	log.WithField("sha256", saved.SHA256).Info("coming up on the saved configuration")
	z.take(ctx, cfg, saved.SHA256, types.ConfigSourceSaved)
}

// save keeps a configuration for a boot without a file. It comes before the
// configuration is published, so that what a reader saw is never newer than
// what a reboot brings back.
func (z *Agent) save(ctx context.Context, data []byte, sum string) error {
	if saved, ok := z.pubs.lastGood.Get(types.StatusKey); ok && saved.SHA256 == sum {
		return nil
	}
	var text bytes.Buffer
	if err := json.Compact(&text, bytes.TrimPrefix(data, []byte("\uFEFF"))); err != nil {
		return fmt.Errorf("save the configuration: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	err := z.pubs.lastGood.Publish(ctx, types.StatusKey, types.LastGoodConfig{
		Config: text.String(), SHA256: sum, ConfigFile: z.file.Path(), Accepted: now(),
	})
	if err != nil {
		return fmt.Errorf("save the configuration of %d bytes: %w", text.Len(), err)
	}
	return nil
}

// take puts a configuration in force.
func (z *Agent) take(ctx context.Context, cfg *devconfig.Config, sum string, source types.ConfigSource) {
	result := z.apply(ctx, cfg.Tables)
	s := &z.status
	s.DeviceID, s.DeviceName, s.ConfigVersion = cfg.DeviceID, cfg.DeviceName, cfg.Version
	s.Source, s.ConfigSHA256, s.DatastoreOverride = source, sum, z.override
	s.LastLoad = now()
	s.Loads++
	s.UnknownFields, s.WarningCount = cfg.UnknownFields, cfg.WarningCount
	s.Warnings, s.PublishErrors = nil, nil
	for _, w := range cfg.Warnings {
		s.Warnings = append(s.Warnings, w.Error())
	}
	for _, err := range result.Refused {
		s.PublishErrors = append(s.PublishErrors, err.Error())
	}
	s.Tables = counts(cfg.Tables)
	if source == types.ConfigSourceFile {
		s.Error = ""
	}
	z.log.WithFields(map[string]any{
		"source": source, "sha256": sum, "published": result.Put, "unpublished": result.Deleted,
		"pending": result.Pending, "refused": len(result.Refused), "warnings": cfg.WarningCount,
	}).Info("a configuration is in force")
}

func (z *Agent) publishStatus(parent context.Context) {
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	if err := z.pubs.status.Publish(ctx, types.StatusKey, z.status); err != nil && parent.Err() == nil {
		z.log.WithError(err).Warn("the agent's status is not published yet")
	}
	z.tellRestart(ctx)
}

func checksum(data []byte) string {
	if data == nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// now is the time as JSON keeps it.
func now() time.Time { return time.Now().UTC().Round(0) }
