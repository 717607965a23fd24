package devconfig

import "github.com/evenkv/nkv/agents/types"

// apps reads the section apps.
func (d *decoder) apps(o *object) {
	for a := range o.messages("apps") {
		d.begin()
		key, version := d.version(a, "application", in(d.cfg.Tables.Apps))
		app := types.AppInstanceConfig{
			UUID:               key,
			Version:            version,
			DisplayName:        a.str("displayname"),
			Activate:           a.boolean("activate"),
			FixedResources:     a.vm("fixedresources"),
			RestartCounter:     a.message("restart").uint32("counter"),
			PurgeCounter:       a.message("purge").uint32("counter"),
			UserData:           a.str("userData"),
			CipherData:         a.cipher("cipherData"),
			MetaDataType:       enum(a, "metaDataType", metaDataTypes),
			CloudInitVersion:   a.uint32("cloudInitVersion"),
			RemoteConsole:      a.boolean("remoteConsole"),
			CollectStatsIPAddr: a.addr("collectStatsIPAddr"),
			ProfileList:        a.texts("profileList"),
			StartDelaySeconds:  a.uint32("startDelayInSeconds"),
			Service:            a.boolean("service"),
			MaxSnapshots:       a.message("snapshot").uint32("maxSnapshots"),
			DesignatedNodeID:   a.str("designatedNodeId"),
			RuntimeType:        enum(a, "runtimeType", runtimeTypes),
		}
		for drive := range a.messages("drives") {
			app.Drives = append(app.Drives, d.drive(drive))
		}
		for ref := range a.messages("volumeRefList") {
			app.VolumeRefs = append(app.VolumeRefs, d.volumeRef(ref))
		}
		for i := range a.messages("interfaces") {
			app.NetworkAdapters = append(app.NetworkAdapters, d.appInterface(i))
		}
		for io := range a.messages("adapters") {
			app.IOAdapters = append(app.IOAdapters, d.appAdapter(io))
		}
		keep(d, d.cfg.Tables.Apps, key, app,
			func(a *types.AppInstanceConfig) *string { return &a.Error })
	}
}

func (o *object) vm(name string) types.VMConfig {
	v := o.message(name)
	return types.VMConfig{
		Kernel:                v.str("kernel"),
		Ramdisk:               v.str("ramdisk"),
		MemoryKiB:             int64(v.uint32("memory")),
		MaxMemKiB:             int64(v.uint32("maxmem")),
		VMMMaxMemKiB:          int64(v.uint32("vmmMaxmem")),
		VCPUs:                 v.uint32("vcpus"),
		MaxCPUs:               v.uint32("maxcpus"),
		CPUs:                  v.str("cpus"),
		PinCPU:                v.boolean("pinCpu"),
		RootDev:               v.str("rootdev"),
		ExtraArgs:             v.str("extraargs"),
		BootLoader:            v.str("bootloader"),
		DeviceTree:            v.str("devicetree"),
		VirtualizationMode:    enum(v, "virtualizationMode", vmModes),
		BootMode:              enum(v, "bootMode", bootModes),
		EnableVNC:             v.boolean("enableVnc"),
		VNCDisplay:            v.uint32("vncDisplay"),
		DisableLogs:           v.boolean("disableLogs"),
		DisableVTPM:           v.boolean("disableVtpm"),
		EnforceInterfaceOrder: v.boolean("enforceNetworkInterfaceOrder"),
	}
}

func (d *decoder) drive(o *object) types.DriveConfig {
	image := o.message("image")
	id := image.message("uuidandversion")
	id.take("version")
	return types.DriveConfig{
		ImageUUID:    id.str("uuid"),
		Name:         image.str("name"),
		DatastoreID:  d.refer(image, "dsId", "datastore", in(d.cfg.Tables.Datastores)),
		SHA256:       image.sha256("sha256"),
		Format:       enum(image, "iformat", imageFormats),
		SizeBytes:    image.int64("sizeBytes"),
		MaxSizeBytes: o.int64("maxsizebytes"),
		ReadOnly:     o.boolean("readonly"),
		Preserve:     o.boolean("preserve"),
		Type:         enum(o, "drvtype", driveTypes),
		Target:       enum(o, "target", targets),
	}
}

func (d *decoder) volumeRef(o *object) types.VolumeRefConfig {
	exists := in(d.cfg.Tables.Volumes)
	ref := types.VolumeRefConfig{
		VolumeID:          d.refer(o, "uuid", "volume", exists),
		GenerationCounter: o.int64("generationCount"),
		MountDir:          o.str("mountDir"),
	}
	if ref.VolumeID == "" {
		o.warn("uuid", "no volume is named")
	}
	if exists(ref.VolumeID) {
		d.uses[ref.VolumeID]++
	}
	return ref
}

func (d *decoder) appInterface(o *object) types.AppNetAdapterConfig {
	i := types.AppNetAdapterConfig{
		Name:            o.str("name"),
		NetworkID:       d.refer(o, "networkId", "network instance", in(d.cfg.Tables.NetworkInstances)),
		AppIPAddr:       o.addr("addr"),
		AppMACAddr:      o.mac("macAddress"),
		HostName:        o.str("hostname"),
		AccessVLANID:    o.vlan("accessVlanId"),
		AllowToDiscover: o.boolean("allowToDiscover"),
		InterfaceOrder:  o.uint32("interfaceOrder"),
	}
	if i.NetworkID == "" {
		o.warn("networkId", "no network instance is named")
	}
	for a := range o.messages("acls") {
		i.ACLs = append(i.ACLs, a.ace())
	}
	return i
}

func (o *object) ace() types.ACE {
	ace := types.ACE{RuleID: o.int32("id"), Name: o.str("name"), Dir: enum(o, "dir", aceDirections)}
	for m := range o.messages("matches") {
		match := types.ACEMatch{Type: m.str("type")}
		if match.Type == "adapter" {
			match.Value = o.d.referLabel(m, "value")
		} else {
			match.Value = m.str("value")
		}
		ace.Matches = append(ace.Matches, match)
	}
	for a := range o.messages("actions") {
		ace.Actions = append(ace.Actions, types.ACEAction{
			Drop:       a.boolean("drop"),
			Limit:      a.boolean("limit"),
			LimitRate:  a.uint32("limitrate"),
			LimitUnit:  a.str("limitunit"),
			LimitBurst: a.uint32("limitburst"),
			PortMap:    a.boolean("portmap"),
			TargetPort: a.port("appPort"),
		})
	}
	return ace
}

// appAdapter reads a piece of hardware for an application, which names an
// adapter by its label or by its group.
func (d *decoder) appAdapter(o *object) types.IOAdapter {
	io := types.IOAdapter{
		Type:           enum(o, "type", ioTypes),
		Name:           o.str("name"),
		InterfaceOrder: o.uint32("interfaceOrder"),
		VF:             o.message("ethVf").virtualFunction(),
	}
	if !d.hardware(io.Name) {
		o.warn("name", "there is no adapter or group %q", io.Name)
	}
	return io
}

func (d *decoder) hardware(name string) bool {
	for label, a := range d.cfg.Tables.Adapters {
		if name != "" && (label == name || a.AssignGroup == name || a.PhyLabel == name) {
			return true
		}
	}
	return false
}
