package diag

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// Render lays the document out as text lines for a terminal of the given
// width (0: unlimited), with colours or without.
func (d Document) Render(width int, colour bool) []string {
	lines := d.summary(width, colour)
	for _, t := range d.sections() {
		if len(t.rows) == 0 {
			continue
		}
		lines = append(lines, "")
		lines = append(lines, t.lines(width, colour)...)
	}
	if len(d.Errors) > 0 {
		lines = append(lines, "", paint(fit(fmt.Sprintf("Errors (%d)", len(d.Errors)), width), bold, colour))
		for _, e := range d.Errors {
			lines = append(lines, paint(fit("  "+visible(e), width), bad, colour))
		}
	}
	return lines
}

// summary is the head of the picture.
func (d Document) summary(width int, colour bool) []string {
	c := d.Configuration
	state := good
	if c.State != types.ConfigFileValid {
		state = bad
	}
	config := "configuration unknown: zedagent has not published yet"
	if c.State != "" {
		config = fmt.Sprintf("configuration %s, in force from %s, %s", c.State, c.Source, cmp.Or(short(c.SHA256), "none"))
	}
	network := fmt.Sprintf("network %d of %d ports up, %d missing, %d for management",
		d.Network.Up, d.Network.Wanted, d.Network.Wanted-d.Network.Present, d.Network.MgmtUp)
	net := good
	if d.Network.Up < d.Network.Wanted {
		net = bad
	}
	if d.Network.Source == "" {
		network, net = "network unknown: nim has not published yet", bad
	}
	waiting := []string{}
	for _, t := range d.Tables {
		if !t.Synchronized {
			waiting = append(waiting, t.Table)
		}
	}
	lines := []string{
		paint(fit(visible(cmp.Or(d.Device.Name, "device")+"  "+d.Device.UUID), width), bold, colour),
		paint(fit("  "+visible(config), width), state, colour),
		paint(fit("  "+visible(network), width), net, colour),
	}
	if len(waiting) > 0 {
		lines = append(lines, paint(fit("  waiting for "+strings.Join(waiting, ", "), width), faint, colour))
	}
	return lines
}

// short is the start of a checksum or a UUID, enough to tell two apart.
func short(text string) string { return text[:min(len(text), 8)] }

func text(s string) cell { return cell{text: s} }

func number[T uint32 | int64 | int](n T) cell { return cell{text: strconv.FormatInt(int64(n), 10)} }

func join(list []string) cell { return cell{text: strings.Join(list, ", ")} }

// trouble is the last column of every section.
func trouble(problem string) cell {
	if problem == "" {
		return cell{"ok", good}
	}
	return cell{problem, bad}
}

func active(on bool) cell {
	if on {
		return cell{"on", good}
	}
	return cell{"off", faint}
}

func (p PortDoc) state() cell {
	switch {
	case !p.Configured:
		return cell{"removed", faint}
	case !p.Known:
		return cell{"unknown", faint}
	case !p.Present:
		return cell{"missing", bad}
	case !p.Up:
		return cell{"down", bad}
	}
	return cell{"up", good}
}

func addrs(list []netip.Prefix) cell {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return join(texts)
}

func subnet(p netip.Prefix) cell {
	if !p.IsValid() {
		return cell{"-", faint}
	}
	return text(p.String())
}

// size writes a number of bytes in its largest unit of 1024.
func size(n int64) cell {
	if n == 0 {
		return cell{"-", faint}
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	f, unit := float64(n), 0
	for f >= 1024 && unit < len(units)-1 {
		f /= 1024
		unit++
	}
	return text(strconv.FormatFloat(f, 'g', 4, 64) + " " + units[unit])
}

func (d Document) sections() []table {
	return append(d.networkSections(), d.workloadSections()...)
}

func (d Document) networkSections() []table {
	ports := table{title: fmt.Sprintf("Ports (%d)", len(d.Ports)),
		header: []string{"LABEL", "STATE", "INTERFACE", "ADDRESSES", "DHCP", "USE", "STATUS"}}
	for _, p := range d.Ports {
		use := "apps"
		if p.Mgmt {
			use = "mgmt"
		}
		ports.rows = append(ports.rows, []cell{text(p.Label), p.state(), text(p.Interface), addrs(p.Addrs),
			text(string(p.DHCP)), text(use), trouble(p.Error)})
	}
	adapters := table{title: fmt.Sprintf("Adapters (%d)", len(d.Adapters)),
		header: []string{"LABEL", "TYPE", "INTERFACE", "BELOW", "USAGE", "STATUS"}}
	for _, a := range d.Adapters {
		adapters.rows = append(adapters.rows, []cell{text(a.Label), text(strings.TrimPrefix(a.Type, "PhyIo")),
			text(a.Interface), join(a.Below), text(strings.TrimPrefix(a.Usage, "PhyIoUsage")), trouble(a.Error)})
	}
	networks := table{title: fmt.Sprintf("Networks (%d)", len(d.Networks)),
		header: []string{"UUID", "DHCP", "SUBNET", "TYPE", "PROXIES", "STATUS"}}
	for _, n := range d.Networks {
		networks.rows = append(networks.rows, []cell{text(n.UUID), text(string(n.DHCP)), subnet(n.Subnet),
			text(string(n.Type)), number(n.Proxies), trouble(n.Error)})
	}
	instances := table{title: fmt.Sprintf("Network instances (%d)", len(d.NetworkInstances)),
		header: []string{"NAME", "STATE", "PORT", "SUBNET", "APPS", "TYPE", "STATUS"}}
	for _, n := range d.NetworkInstances {
		instances.rows = append(instances.rows, []cell{text(n.Name), active(n.Active), text(n.Port), subnet(n.Subnet),
			number(n.Apps), text(strings.TrimPrefix(string(n.Type), "ZnetInst")), trouble(n.Error)})
	}
	return []table{ports, adapters, networks, instances}
}

func (d Document) workloadSections() []table {
	apps := table{title: fmt.Sprintf("Applications (%d)", len(d.Apps)),
		header: []string{"NAME", "STATE", "CPUS", "MEMORY", "NETWORKS", "VOLUMES", "HARDWARE", "STATUS"}}
	for _, a := range d.Apps {
		apps.rows = append(apps.rows, []cell{text(a.Name), active(a.Active), number(a.VCPUs), size(a.MemoryKiB * 1024),
			join(a.Networks), join(a.Volumes), join(a.Hardware), trouble(a.Error)})
	}
	volumes := table{title: fmt.Sprintf("Volumes (%d)", len(d.Volumes)),
		header: []string{"NAME", "CONTENT", "SIZE", "USES", "STATUS"}}
	for _, v := range d.Volumes {
		volumes.rows = append(volumes.rows, []cell{text(v.Name), text(cmp.Or(v.Content, "blank")), size(v.SizeBytes),
			number(v.Uses), trouble(v.Error)})
	}
	contents := table{title: fmt.Sprintf("Content trees (%d)", len(d.ContentTrees)),
		header: []string{"NAME", "FORMAT", "URL", "DATASTORES", "SHA256", "STATUS"}}
	for _, c := range d.ContentTrees {
		contents.rows = append(contents.rows, []cell{text(c.Name), text(string(c.Format)), text(c.URL),
			join(c.Datastores), text(short(c.SHA256)), trouble(c.Error)})
	}
	datastores := table{title: fmt.Sprintf("Datastores (%d)", len(d.Datastores)),
		header: []string{"ADDRESS", "TYPE", "PATH", "STATUS"}}
	for _, s := range d.Datastores {
		datastores.rows = append(datastores.rows, []cell{text(s.FQDN), text(string(s.Type)), text(s.Path), trouble(s.Error)})
	}
	items := table{title: fmt.Sprintf("Config items (%d)", len(d.ConfigItems)), header: []string{"NAME", "VALUE"}}
	for _, key := range slices.Sorted(maps.Keys(d.ConfigItems)) {
		items.rows = append(items.rows, []cell{text(key), text(d.ConfigItems[key])})
	}
	return []table{apps, volumes, contents, datastores, items}
}
