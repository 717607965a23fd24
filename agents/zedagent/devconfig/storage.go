package devconfig

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// sha256 reads a checksum in hexadecimal digits, as lower case.
func (o *object) sha256(name string) string {
	text := strings.ToLower(o.str(name))
	if digits, err := hex.DecodeString(text); text != "" && (err != nil || len(digits) != 32) {
		o.warn(name, "%q is not a SHA-256 checksum of 64 hexadecimal digits", text)
	}
	return text
}

// datastores reads the section datastores.
func (d *decoder) datastores(o *object) {
	for s := range o.messages("datastores") {
		d.begin()
		ds := types.DatastoreConfig{
			UUID:       d.uuidKey(s, "id", "datastore", in(d.cfg.Tables.Datastores)),
			Type:       enum(s, "dType", datastoreTypes),
			FQDN:       s.str("fqdn"),
			DPath:      s.str("dpath"),
			Region:     s.str("region"),
			APIKey:     s.str("apiKey"),
			Password:   s.str("password"),
			CipherData: s.cipher("cipherData"),
			CertPEM:    s.pems("dsCertPEM"),
		}
		keep(d, d.cfg.Tables.Datastores, ds.UUID, ds,
			func(ds *types.DatastoreConfig) *string { return &ds.Error })
	}
}

// contentTrees reads the section contentInfo.
func (d *decoder) contentTrees(o *object) {
	for c := range o.messages("contentInfo") {
		d.begin()
		tree := types.ContentTreeConfig{
			ContentID:            d.uuidKey(c, "uuid", "content tree", in(d.cfg.Tables.ContentTrees)),
			DisplayName:          c.str("displayName"),
			DatastoreIDs:         d.datastoreIDs(c),
			RelativeURL:          c.str("URL"),
			Format:               enum(c, "iformat", imageFormats),
			ContentSHA256:        c.sha256("sha256"),
			MaxDownloadSizeBytes: c.uint64("maxSizeBytes"),
			GenerationCounter:    c.int64("generationCount"),
			CustomMetaData:       c.str("customMetaData"),
			DesignatedNodeID:     c.str("designatedNodeId"),
		}
		if tree.RelativeURL == "" {
			c.warn("URL", "nothing says what to download")
		}
		keep(d, d.cfg.Tables.ContentTrees, tree.ContentID, tree,
			func(t *types.ContentTreeConfig) *string { return &t.Error })
	}
}

// datastoreIDs reads the list of datastores, or the one of older controllers
// when the list is empty.
func (d *decoder) datastoreIDs(c *object) []string {
	exists := in(d.cfg.Tables.Datastores)
	var ids []string
	texts, offset := c.texts("dsIdsList"), c.where("dsIdsList")
	for i, text := range texts {
		id := d.referKey(fmt.Sprintf("%s[%d]", c.sub("dsIdsList"), i), offset, text, "datastore", exists)
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		c.take("dsId")
		return ids
	}
	if id := d.refer(c, "dsId", "datastore", exists); id != "" {
		return []string{id}
	}
	c.warn("dsId", "no datastore is named")
	return nil
}

// volumes reads the section volumes.
func (d *decoder) volumes(o *object) {
	for v := range o.messages("volumes") {
		d.begin()
		origin := v.message("origin")
		vol := types.VolumeConfig{
			VolumeID:          d.uuidKey(v, "uuid", "volume", in(d.cfg.Tables.Volumes)),
			DisplayName:       v.str("displayName"),
			OriginType:        enum(origin, "type", volumeOrigins),
			ContentID:         d.refer(origin, "downloadContentTreeID", "content tree", in(d.cfg.Tables.ContentTrees)),
			MaxVolSizeBytes:   v.int64("maxsizebytes"),
			GenerationCounter: v.int64("generationCount"),
			ReadOnly:          v.boolean("readonly"),
			ClearText:         v.boolean("clearText"),
			Target:            enum(v, "target", targets),
			DesignatedNodeID:  v.str("designatedNodeId"),
		}
		for path, item := range v.items("protocols") {
			vol.AccessProtocols = append(vol.AccessProtocols, enumNode(d, path, item, volumeProtocols))
		}
		if vol.OriginType == types.VolumeOriginDownload && vol.ContentID == "" {
			origin.warn("downloadContentTreeID", "no content tree is named")
		}
		keep(d, d.cfg.Tables.Volumes, vol.VolumeID, vol,
			func(v *types.VolumeConfig) *string { return &v.Error })
	}
}

// configItems reads the section configItems.
func (d *decoder) configItems(o *object) {
	for i := range o.messages("configItems") {
		item := types.ConfigItem{
			Key:   d.nameKey(i, "key", "config item", i.str("key"), in(d.cfg.Tables.ConfigItems)),
			Value: i.scalar("value"),
		}
		if item.Key != "" {
			d.cfg.Tables.ConfigItems[item.Key] = item
		}
	}
}
