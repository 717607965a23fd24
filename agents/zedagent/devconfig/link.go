package devconfig

import (
	"fmt"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// adapters reads the section deviceIoList.
func (d *decoder) adapters(o *object) {
	for io := range o.messages("deviceIoList") {
		d.begin()
		a := types.PhysicalIOAdapter{
			PhyLabel:          io.str("phylabel"),
			Type:              enum(io, "ptype", ioTypes),
			Usage:             enum(io, "usage", ioUsages),
			AssignGroup:       io.str("assigngrp"),
			ParentAssignGroup: io.str("parentassigngrp"),
			FreeUplink:        io.message("usagePolicy").boolean("freeUplink"),
			PhyAddrs:          physicalAddress(io.textMap("phyaddrs")),
			Attributes:        io.textMap("cbattr"),
		}
		d.virtualFunctions(io, &a)
		label := io.str("logicallabel")
		if label == "" && a.PhyLabel != "" {
			io.warn("logicallabel", "it is missing, the physical label %q stands in", a.PhyLabel)
			label = a.PhyLabel
		}
		a.LogicalLabel = d.nameKey(io, "logicallabel", "adapter", label, d.linked)
		if a.LogicalLabel != "" {
			d.labels.links[a.LogicalLabel] = link{a.PhyAddrs.IfName, a.Type.IsNetwork()}
		}
		if a.Type.IsNetwork() && a.PhyAddrs.IfName == "" && a.PhyAddrs.PCILong == "" && a.PhyAddrs.USBAddr == "" {
			io.warn("phyaddrs", "neither an interface name nor a PCI or USB address tells which interface is meant")
		}
		keep(d, d.cfg.Tables.Adapters, a.LogicalLabel, a,
			func(a *types.PhysicalIOAdapter) *string { return &a.Error })
	}
}

func (d *decoder) virtualFunctions(io *object, a *types.PhysicalIOAdapter) {
	list := io.message("vflist")
	a.VFCount = list.uint32("vfCount")
	for vf := range list.messages("data") {
		a.VFs = append(a.VFs, vf.virtualFunction())
	}
}

func (o *object) virtualFunction() types.EthVF {
	return types.EthVF{Index: o.uint32("index"), MAC: o.mac("mac"), VLANID: o.vlan("vlanId")}
}

// linked reports whether an adapter of any kind has the label.
func (d *decoder) linked(label string) bool {
	_, ok := d.labels.links[label]
	return ok
}

// physicalAddress sorts the addresses of an adapter. Models spell their names
// in different cases.
func physicalAddress(addrs map[string]string) types.PhysicalAddress {
	var p types.PhysicalAddress
	for name, text := range addrs {
		switch strings.ToLower(name) {
		case "ifname":
			p.IfName = text
		case "pcilong":
			p.PCILong = text
		case "usbaddr":
			p.USBAddr = text
		case "usbproduct":
			p.USBProduct = text
		case "serial":
			p.Serial = text
		case "irq":
			p.IRQ = text
		case "ioports":
			p.IOPorts = text
		default:
			if p.Other == nil {
				p.Other = map[string]string{}
			}
			p.Other[name] = text
		}
	}
	return p
}

// vlans reads the section vlans.
func (d *decoder) vlans(o *object) {
	for v := range o.messages("vlans") {
		d.begin()
		a := types.VLANAdapter{
			LogicalLabel:   d.nameKey(v, "logicallabel", "adapter", v.str("logicallabel"), d.linked),
			IfName:         v.str("interfaceName"),
			LowerLayerName: d.lower(v, "lowerLayerName"),
			VLANID:         v.vlan("vlanId"),
		}
		if a.VLANID == 0 {
			v.warn("vlanId", "a VLAN needs an id between 1 and %d", maxVLAN)
		}
		if a.LowerLayerName == "" {
			v.warn("lowerLayerName", "a VLAN needs an adapter below")
		}
		if a.LogicalLabel != "" {
			d.labels.links[a.LogicalLabel] = link{a.IfName, true}
		}
		keep(d, d.cfg.Tables.VLANs, a.LogicalLabel, a,
			func(a *types.VLANAdapter) *string { return &a.Error })
	}
}

// bonds reads the section bonds.
func (d *decoder) bonds(o *object) {
	for b := range o.messages("bonds") {
		d.begin()
		mii, arp := b.message("mii"), b.message("arp")
		a := types.BondAdapter{
			LogicalLabel:    d.nameKey(b, "logicallabel", "adapter", b.str("logicallabel"), d.linked),
			IfName:          b.str("interfaceName"),
			LowerLayerNames: b.texts("lowerLayerNames"),
			Mode:            enum(b, "bondMode", bondModes),
			LACPRate:        enum(b, "lacpRate", lacpRates),
			MII: types.BondMIIMonitor{
				Interval: mii.uint32("interval"), UpDelay: mii.uint32("updelay"), DownDelay: mii.uint32("downdelay"),
			},
			ARP: types.BondARPMonitor{Interval: arp.uint32("interval"), Targets: arp.texts("ipTargets")},
		}
		for i, lower := range a.LowerLayerNames {
			path := fmt.Sprintf("%s[%d]", b.sub("lowerLayerNames"), i)
			d.refs = append(d.refs, reference{
				d.entry, path, b.where("lowerLayerNames"), lower, "adapter", d.linked,
			})
		}
		if len(a.LowerLayerNames) == 0 {
			b.warn("lowerLayerNames", "a bond needs adapters below")
		}
		if a.LogicalLabel != "" {
			d.labels.links[a.LogicalLabel] = link{a.IfName, true}
		}
		keep(d, d.cfg.Tables.Bonds, a.LogicalLabel, a,
			func(a *types.BondAdapter) *string { return &a.Error })
	}
}

// lower reads a field that names the adapter below.
func (d *decoder) lower(o *object, name string) string {
	label := o.str(name)
	if label != "" {
		d.refs = append(d.refs, reference{d.entry, o.sub(name), o.where(name), label, "adapter", d.linked})
	}
	return label
}
