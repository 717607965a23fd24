package codec

import (
	"encoding/json"
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/evenkv/nkv/tests/codec/plain"
)

// special fills the types that a walk over their fields would not fill well.
func (f *filler) special(v reflect.Value) bool {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = f.time()
	case *plain.Moment:
		*p = plain.Moment(f.time())
	case *time.Duration:
		*p = time.Duration(f.integer())
	case *json.RawMessage:
		*p = f.raw()
	case *json.Number:
		*p = f.number()
	case *plain.Severity:
		*p = plain.Severity(f.n(4))
		if f.bad() {
			*p = plain.Severity(f.byte())
		}
	case *plain.OwnRaw:
		*p = plain.OwnRaw(f.raw())
		if len(*p) == 0 && !f.bad() {
			*p = " 1 "
		}
	case *plain.OwnText:
		f.fill(open(v.Field(0)), 0)
		if f.bad() {
			open(v.Field(0)).SetString("refuse")
		}
	case *net.IP:
		*p = f.ip()
	case *net.HardwareAddr:
		*p = pick(f.dice, []net.HardwareAddr{nil, {}, {2, 0, 0, 0, 0, 1}, {1, 2, 3, 4, 5, 6, 7, 8}})
		*p = append((*p)[:0:0], *p...)
	case *netip.Addr:
		*p = f.addr()
	case *netip.AddrPort:
		if addr := f.addr(); addr.IsValid() || !f.key { // all that are not valid are written alike
			*p = netip.AddrPortFrom(addr, uint16(f.integer()))
		}
	case *netip.Prefix:
		*p = netip.PrefixFrom(f.addr(), f.n(140)-2)
	case *big.Int:
		p.SetInt64(int64(f.integer()))
		p.Mul(p, big.NewInt(int64(f.integer())))
	case *big.Float:
		if x := f.float(); x == x {
			p.SetPrec(64).SetFloat64(x)
		}
	default:
		return false
	}
	return true
}

func (f *filler) time() time.Time {
	at := time.Unix(int64(f.n(1<<16))*40_000, int64(f.n(4))*250_000_001)
	switch f.n(10) {
	case 0:
		return time.Time{}
	case 1:
		return time.Now() // with a monotonic clock
	case 2:
		return at.In(time.FixedZone("", f.n(86_400)-43_200)) // also with seconds
	case 3:
		return at.In(time.FixedZone("zone", 3600*(f.n(25)-12)))
	case 4:
		return time.Date(f.n(10_000), 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	case 5:
		if f.bad() {
			return pick(f.dice, []time.Time{
				time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC),
				at.In(time.FixedZone("", 24*3600)), at.In(time.FixedZone("", -24*3600-1)), time.Unix(math.MaxInt64, 0),
			})
		}
		return at.UTC().Truncate(time.Second)
	case 6:
		return at.Local()
	}
	return at.UTC()
}

func (f *filler) ip() net.IP {
	if f.bad() {
		return net.IP{1, 2, 3}
	}
	ip := pick(f.dice, []net.IP{nil, {}, net.IPv4(10, 1, 2, 3), {192, 168, 0, 1}, net.IPv6loopback, net.ParseIP("fe80::1:2")})
	if ip == nil {
		return nil
	}
	return append(net.IP{}, ip...)
}

func (f *filler) addr() netip.Addr {
	switch f.n(7) {
	case 0:
		return netip.Addr{}
	case 1:
		return netip.MustParseAddr("::ffff:1.2.3.4")
	case 2:
		return netip.MustParseAddr("fe80::1").WithZone(pick(f.dice, []string{"eth0", "<&>", "a\"b", "\xff", "%", "\u2028"}))
	case 3:
		return netip.AddrFrom16([16]byte{0x20, 1, 15: f.byte()})
	}
	return netip.AddrFrom4([4]byte{10, 0, f.byte(), 1})
}

func (f *filler) raw() json.RawMessage {
	if f.bad() {
		return json.RawMessage(pick(f.dice, []string{"{", "nul", "1 2", "\x00", `"\x"`, "[1,]", "01", "\ufeff1", strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)}))
	}
	text := pick(f.dice, []string{
		"", "null", " null ", "1", "-0", "1e400", "{}", " [ ] ", "\n{ \"a\" : [ 1 , 2 ] ,\t\"a\":null}\r\n", `"<&>"`, `"\u003c\u2028"`,
		"\"\u2028\u2029\"", "\"\xff\"", `{"<":"\/","é":"\ud800"}`, `"` + strings.Repeat("x", 300) + `"`, strings.Repeat("[", 20) + strings.Repeat("]", 20),
	})
	if text == "" { // a message that is there but empty can't be encoded
		return nil
	}
	return json.RawMessage(text)
}

func (f *filler) number() json.Number {
	if f.bad() {
		return pick(f.dice, []json.Number{"01", "+1", "1.", ".5", "0x1", "NaN", "1 ", "-", "1e", "1e+", "١", "<", "1_0", "--1", "1.2.3"})
	}
	return pick(f.dice, []json.Number{"", "0", "-0", "1", "-12.50", "1e5", "1E+05", "0.0e-0", "123456789012345678901234567890", "1e9999"})
}

// texts are strings that are easily got wrong.
var texts = []string{
	"", "a", "eth0", "zedagent", "<script>&amp;</script>", "quote\"back\\slash/", "\x00\x01\x1f\x7f\b\f\n\r\t", "\xff", "a\xc3", "\xed\xa0\x80",
	"\u2028\u2029", "\ufffd", "\U0001F680", "äöü温度", "\xf4\x90\x80\x80", "\xc0\x80", "null", "true", "1", "-0", "1e3", "\\u0041", " ", "'", "\ufeff",
	"\u202f\u2027", "e\u0301", "\xe2\x80", "\xe2\x80\xa8\xa8", "0", "false", "\"quoted\"", "12", "-5", "nul", "nullx", "\"", "\\\"",
	"Ω\x80ω", "refuse", "@host", "#1", "6/80", "mode&3", "8d1c5f8e-1c1a-4a1e-9b1f-3c0c8b7f6a5d", "AQID", "AQI=", "AQ I D", "2020-01-02T03:04:05Z", "+1", "01", "-1", "-129", "256", "1_0", "１", "18446744073709551616",
}

func (f *filler) text() string {
	switch f.n(8) {
	case 0:
		return ""
	case 1, 2, 3:
		return pick(f.dice, texts)
	case 4:
		return pick(f.dice, texts) + pick(f.dice, texts) + pick(f.dice, texts)
	case 5:
		if f.one(8) {
			return strings.Repeat(pick(f.dice, texts), f.n(60))
		}
	case 6:
		raw := make([]byte, f.n(12))
		for i := range raw {
			raw[i] = f.byte()
		}
		return string(raw)
	}
	word := make([]byte, f.n(14))
	for i := range word {
		word[i] = 'a' + f.byte()%26
	}
	return string(word)
}
