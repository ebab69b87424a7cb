/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine is and what it is made of, for clients that look around.
 */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "pci/pci.h"
#include "server.h"

#ifndef PARAMEM_VERSION
#error "the build defines PARAMEM_VERSION as a string: major.minor.micro"
#endif

json_t *qmp_version_object(void)
{
	unsigned int major = 0, minor = 0, micro = 0;

	sscanf(PARAMEM_VERSION, "%u.%u.%u", &major, &minor, &micro);
	return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "micro",
			 (int)micro, "minor", (int)minor, "major", (int)major,
			 "package", "paramem " PARAMEM_VERSION);
}

int qmp_query_version(struct qmp_conn *conn, const json_t *args, json_t **ret,
		      struct qmp_error *error)
{
	(void)conn, (void)args, (void)error;
	*ret = qmp_version_object();
	return 0;
}

int qmp_query_name(struct qmp_conn *conn, const json_t *args, json_t **ret,
		   struct qmp_error *error)
{
	const char *name = machine_config(conn->qmp->machine)->name;

	(void)args, (void)error;
	*ret = json_pack("{s:s*}", "name", name);
	return 0;
}

/* None was given to it: all zeros, as QEMU has it. */
int qmp_query_uuid(struct qmp_conn *conn, const json_t *args, json_t **ret,
		   struct qmp_error *error)
{
	(void)conn, (void)args, (void)error;
	*ret = json_pack("{s:s}", "UUID",
			 "00000000-0000-0000-0000-000000000000");
	return 0;
}

int qmp_query_kvm(struct qmp_conn *conn, const json_t *args, json_t **ret,
		  struct qmp_error *error)
{
	enum accel_kind accel = machine_config(conn->qmp->machine)->accel;

	(void)args, (void)error;
	*ret = json_pack("{s:b, s:b}", "enabled", accel != ACCEL_QTEST,
			 "present", 1);
	return 0;
}

int qmp_query_target(struct qmp_conn *conn, const json_t *args, json_t **ret,
		     struct qmp_error *error)
{
	(void)conn, (void)args, (void)error;
	*ret = json_pack("{s:s}", "arch", QMP_TARGET);
	return 0;
}

/* There is but one kind. */
int qmp_query_machines(struct qmp_conn *conn, const json_t *args, json_t **ret,
		       struct qmp_error *error)
{
	(void)conn, (void)args, (void)error;
	*ret = json_pack("[{s:s, s:b, s:i, s:b, s:b, s:b, s:s}]", "name",
			 "paramem", "is-default", 1, "cpu-max",
			 MACHINE_CPUS_MAX, "hotpluggable-cpus", 0,
			 "numa-mem-supported", 1, "deprecated", 0,
			 "default-cpu-type", QMP_CPU_TYPE);
	return 0;
}

/* ---- devices ------------------------------------------------------------- */

static json_t *chardev_info(const char *label, const char *kind,
			    const char *path, const char *options)
{
	struct qmp_error name;

	/* Through a qmp_error, since a path is any bytes. */
	qmp_error_set(&name, QMP_GENERIC_ERROR, "%s%s%s", kind,
		      path ? path : "", options);
	return json_pack("{s:s, s:s, s:b}", "label", label, "filename",
			 name.desc.text, "frontend-open", 1);
}

static void put_serial(json_t *list, const struct machine_config *config)
{
	switch (config->serial) {
	case SERIAL_NONE:
		return;
	case SERIAL_STDIO:
		json_array_append_new(list, chardev_info("serial0", "stdio",
							 NULL, ""));
		return;
	case SERIAL_FILE:
		json_array_append_new(list, chardev_info("serial0", "file",
							 NULL, ""));
		return;
	case SERIAL_UNIX:
		json_array_append_new(list, chardev_info("serial0", "unix:",
							 config->serial_path,
							 ",server=on"));
	}
}

/* The serial port's, and the control sockets. */
int qmp_query_chardev(struct qmp_conn *conn, const json_t *args, json_t **ret,
		      struct qmp_error *error)
{
	const struct machine_config *config =
		machine_config(conn->qmp->machine);
	char label[16];

	(void)args, (void)error;
	*ret = json_array();
	put_serial(*ret, config);
	for (unsigned int i = 0; i < config->nr_qmp_paths; i++) {
		snprintf(label, sizeof(label), "qmp%u", i);
		json_array_append_new(
			*ret, chardev_info(label, "unix:", config->qmp_paths[i],
					   ",server=on"));
	}
	return 0;
}

static json_t *pci_regions(const struct pci_info *info)
{
	json_t *list = json_array();

	for (int i = 0; i < PCI_BARS; i++) {
		/* As a signed number, one that is not mapped is at -1. */
		if (info->bar_sizes[i])
			json_array_append_new(
				list,
				json_pack("{s:i, s:s, s:I, s:I, s:b, s:b}",
					  "bar", i, "type", "memory", "address",
					  (json_int_t)info->bar_addresses[i],
					  "size",
					  (json_int_t)info->bar_sizes[i],
					  "prefetch", 0, "mem_type_64", 0));
	}
	return list;
}

static json_t *pci_device(const struct pci_info *info)
{
	const struct pci_ids *ids = &info->ids;
	json_t *irq = info->irq_pin ? json_integer(info->irq_line) : NULL;

	return json_pack("{s:i, s:i, s:i, s:{s:i}, s:{s:i, s:i, s:i, s:i},"
			 " s:o*, s:i, s:s, s:o}",
			 "bus", 0, "slot", (int)(info->devfn / 8), "function",
			 (int)(info->devfn % 8), "class_info", "class",
			 (int)(ids->class >> 8), "id", "device",
			 (int)ids->device, "vendor", (int)ids->vendor,
			 "subsystem", (int)ids->subsystem, "subsystem-vendor",
			 (int)ids->subsystem_vendor, "irq", irq, "irq_pin",
			 (int)info->irq_pin, "qdev_id",
			 info->id ? info->id : "", "regions",
			 pci_regions(info));
}

/* There is one bus. */
int qmp_query_pci(struct qmp_conn *conn, const json_t *args, json_t **ret,
		  struct qmp_error *error)
{
	json_t *devices = json_array();
	struct pci_info info;
	unsigned int devfn;

	(void)args, (void)error;
	for (devfn = 0; machine_pci_info(conn->qmp->machine, devfn, &info);
	     devfn = info.devfn + 1)
		json_array_append_new(devices, pci_device(&info));
	*ret = json_pack("[{s:i, s:o}]", "bus", 0, "devices", devices);
	return 0;
}

int qmp_query_none(struct qmp_conn *conn, const json_t *args, json_t **ret,
		   struct qmp_error *error)
{
	(void)conn, (void)args, (void)error;
	*ret = json_array();
	return 0;
}

int qmp_device_del(struct qmp_conn *conn, const json_t *args, json_t **ret,
		   struct qmp_error *error)
{
	const struct machine_config *config =
		machine_config(conn->qmp->machine);
	const char *id = json_string_value(json_object_get(args, "id"));

	(void)ret;
	for (unsigned int i = 0; i < config->nr_mem_devices; i++) {
		if (!strcmp(config->mem_devices[i].id, id))
			return qmp_error_set(error, QMP_GENERIC_ERROR,
					     "Device '%s' stays as long as the "
					     "machine: a requested-size of 0 "
					     "takes all of its memory",
					     id);
	}
	return qmp_error_set(error, QMP_DEVICE_NOT_FOUND,
			     "Device '%.200s' not found", id);
}
