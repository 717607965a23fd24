package devconfig

import (
	"net"
	"net/netip"

	"github.com/evenkv/nkv/agents/types"
)

// maxVLAN is the highest VLAN id, as IEEE 802.1Q has it.
const maxVLAN = 4094

// addr reads an IP address; the zero value when it is absent or odd.
func (o *object) addr(name string) netip.Addr {
	text := o.str(name)
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		o.warn(name, "%q is not an IP address", text)
	}
	return a
}

// addrs reads a list of IP addresses without the odd ones.
func (o *object) addrs(name string) []netip.Addr {
	var list []netip.Addr
	for path, item := range o.items(name) {
		if item.kind != kindString {
			o.d.fail(path, item.offset, ErrType, "a text is expected, this is "+item.kind.String())
			continue
		}
		a, err := netip.ParseAddr(item.text)
		if err != nil {
			o.d.warn(path, item.offset, `"`+item.text+`" is not an IP address`)
			continue
		}
		list = append(list, a)
	}
	return list
}

// prefix reads a subnet. Bits of the host are cut off.
func (o *object) prefix(name string) netip.Prefix {
	text := o.str(name)
	if text == "" {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		o.warn(name, "%q is not a subnet such as 10.1.0.0/16", text)
		return netip.Prefix{}
	}
	return p.Masked()
}

// mac reads a hardware address in its usual form.
func (o *object) mac(name string) string {
	text := o.str(name)
	if text == "" {
		return ""
	}
	m, err := net.ParseMAC(text)
	if err != nil || len(m) != 6 {
		o.warn(name, "%q is not a MAC address", text)
		return text
	}
	return m.String()
}

// port reads a TCP or UDP port.
func (o *object) port(name string) uint32 {
	n := o.uint32(name)
	if n > 65535 {
		o.warn(name, "%d is not a port", n)
	}
	return n
}

// vlan reads a VLAN id; 0 when it is absent.
func (o *object) vlan(name string) uint32 {
	n := o.uint32(name)
	if n > maxVLAN {
		o.warn(name, "%d is not a VLAN id, they go up to %d", n, maxVLAN)
	}
	return n
}

// cipher reads a block of encrypted credentials.
func (o *object) cipher(name string) types.CipherBlock {
	c := o.message(name)
	return types.CipherBlock{
		CipherContextID: c.str("cipherContextId"),
		InitialValue:    c.bytes("initialValue"),
		CipherData:      c.bytes("cipherData"),
		ClearTextSHA256: c.bytes("clearTextSha256"),
	}
}

// ip reads the address settings of a network or a network instance.
func (o *object) ip(name string) types.IPConfig {
	i := o.message(name)
	cfg := types.IPConfig{
		DHCP:       enum(i, "dhcp", dhcpTypes),
		Subnet:     i.prefix("subnet"),
		Gateway:    i.addr("gateway"),
		Domain:     i.str("domain"),
		DNSServers: i.addrs("dns"),
	}
	if first := i.str("ntp"); first != "" {
		cfg.NTPServers = append(cfg.NTPServers, first)
	}
	cfg.NTPServers = append(cfg.NTPServers, i.texts("moreNtp")...)
	r := i.message("dhcpRange")
	cfg.DHCPRange = types.IPRange{Start: r.addr("start"), End: r.addr("end")}
	r.checkRange(cfg)
	ignore := i.message("dhcpOptionsIgnore")
	cfg.IgnoreDHCP = types.DHCPOptionsIgnore{
		NTPServers:  ignore.boolean("ntpServerExclusively"),
		IPAddresses: ignore.boolean("ipAddressesExclusively"),
		DNSConfig:   ignore.boolean("dnsConfigExclusively"),
		Gateways:    ignore.boolean("gatewaysExclusively"),
	}
	return cfg
}

// checkRange warns about a DHCP range that can't be handed out.
func (o *object) checkRange(cfg types.IPConfig) {
	start, end := cfg.DHCPRange.Start, cfg.DHCPRange.End
	if !start.IsValid() || !end.IsValid() {
		return
	}
	if end.Less(start) {
		o.warn("end", "the range ends at %s, before its start %s", end, start)
	}
	if !cfg.Subnet.IsValid() {
		return
	}
	if !cfg.Subnet.Contains(start) {
		o.warn("start", "%s lies outside the subnet %s", start, cfg.Subnet)
	}
	if !cfg.Subnet.Contains(end) {
		o.warn("end", "%s lies outside the subnet %s", end, cfg.Subnet)
	}
}

// names reads a list of static names.
func (o *object) names(name string) []types.DNSNameToIP {
	var list []types.DNSNameToIP
	for n := range o.messages(name) {
		list = append(list, types.DNSNameToIP{HostName: n.str("HostName"), IPs: n.addrs("Address")})
	}
	return list
}

// version reads the UUID and the version of an entry.
func (d *decoder) version(o *object, what string, taken func(string) bool) (key, version string) {
	v := o.message("uuidandversion")
	return d.uuidKey(v, "uuid", what, taken), v.str("version")
}
