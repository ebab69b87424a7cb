/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of what the control socket takes and gives. Names and members are
 * QEMU's, in their meaning too; what begins with x-paramem is our own.
 */
#include "schema.h"

#include <string.h>

#define MEMBERS(...)                  \
	(const struct qmp_member[])   \
	{                             \
		__VA_ARGS__,          \
		{                     \
			NULL, NULL, 0 \
		}                     \
	}
#define VALUES(...)               \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define MUST(name, type)                    \
	{                                   \
		name, &(type), QMP_REQUIRED \
	}
#define MAY(name, type)                     \
	{                                   \
		name, &(type), QMP_OPTIONAL \
	}

#define BUILTIN(id, text, kind)             \
	static const struct qmp_type id = { \
		.meta = QMP_BUILTIN,        \
		.name = text,               \
		.json = kind,               \
	}
#define ENUM(id, ...)                          \
	static const struct qmp_type id = {    \
		.meta = QMP_ENUM,              \
		.name = #id,                   \
		.values = VALUES(__VA_ARGS__), \
	}
#define ARRAY(id, of)                       \
	static const struct qmp_type id = { \
		.meta = QMP_ARRAY,          \
		.element = &(of),           \
	}
#define OBJECT(id, ...)                          \
	static const struct qmp_type id = {      \
		.meta = QMP_OBJECT,              \
		.name = #id,                     \
		.members = MEMBERS(__VA_ARGS__), \
	}

BUILTIN(str, "str", "string");
BUILTIN(integer, "int", "int");
BUILTIN(boolean, "bool", "boolean");
BUILTIN(any, "any", "value");

ARRAY(strs, str);
ARRAY(integers, integer);

static const struct qmp_type empty = {
	.meta = QMP_OBJECT,
	.name = "q_empty",
	.members = (const struct qmp_member[]){ { NULL, NULL, 0 } },
};

/* ---- the socket itself --------------------------------------------------- */

ENUM(QMPCapability, "oob");
ARRAY(QMPCapabilities, QMPCapability);
OBJECT(QmpCapabilitiesArgs, MAY("enable", QMPCapabilities));

OBJECT(VersionTriple, MUST("major", integer), MUST("minor", integer),
       MUST("micro", integer));
OBJECT(VersionInfo, MUST("qemu", VersionTriple), MUST("package", str));
OBJECT(CommandInfo, MUST("name", str));
ARRAY(CommandInfos, CommandInfo);
OBJECT(EventInfo, MUST("name", str));
ARRAY(EventInfos, EventInfo);

OBJECT(HumanMonitorArgs, MUST("command-line", str), MAY("cpu-index", integer));

/* ---- the schema of the schema -------------------------------------------- */

ENUM(SchemaMetaType, "builtin", "enum", "array", "object", "command", "event");
ENUM(JSONType, "string", "int", "boolean", "value");
OBJECT(SchemaInfoBuiltin, MUST("json-type", JSONType));
OBJECT(SchemaInfoEnumMember, MUST("name", str));
ARRAY(SchemaInfoEnumMembers, SchemaInfoEnumMember);
OBJECT(SchemaInfoEnum, MUST("members", SchemaInfoEnumMembers),
       MUST("values", strs));
OBJECT(SchemaInfoArray, MUST("element-type", str));
OBJECT(SchemaInfoObjectMember, MUST("name", str), MUST("type", str),
       MAY("default", any));
ARRAY(SchemaInfoObjectMembers, SchemaInfoObjectMember);
OBJECT(SchemaInfoObjectVariant, MUST("case", str), MUST("type", str));
ARRAY(SchemaInfoObjectVariants, SchemaInfoObjectVariant);
OBJECT(SchemaInfoObject, MUST("members", SchemaInfoObjectMembers),
       MAY("tag", str), MAY("variants", SchemaInfoObjectVariants));
OBJECT(SchemaInfoCommand, MUST("arg-type", str), MUST("ret-type", str));
OBJECT(SchemaInfoEvent, MUST("arg-type", str));
static const struct qmp_type SchemaInfo = {
	.meta = QMP_OBJECT,
	.name = "SchemaInfo",
	.members =
		MEMBERS(MUST("name", str), MUST("meta-type", SchemaMetaType)),
	.tag = "meta-type",
	.variants =
		(const struct qmp_variant[]){
			{ "builtin", &SchemaInfoBuiltin },
			{ "enum", &SchemaInfoEnum },
			{ "array", &SchemaInfoArray },
			{ "object", &SchemaInfoObject },
			{ "command", &SchemaInfoCommand },
			{ "event", &SchemaInfoEvent },
			{ NULL, NULL },
		},
};
ARRAY(SchemaInfos, SchemaInfo);

/* ---- the machine --------------------------------------------------------- */

ENUM(RunState, "prelaunch", "running", "paused", "shutdown", "internal-error",
     "save-vm");
OBJECT(StatusInfo, MUST("running", boolean), MUST("singlestep", boolean),
       MUST("status", RunState), MAY("x-paramem-reason", str));
OBJECT(NameInfo, MAY("name", str));
OBJECT(UuidInfo, MUST("UUID", str));
OBJECT(KvmInfo, MUST("enabled", boolean), MUST("present", boolean));
ENUM(SysEmuTarget, QMP_TARGET);
OBJECT(TargetInfo, MUST("arch", SysEmuTarget));
OBJECT(MachineInfo, MUST("name", str), MAY("alias", str),
       MAY("is-default", boolean), MUST("cpu-max", integer),
       MUST("hotpluggable-cpus", boolean), MUST("numa-mem-supported", boolean),
       MUST("deprecated", boolean), MAY("default-cpu-type", str),
       MAY("default-ram-id", str));
ARRAY(MachineInfos, MachineInfo);

ENUM(ShutdownCause, "host-error", "host-qmp-quit", "host-qmp-system-reset",
     "host-signal", "guest-shutdown", "guest-reset", "guest-panic");
OBJECT(ShutdownData, MUST("guest", boolean), MUST("reason", ShutdownCause));
ENUM(XParamemDisconnectReason, "idle");
OBJECT(XParamemDisconnectedData, MUST("reason", XParamemDisconnectReason));

/* ---- processors ---------------------------------------------------------- */

OBJECT(CpuInstanceProperties, MAY("node-id", integer),
       MAY("socket-id", integer), MAY("core-id", integer),
       MAY("thread-id", integer));
OBJECT(CpuInfoFast, MUST("cpu-index", integer), MUST("qom-path", str),
       MUST("thread-id", integer), MAY("props", CpuInstanceProperties),
       MUST("target", SysEmuTarget));
ARRAY(CpuInfosFast, CpuInfoFast);

/* ---- devices ------------------------------------------------------------- */

OBJECT(ChardevInfo, MUST("label", str), MUST("filename", str),
       MUST("frontend-open", boolean));
ARRAY(ChardevInfos, ChardevInfo);

OBJECT(PciDeviceClass, MAY("desc", str), MUST("class", integer));
OBJECT(PciDeviceId, MUST("device", integer), MUST("vendor", integer),
       MAY("subsystem", integer), MAY("subsystem-vendor", integer));
OBJECT(PciMemoryRegion, MUST("bar", integer), MUST("type", str),
       MUST("address", integer), MUST("size", integer),
       MAY("prefetch", boolean), MAY("mem_type_64", boolean));
ARRAY(PciMemoryRegions, PciMemoryRegion);
OBJECT(PciDeviceInfo, MUST("bus", integer), MUST("slot", integer),
       MUST("function", integer), MUST("class_info", PciDeviceClass),
       MUST("id", PciDeviceId), MAY("irq", integer), MUST("irq_pin", integer),
       MUST("qdev_id", str), MUST("regions", PciMemoryRegions));
ARRAY(PciDeviceInfos, PciDeviceInfo);
OBJECT(PciInfo, MUST("bus", integer), MUST("devices", PciDeviceInfos));
ARRAY(PciInfos, PciInfo);

/* There are none of these, yet. */
OBJECT(BlockInfo, MUST("device", str), MUST("type", str),
       MUST("removable", boolean), MUST("locked", boolean));
ARRAY(BlockInfos, BlockInfo);
OBJECT(IOThreadInfo, MUST("id", str), MUST("thread-id", integer),
       MUST("poll-max-ns", integer), MUST("poll-grow", integer),
       MUST("poll-shrink", integer), MUST("aio-max-batch", integer));
ARRAY(IOThreadInfos, IOThreadInfo);

OBJECT(DeviceDelArgs, MUST("id", str));

/* ---- objects and properties ---------------------------------------------- */

OBJECT(QomPathArgs, MUST("path", str));
OBJECT(QomGetArgs, MUST("path", str), MUST("property", str));
OBJECT(QomSetArgs, MUST("path", str), MUST("property", str),
       MUST("value", any));
OBJECT(QomTypesArgs, MAY("implements", str), MAY("abstract", boolean));
OBJECT(QomTypeArgs, MUST("typename", str));
OBJECT(ObjectPropertyInfo, MUST("name", str), MUST("type", str),
       MAY("description", str), MAY("default-value", any));
ARRAY(ObjectPropertyInfos, ObjectPropertyInfo);
OBJECT(ObjectTypeInfo, MUST("name", str), MAY("abstract", boolean),
       MAY("parent", str));
ARRAY(ObjectTypeInfos, ObjectTypeInfo);

/* ---- memory -------------------------------------------------------------- */

ENUM(XParamemGuardLevel, "none", "writes", "accesses");
ENUM(XParamemStanding, "reached", "no-driver", "refused", "under-way",
     "unnoticed", "kept", "not-taken");
OBJECT(VirtioMEMDeviceInfo, MAY("id", str), MUST("memaddr", integer),
       MUST("requested-size", integer), MUST("size", integer),
       MUST("max-size", integer), MUST("block-size", integer),
       MUST("node", integer), MUST("memdev", str),
       MUST("x-paramem-backend", str), MUST("x-paramem-usable-size", integer),
       MUST("x-paramem-driver-ready", boolean),
       MAY("x-paramem-last-refusal", str),
       MUST("x-paramem-guard", XParamemGuardLevel),
       MAY("x-paramem-guard-lack", str),
       MUST("x-paramem-violations-read", integer),
       MUST("x-paramem-violations-write", integer),
       MUST("x-paramem-standing", XParamemStanding));
OBJECT(VirtioMEMDeviceInfoWrapper, MUST("data", VirtioMEMDeviceInfo));
ENUM(MemoryDeviceInfoKind, "virtio-mem");
static const struct qmp_type MemoryDeviceInfo = {
	.meta = QMP_OBJECT,
	.name = "MemoryDeviceInfo",
	.members = MEMBERS(MUST("type", MemoryDeviceInfoKind)),
	.tag = "type",
	.variants =
		(const struct qmp_variant[]){
			{ "virtio-mem", &VirtioMEMDeviceInfoWrapper },
			{ NULL, NULL },
		},
};
ARRAY(MemoryDeviceInfos, MemoryDeviceInfo);
OBJECT(MemoryInfo, MUST("base-memory", integer),
       MAY("plugged-memory", integer));

OBJECT(XParamemNumaNode, MUST("id", integer), MUST("cpus", integers),
       MUST("base-memory", integer), MUST("plugged-memory", integer),
       MUST("requested-memory", integer), MUST("distances", integers),
       MUST("devices", strs));
ARRAY(XParamemNumaNodes, XParamemNumaNode);

OBJECT(SizeChangeData, MAY("id", str), MUST("size", integer),
       MUST("qom-path", str));
ENUM(XParamemAccess, "read", "write");
OBJECT(XParamemViolationData, MUST("id", str), MUST("gpa", integer),
       MUST("access", XParamemAccess), MAY("vcpu", integer),
       MUST("count", integer));

/* ---- file descriptors ---------------------------------------------------- */

OBJECT(FdNameArgs, MUST("fdname", str));
OBJECT(AddFdArgs, MAY("fdset-id", integer), MAY("opaque", str));
OBJECT(AddfdInfo, MUST("fdset-id", integer), MUST("fd", integer));
OBJECT(RemoveFdArgs, MUST("fdset-id", integer), MAY("fd", integer));
OBJECT(FdsetFdInfo, MUST("fd", integer), MAY("opaque", str));
ARRAY(FdsetFdInfos, FdsetFdInfo);
OBJECT(FdsetInfo, MUST("fdset-id", integer), MUST("fds", FdsetFdInfos));
ARRAY(FdsetInfos, FdsetInfo);

/* ---- dumps --------------------------------------------------------------- */

/* QEMU's; all but the first are not available. */
ENUM(DumpGuestMemoryFormat, "elf", "kdump-zlib", "kdump-lzo", "kdump-snappy",
     "kdump-raw-zlib", "kdump-raw-lzo", "kdump-raw-snappy", "win-dmp");
ARRAY(DumpGuestMemoryFormats, DumpGuestMemoryFormat);
OBJECT(DumpArgs, MUST("paging", boolean), MUST("protocol", str),
       MAY("detach", boolean), MAY("begin", integer), MAY("length", integer),
       MAY("format", DumpGuestMemoryFormat), MAY("x-paramem-attached", boolean),
       MAY("x-paramem-compress", boolean));
ENUM(DumpStatus, "none", "active", "completed", "failed");
OBJECT(DumpQueryResult, MUST("status", DumpStatus), MUST("completed", integer),
       MUST("total", integer), MUST("x-paramem-stored", integer),
       MAY("x-paramem-vmcoreinfo", boolean), MAY("x-paramem-error", str));
OBJECT(DumpGuestMemoryCapability, MUST("formats", DumpGuestMemoryFormats));
OBJECT(DumpCompletedData, MUST("result", DumpQueryResult), MAY("error", str));

/* ---- the tables ---------------------------------------------------------- */

const struct qmp_command qmp_commands[] = {
	{ "qmp_capabilities", &QmpCapabilitiesArgs, &empty, qmp_capabilities },
	{ "query-version", &empty, &VersionInfo, qmp_query_version },
	{ "query-commands", &empty, &CommandInfos, qmp_query_commands },
	{ "query-events", &empty, &EventInfos, qmp_query_events },
	{ "query-qmp-schema", &empty, &SchemaInfos, qmp_query_schema },
	{ "human-monitor-command", &HumanMonitorArgs, &str,
	  qmp_human_monitor_command },

	{ "query-status", &empty, &StatusInfo, qmp_query_status },
	{ "query-name", &empty, &NameInfo, qmp_query_name },
	{ "query-uuid", &empty, &UuidInfo, qmp_query_uuid },
	{ "query-kvm", &empty, &KvmInfo, qmp_query_kvm },
	{ "query-target", &empty, &TargetInfo, qmp_query_target },
	{ "query-machines", &empty, &MachineInfos, qmp_query_machines },
	{ "stop", &empty, &empty, qmp_stop },
	{ "cont", &empty, &empty, qmp_cont },
	{ "system_reset", &empty, &empty, qmp_system_reset },
	{ "system_powerdown", &empty, &empty, qmp_system_powerdown },
	{ "quit", &empty, &empty, qmp_quit },

	{ "query-cpus-fast", &empty, &CpuInfosFast, qmp_query_cpus_fast },
	{ "inject-nmi", &empty, &empty, qmp_inject_nmi },

	{ "query-chardev", &empty, &ChardevInfos, qmp_query_chardev },
	{ "query-pci", &empty, &PciInfos, qmp_query_pci },
	{ "query-block", &empty, &BlockInfos, qmp_query_none },
	{ "query-iothreads", &empty, &IOThreadInfos, qmp_query_none },
	{ "device_del", &DeviceDelArgs, &empty, qmp_device_del },

	{ "qom-list", &QomPathArgs, &ObjectPropertyInfos, qmp_qom_list },
	{ "qom-get", &QomGetArgs, &any, qmp_qom_get },
	{ "qom-set", &QomSetArgs, &empty, qmp_qom_set },
	{ "qom-list-types", &QomTypesArgs, &ObjectTypeInfos,
	  qmp_qom_list_types },
	{ "qom-list-properties", &QomTypeArgs, &ObjectPropertyInfos,
	  qmp_qom_list_properties },

	{ "query-memory-devices", &empty, &MemoryDeviceInfos,
	  qmp_query_memory_devices },
	{ "query-memory-size-summary", &empty, &MemoryInfo,
	  qmp_query_memory_size_summary },
	{ "x-paramem-query-numa", &empty, &XParamemNumaNodes, qmp_query_numa },

	{ "getfd", &FdNameArgs, &empty, qmp_getfd },
	{ "closefd", &FdNameArgs, &empty, qmp_closefd },
	{ "add-fd", &AddFdArgs, &AddfdInfo, qmp_add_fd },
	{ "remove-fd", &RemoveFdArgs, &empty, qmp_remove_fd },
	{ "query-fdsets", &empty, &FdsetInfos, qmp_query_fdsets },

	{ "dump-guest-memory", &DumpArgs, &empty, qmp_dump_guest_memory },
	{ "query-dump", &empty, &DumpQueryResult, qmp_query_dump },
	{ "query-dump-guest-memory-capability", &empty,
	  &DumpGuestMemoryCapability, qmp_query_dump_capability },
	{ "x-paramem-dump-cancel", &empty, &empty, qmp_dump_cancel },
	{ NULL, NULL, NULL, NULL },
};

const struct qmp_event qmp_events[] = {
	{ "STOP", &empty },
	{ "RESUME", &empty },
	{ "RESET", &ShutdownData },
	{ "SHUTDOWN", &ShutdownData },
	{ "POWERDOWN", &empty },
	{ "MEMORY_DEVICE_SIZE_CHANGE", &SizeChangeData },
	{ "DUMP_COMPLETED", &DumpCompletedData },
	{ "X_PARAMEM_MEMORY_VIOLATION", &XParamemViolationData },
	{ "X_PARAMEM_DISCONNECTED", &XParamemDisconnectedData },
	{ NULL, NULL },
};

const struct qmp_command *qmp_command_find(const char *name)
{
	for (const struct qmp_command *c = qmp_commands; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}
