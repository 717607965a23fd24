package devconfig

import "github.com/evenkv/nkv/agents/types"

// The numbers of the enumerations, as the protocol buffer definitions of
// EVE-OS assign them (packages org.lfedge.eve.config and .common).

var (
	ioTypes = map[int64]types.PhysicalIOType{
		0: "PhyIoNoop", 1: types.IONetEth, 2: "PhyIoUSB", 3: "PhyIoCOM", 4: "PhyIoAudio",
		5: types.IONetWLAN, 6: types.IONetWWAN, 7: "PhyIoHDMI", 9: "PhyIoNVMEStorage",
		10: "PhyIoSATAStorage", 11: types.IONetEthPF, 12: types.IONetEthVF,
		13: "PhyIoUSBController", 14: "PhyIoUSBDevice", 15: "PhyIoCAN", 16: "PhyIoVCAN",
		17: "PhyIoLCAN", 255: "PhyIoOther",
	}
	ioUsages = map[int64]types.PhysicalIOUsage{
		0: types.UsageNone, 1: types.UsageMgmtAndApps, 2: types.UsageShared,
		3: types.UsageDedicated, 4: types.UsageDisabled, 5: types.UsageMgmtOnly,
	}
	bondModes = map[int64]types.BondMode{
		0: "BOND_MODE_UNSPECIFIED", 1: "BOND_MODE_BALANCE_RR", 2: "BOND_MODE_ACTIVE_BACKUP",
		3: "BOND_MODE_BALANCE_XOR", 4: "BOND_MODE_BROADCAST", 5: "BOND_MODE_802_3AD",
		6: "BOND_MODE_BALANCE_TLB", 7: "BOND_MODE_BALANCE_ALB",
	}
	lacpRates = map[int64]types.LACPRate{
		0: "LACP_RATE_UNSPECIFIED", 1: "LACP_RATE_SLOW", 2: "LACP_RATE_FAST",
	}
	networkTypes = map[int64]types.NetworkType{
		0: types.NetworkNoop, 4: types.NetworkV4, 6: types.NetworkV6, 7: types.NetworkV4Only,
		8: types.NetworkV6Only, 9: types.NetworkDual, 14: "CryptoEID", 24: "CryptoV4", 26: "CryptoV6",
	}
	dhcpTypes = map[int64]types.DHCPType{
		0: types.DHCPNoop, 1: types.DHCPStatic, 2: types.DHCPNone, 4: types.DHCPClient,
	}
	proxyProtos = map[int64]types.ProxyProto{
		0: "PROXY_HTTP", 1: "PROXY_HTTPS", 2: "PROXY_SOCKS", 3: "PROXY_FTP", 255: "PROXY_OTHER",
	}
	wirelessTypes = map[int64]types.WirelessType{0: "TypeNOOP", 1: "WiFi", 2: "Cellular"}
	wifiKeys      = map[int64]string{0: "SchemeNOOP", 1: "WPAPSK", 2: "WPAEAP"}
	instanceTypes = map[int64]types.NetworkInstanceType{
		0: "ZNetInstFirst", 1: "ZnetInstSwitch", 2: "ZnetInstLocal", 3: "ZnetInstCloud",
		4: "ZnetInstMesh", 5: "ZnetInstHoneyPot", 6: "ZnetInstTransparent", 255: "ZNetInstLast",
	}
	addressTypes = map[int64]types.AddressType{
		0: "First", 1: "IPV4", 2: "IPV6", 3: "CryptoIPV4", 4: "CryptoIPV6", 255: "Last",
	}
	probeMethods = map[int64]types.ProbeMethod{
		0: "CONNECTIVITY_PROBE_METHOD_UNSPECIFIED", 1: "CONNECTIVITY_PROBE_METHOD_ICMP",
		2: "CONNECTIVITY_PROBE_METHOD_TCP",
	}
	vmModes = map[int64]types.VMMode{
		0: "PV", 1: "HVM", 2: "Filler", 3: "FML", 4: "NOHYPER", 5: "LEGACY",
	}
	bootModes = map[int64]types.VMBootMode{
		0: "VM_BOOT_MODE_UNSPECIFIED", 1: "VM_BOOT_MODE_LEGACY", 2: "VM_BOOT_MODE_UEFI",
	}
	metaDataTypes = map[int64]types.MetaDataType{
		0: "MetaDataDrive", 1: "MetaDataNone", 2: "MetaDataOpenStack", 3: "MetaDataDriveMultipart",
	}
	runtimeTypes = map[int64]types.AppRuntimeType{
		0: "APP_RUNTIME_TYPE_UNSPECIFIED", 1: "APP_RUNTIME_TYPE_DOCKER",
	}
	aceDirections = map[int64]types.ACEDirection{0: "BOTH", 1: "INGRESS", 2: "EGRESS"}
	imageFormats  = map[int64]types.ImageFormat{
		0: "FmtUnknown", 1: "RAW", 2: "QCOW", 3: "QCOW2", 4: "VHD", 5: "VMDK", 6: "OVA",
		7: "VHDX", 8: "CONTAINER", 9: "ISO", 10: "PVC",
	}
	targets = map[int64]types.VolumeTarget{
		0: "TgtUnknown", 1: "Disk", 2: "Kernel", 3: "Initrd", 4: "RamDisk", 5: "AppCustom",
	}
	driveTypes = map[int64]types.DriveType{
		0: "Unclassified", 1: "CDROM", 2: "HDD", 3: "NET", 4: "HDD_EMPTY",
	}
	volumeProtocols = map[int64]types.VolumeProtocol{0: "VAP_NONE", 1: "VAP_9P"}
	volumeOrigins   = map[int64]types.VolumeOriginType{
		0: types.VolumeOriginUnknown, 1: types.VolumeOriginBlank, 2: types.VolumeOriginDownload,
	}
	datastoreTypes = map[int64]types.DatastoreType{
		0: "DsUnknown", 1: "DsHttp", 2: "DsHttps", 3: "DsS3", 4: "DsSFTP",
		5: "DsContainerRegistry", 6: "DsAzureBlob", 7: "DsGoogleStorage",
	}
)
