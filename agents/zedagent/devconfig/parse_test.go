package devconfig_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
)

var byText = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func parse(t *testing.T, text string) *devconfig.Config {
	t.Helper()
	cfg, err := devconfig.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestRealConfigurationsLoadWithoutFindings(t *testing.T) {
	files, err := filepath.Glob("../../../../shared/data/device-config/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no real configurations beside the repository")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := devconfig.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.WarningCount != 0 || cfg.UnknownFields != 0 {
				t.Errorf("%d unknown fields, warnings: %v", cfg.UnknownFields, cfg.Warnings)
			}
			if len(cfg.Tables.Ports) == 0 || len(cfg.Tables.ConfigItems) == 0 {
				t.Error("no ports or no config items")
			}
			for label, p := range cfg.Tables.Ports {
				if p.IfName == "" || p.NetworkType == "" || p.Error != "" {
					t.Errorf("port %s is incomplete: %+v", label, p)
				}
			}
		})
	}
}

func TestOwnConfiguration(t *testing.T) {
	data, err := os.ReadFile("../device.json")
	if err != nil {
		t.Fatal(err)
	}
	cfg := parse(t, string(data))
	if cfg.WarningCount != 0 {
		t.Errorf("warnings: %v", cfg.Warnings)
	}
	if cfg.UnknownFields != 1 { // controllerEpoch
		t.Errorf("%d unknown fields, want 1", cfg.UnknownFields)
	}
	got := map[string]int{}
	tables := reflect.ValueOf(cfg.Tables)
	for i := range tables.NumField() {
		got[tables.Type().Field(i).Name] = tables.Field(i).Len()
	}
	want := map[string]int{
		"Adapters": 5, "VLANs": 1, "Bonds": 0, "Ports": 3, "Networks": 3, "NetworkInstances": 2,
		"Apps": 4, "Volumes": 5, "ContentTrees": 4, "Datastores": 2, "ConfigItems": 5,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if proxy := cfg.Tables.Networks["000000a1-6e6b-4d65-8d6f-000000000002"].Proxy; len(proxy.ProxyCertPEM) != 1 ||
		!strings.HasPrefix(proxy.ProxyCertPEM[0], "-----BEGIN CERTIFICATE-----") {
		t.Errorf("the proxy's certificate is %q", proxy.ProxyCertPEM)
	}
	port := cfg.Tables.Ports["cameras"]
	wantPort := types.NetworkPortConfig{
		LogicalLabel: "cameras", Kind: types.LinkVLAN, AdapterLabel: "cameras", IfName: "eth1.20",
		LowerLayerNames: []string{"shop floor/eth1"}, VLANID: 20, Cost: 10, SharedLabels: []string{"plant"},
		NetworkUUID: "000000a1-6e6b-4d65-8d6f-000000000003", NetworkType: types.NetworkV4, DHCP: types.DHCPStatic,
		Addr: netip.MustParseAddr("10.20.30.40"), Subnet: netip.MustParsePrefix("10.20.30.0/24"), MTU: 1500,
	}
	if diff := cmp.Diff(wantPort, port, byText); diff != "" {
		t.Error(diff)
	}
}

const (
	id1 = "11111111-1111-4111-8111-111111111111"
	id2 = "22222222-2222-4222-8222-222222222222"
)

func TestProtobufForms(t *testing.T) {
	plain := parse(t, `{"deviceIoList":[{"logicallabel":"e 0","ptype":1,"usage":1,"phyaddrs":{"Ifname":"eth0"}}],
		"systemAdapterList":[{"name":"e 0","sharedLabels":["a"],"allowLocalModifications":true,"networkUUID":"`+id1+`","cost":7}],
		"networks":[{"id":"`+id1+`","type":4,"ip":{"dhcp":4},"entProxy":{"proxyCertPEM":["+/8="]}}],
		"volumes":[{"uuid":"`+id2+`","origin":{"type":1},"maxsizebytes":9007199254740993,"generationCount":3,"clearText":true}]}`)
	for name, text := range map[string]string{
		"names, snake case and texts for numbers": `{"device_io_list":[{"logicallabel":"e 0","ptype":"PhyIoNetEth","usage":"PhyIoUsageMgmtAndApps","phyaddrs":{"ifname":"eth0"}}],
			"system_adapter_list":[{"name":"e 0","shared_labels":["a"],"allow_local_modifications":true,"networkUUID":"` + id1 + `","cost":"7"}],
			"networks":[{"id":"` + id1 + `","type":"V4","ip":{"dhcp":"Client"},"ent_proxy":{"proxyCertPEM":["-_8"]}}],
			"volumes":[{"uuid":"` + id2 + `","origin":{"type":"VCOT_BLANK"},"maxsizebytes":"9007199254740993","generation_count":3.0,"clear_text":true}]}`,
		"null for absent": `{"deviceIoList":[{"logicallabel":"e 0","ptype":1,"usage":1,"phyaddrs":{"Ifname":"eth0"},"assigngrp":null,"vflist":null,"cbattr":null}],
			"systemAdapterList":[{"name":"e 0","sharedLabels":["a"],"allowLocalModifications":true,"networkUUID":"` + id1 + `","cost":7e0,"addr":null}],
			"networks":[{"id":"` + id1 + `","type":4,"ip":{"dhcp":4,"dns":null},"entProxy":{"proxyCertPEM":["+/8="]},"wireless":null}],"vlans":null,"apps":[],
			"volumes":[{"uuid":"` + strings.ToUpper(id2) + `","origin":{"type":1},"maxsizebytes":9007199254740993,"generationCount":3,"clearText":true}]}`,
		"controller's answer around it": `{"configHash":"abc","config":{"deviceIoList":[{"logicallabel":"e 0","ptype":1,"usage":1,"phyaddrs":{"Ifname":"eth0"}}],
			"systemAdapterList":[{"name":"e 0","sharedLabels":["a"],"allowLocalModifications":true,"networkUUID":"` + id1 + `","cost":7}],
			"networks":[{"id":"` + id1 + `","type":4,"ip":{"dhcp":4},"entProxy":{"proxyCertPEM":["+/8="]}}],
			"volumes":[{"uuid":"` + id2 + `","origin":{"type":1},"maxsizebytes":9007199254740993,"generationCount":3,"clearText":true}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			cfg := parse(t, "\uFEFF"+text)
			if diff := cmp.Diff(plain.Tables, cfg.Tables, byText); diff != "" {
				t.Error(diff)
			}
			if cfg.UnknownFields != 0 || cfg.WarningCount != 0 {
				t.Errorf("%d unknown fields, warnings %v", cfg.UnknownFields, cfg.Warnings)
			}
		})
	}
	if got := plain.Tables.Volumes[id2].MaxVolSizeBytes; got != 9007199254740993 {
		t.Errorf("the size came out as %d", got)
	}
}

func TestUnknownFieldsAndNumbersAreKept(t *testing.T) {
	cfg := parse(t, `{"edgeview":{"token":"x"},"baseos":{"activate":true},"disks":{"disks":[{}]},"whatever":[1,{"a":2}],
		"deviceIoList":[{"logicallabel":"new","ptype":99,"novelty":1}],
		"contentInfo":[{"uuid":"`+id1+`","URL":"x","dsId":"`+id2+`","iformat":"ZSTD"}],"datastores":[{"id":"`+id2+`"}]}`)
	if cfg.UnknownFields != 5 {
		t.Errorf("%d unknown fields, want 5", cfg.UnknownFields)
	}
	if got := cfg.Tables.Adapters["new"]; got.Type != "99" || got.Error != "" {
		t.Errorf("the adapter is %+v", got)
	}
	if got := cfg.Tables.ContentTrees[id1]; got.Format != "ZSTD" || got.Error != "" {
		t.Errorf("the content tree is %+v", got)
	}
	if cfg.WarningCount != 2 {
		t.Errorf("warnings %v, want two", cfg.Warnings)
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name, text string
		reason     error
		want       []string // parts of the message
	}{
		{"empty file", " \n", devconfig.ErrSyntax, []string{"line 1, column 1", "empty"}},
		{"half written", "{\n  \"apps\": [\n    {", devconfig.ErrSyntax, []string{"line 3", "unexpected end"}},
		{"comma missing", "{\n \"a\": 1\n \"b\": 2}", devconfig.ErrSyntax, []string{"line 3, column 2"}},
		{"trailing text", "{}\n{}", devconfig.ErrSyntax, []string{"line 2, column 1"}},
		{"not an object", "[]", devconfig.ErrSyntax, []string{"an object is expected", "a list"}},
		{"not UTF-8", "{\"a\": \"\xff\"}", devconfig.ErrSyntax, []string{"line 1, column 8", "UTF-8"}},
		{"too deep", `{"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", devconfig.ErrSyntax, []string{"nested"}},
		{"section of another type", `{"apps": {}}`, devconfig.ErrType, []string{"apps (line 1, column 10)", "a list is expected", "an object"}},
		{"text for a boolean", `{"apps":[{"uuidandversion":{"uuid":"` + id1 + `"},"activate":"yes"}]}`, devconfig.ErrType,
			[]string{"apps[0].activate", "true or false"}},
		{"number for a text", `{"networks":[{"id":7}]}`, devconfig.ErrType, []string{"networks[0].id", "a text is expected"}},
		{"number too large", `{"systemAdapterList":[{"name":"a","cost":4294967296}]}`, devconfig.ErrType,
			[]string{"systemAdapterList[0].cost", "4294967296", "4294967295"}},
		{"negative size", `{"contentInfo":[{"uuid":"` + id1 + `","maxSizeBytes":-1}]}`, devconfig.ErrType, []string{"contentInfo[0].maxSizeBytes"}},
		{"fraction", `{"systemAdapterList":[{"name":"a","cost":1.5}]}`, devconfig.ErrType, []string{"1.5", "not an integer"}},
		{"not a number", `{"systemAdapterList":[{"name":"a","cost":"NaN"}]}`, devconfig.ErrType, []string{"NaN"}},
		{"number beyond all", `{"systemAdapterList":[{"name":"a","cost":` + strings.Repeat("9", 100000) + `}]}`, devconfig.ErrType, []string{"100000 digits"}},
		{"exponent beyond all", `{"systemAdapterList":[{"name":"a","cost":1e999999}]}`, devconfig.ErrType, []string{"not an integer"}},
		{"certificate not base64", `{"networks":[{"id":"` + id1 + `","entProxy":{"proxyCertPEM":["!"]}}]}`, devconfig.ErrType,
			[]string{"networks[0].entProxy.proxyCertPEM[0]", "base64"}},
		{"null in a list", `{"apps":[null]}`, devconfig.ErrType, []string{"apps[0]", "null"}},
		{"UUID missing", `{"volumes":[{"displayName":"x"}]}`, devconfig.ErrKey, []string{"volumes[0].uuid", "volume has no UUID"}},
		{"UUID block missing", `{"apps":[{"displayname":"x"}]}`, devconfig.ErrKey, []string{"apps[0].uuidandversion.uuid"}},
		{"UUID malformed", `{"datastores":[{"id":"store-1"}]}`, devconfig.ErrKey, []string{"datastores[0].id", `"store-1" is not a UUID`}},
		{"label missing", `{"deviceIoList":[{"ptype":1}]}`, devconfig.ErrKey, []string{"deviceIoList[0].logicallabel"}},
		{"label too long", `{"vlans":[{"logicallabel":"` + strings.Repeat("x", 256) + `"}]}`, devconfig.ErrKey, []string{"256 bytes", "255"}},
		{"config item without name", `{"configItems":[{"value":"1"}]}`, devconfig.ErrKey, []string{"configItems[0].key"}},
		{"same UUID twice", "{\"networks\":[{\"id\":\"" + id1 + "\"},\n{\"id\":\"" + id1 + "\"}]}", devconfig.ErrDuplicate,
			[]string{"networks[1].id (line 2, column 7)", id1}},
		{"same UUID in another case", `{"networks":[{"id":"AAAAAAAA-1111-4111-8111-111111111111"},{"id":"aaaaaaaa-1111-4111-8111-111111111111"}]}`,
			devconfig.ErrDuplicate, []string{"networks[1].id"}},
		{"same label in two sections", `{"deviceIoList":[{"logicallabel":"a"}],"bonds":[{"logicallabel":"a","lowerLayerNames":["a"]}]}`,
			devconfig.ErrDuplicate, []string{"bonds[0].logicallabel", `"a"`}},
		{"same port twice", `{"systemAdapterList":[{"name":"a"},{"name":"a"}]}`, devconfig.ErrDuplicate, []string{"systemAdapterList[1].name"}},
		{"same field twice", `{"apps":[],"apps":[]}`, devconfig.ErrDuplicate, []string{"apps (line 1, column 12)"}},
		{"same field in both spellings", `{"configItems":[],"config_items":[]}`, devconfig.ErrDuplicate, []string{`before as "configItems"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg, err := devconfig.Parse([]byte(test.text))
			if !errors.Is(err, test.reason) {
				t.Fatalf("got %v, want %v", err, test.reason)
			}
			if cfg != nil {
				t.Error("a part was returned")
			}
			var refused *devconfig.RefusedError
			if !errors.As(err, &refused) || len(refused.Findings) == 0 {
				t.Fatalf("%T without findings", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestAllFindingsComeAtOnceInOrder(t *testing.T) {
	_, err := devconfig.Parse([]byte("{\"volumes\":[{}],\n\"apps\":[{\"activate\":1}],\n\"networks\":7}"))
	var refused *devconfig.RefusedError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range refused.Findings {
		got = append(got, f.Path)
	}
	want := []string{"volumes[0].uuid", "apps[0].uuidandversion.uuid", "apps[0].activate", "networks"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	_, err := devconfig.Parse([]byte(`{"apps":[` + strings.Repeat("null,", 5000) + `null]}`))
	var refused *devconfig.RefusedError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if len(refused.Findings) != 100 || refused.Omitted != 4901 {
		t.Errorf("%d findings and %d omitted", len(refused.Findings), refused.Omitted)
	}
}

func TestOddEntriesAreKeptAndSayWhy(t *testing.T) {
	tests := []struct {
		name, text string
		err        func(devconfig.Tables) string
		want       string
	}{
		{"malformed subnet", `{"networks":[{"id":"` + id1 + `","ip":{"subnet":"10.0.0.0/99"}}]}`,
			func(t devconfig.Tables) string { return t.Networks[id1].Error }, `networks[0].ip.subnet: "10.0.0.0/99" is not a subnet`},
		{"malformed address", `{"systemAdapterList":[{"name":"a","addr":"10.0.0"}]}`,
			func(t devconfig.Tables) string { return t.Ports["a"].Error }, `"10.0.0" is not an IP address`},
		{"malformed MAC", `{"apps":[{"uuidandversion":{"uuid":"` + id1 + `"},"interfaces":[{"macAddress":"zz"}]}]}`,
			func(t devconfig.Tables) string { return t.Apps[id1].Error }, `apps[0].interfaces[0].macAddress: "zz" is not a MAC address`},
		{"malformed checksum", `{"contentInfo":[{"uuid":"` + id1 + `","sha256":"abc"}]}`,
			func(t devconfig.Tables) string { return t.ContentTrees[id1].Error }, "is not a SHA-256 checksum"},
		{"port on no adapter", `{"systemAdapterList":[{"name":"eth7"}]}`,
			func(t devconfig.Tables) string { return t.Ports["eth7"].Error }, `there is no adapter "eth7"`},
		{"port on a USB stick", `{"deviceIoList":[{"logicallabel":"u","ptype":2}],"systemAdapterList":[{"name":"u"}]}`,
			func(t devconfig.Tables) string { return t.Ports["u"].Error }, `is not a network interface but PhyIoUSB`},
		{"port on no network", `{"systemAdapterList":[{"name":"a","networkUUID":"` + id1 + `"}]}`,
			func(t devconfig.Tables) string { return t.Ports["a"].Error }, `there is no network "` + id1 + `"`},
		{"static port without address", `{"networks":[{"id":"` + id1 + `","ip":{"dhcp":1,"subnet":"10.0.0.0/8"}}],"systemAdapterList":[{"name":"a","networkUUID":"` + id1 + `"}]}`,
			func(t devconfig.Tables) string { return t.Ports["a"].Error }, "needs an address"},
		{"static address outside", `{"networks":[{"id":"` + id1 + `","ip":{"dhcp":1,"subnet":"10.0.0.0/8"}}],"systemAdapterList":[{"name":"a","networkUUID":"` + id1 + `","addr":"11.0.0.1"}]}`,
			func(t devconfig.Tables) string { return t.Ports["a"].Error }, "11.0.0.1 lies outside the subnet 10.0.0.0/8"},
		{"gateway outside", `{"networks":[{"id":"` + id1 + `","ip":{"dhcp":1,"subnet":"10.0.0.0/8","gateway":"11.0.0.1"}}]}`,
			func(t devconfig.Tables) string { return t.Networks[id1].Error }, "networks[0].ip.gateway: 11.0.0.1 lies outside"},
		{"VLAN on nothing", `{"vlans":[{"logicallabel":"v","vlanId":5000,"lowerLayerName":"x"}]}`,
			func(t devconfig.Tables) string { return t.VLANs["v"].Error }, `5000 is not a VLAN id, they go up to 4094; vlans[0].lowerLayerName: there is no adapter "x"`},
		{"bond of nothing", `{"bonds":[{"logicallabel":"b"}]}`,
			func(t devconfig.Tables) string { return t.Bonds["b"].Error }, "a bond needs adapters below"},
		{"network instance on no port", `{"networkInstances":[{"uuidandversion":{"uuid":"` + id1 + `"},"port":{"name":"eth9"}}]}`,
			func(t devconfig.Tables) string { return t.NetworkInstances[id1].Error }, `there is no port or shared label "eth9"`},
		{"DHCP range outside", `{"networkInstances":[{"uuidandversion":{"uuid":"` + id1 + `"},"ip":{"subnet":"10.1.0.0/24","dhcpRange":{"start":"10.1.0.9","end":"10.1.0.2"}}}]}`,
			func(t devconfig.Tables) string { return t.NetworkInstances[id1].Error }, "the range ends at 10.1.0.2, before its start 10.1.0.9"},
		{"application without its volume", `{"apps":[{"uuidandversion":{"uuid":"` + id1 + `"},"volumeRefList":[{"uuid":"` + id2 + `"}]}]}`,
			func(t devconfig.Tables) string { return t.Apps[id1].Error }, `apps[0].volumeRefList[0].uuid: there is no volume "` + id2 + `"`},
		{"volume without its content", `{"volumes":[{"uuid":"` + id1 + `","origin":{"type":2,"downloadContentTreeID":"` + id2 + `"}}]}`,
			func(t devconfig.Tables) string { return t.Volumes[id1].Error }, "there is no content tree"},
		{"content without its datastore", `{"contentInfo":[{"uuid":"` + id1 + `","URL":"x","dsIdsList":["` + id2 + `"]}]}`,
			func(t devconfig.Tables) string { return t.ContentTrees[id1].Error }, "contentInfo[0].dsIdsList[0]: there is no datastore"},
		{"reference to no UUID", `{"contentInfo":[{"uuid":"` + id1 + `","URL":"x","dsId":"store"}]}`,
			func(t devconfig.Tables) string { return t.ContentTrees[id1].Error }, `"store" is not a UUID`},
		{"hardware that is not there", `{"apps":[{"uuidandversion":{"uuid":"` + id1 + `"},"adapters":[{"name":"COM9"}]}]}`,
			func(t devconfig.Tables) string { return t.Apps[id1].Error }, `there is no adapter or group "COM9"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := parse(t, test.text)
			if got := test.err(cfg.Tables); !strings.Contains(got, test.want) {
				t.Errorf("the entry says %q, want %q", got, test.want)
			}
			if cfg.WarningCount == 0 || len(cfg.Warnings) != cfg.WarningCount {
				t.Errorf("%d warnings, listed: %v", cfg.WarningCount, cfg.Warnings)
			}
		})
	}
}

func TestValuesSurviveJSON(t *testing.T) {
	data, err := os.ReadFile("../device.json")
	if err != nil {
		t.Fatal(err)
	}
	want := parse(t, string(data)).Tables
	got := reflect.New(reflect.TypeOf(want)).Elem()
	tables := reflect.ValueOf(want)
	for i := range tables.NumField() {
		roundTrip(t, tables.Field(i).Interface(), got.Field(i).Addr().Interface())
	}
	if !reflect.DeepEqual(got.Interface(), want) {
		t.Error(cmp.Diff(want, got.Interface(), byText))
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("../device.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"networks":[{"id":"` + id1 + `","ip":{"subnet":"10.0.0.0/99"}}],"vlans":[{"vlanId":1e3}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := devconfig.Parse(data)
		if (cfg == nil) == (err == nil) {
			t.Fatalf("%v and %v", cfg, err)
		}
		var refused *devconfig.RefusedError
		if err != nil && (!errors.As(err, &refused) || len(refused.Findings) == 0) {
			t.Fatalf("%T: %v", err, err)
		}
	})
}
