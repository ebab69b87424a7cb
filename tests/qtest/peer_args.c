/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of a peer, from its description. */
#include "peer_args.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fatal.h"

#define DEFAULT_MEMORY (UINT64_C(128) << 20)

const char *peer_path(char *path, const char *dir, const char *name)
{
	snprintf(path, PEER_PATH_MAX, "%s/%s", dir, name);
	return path;
}

static void add(struct peer_args *args, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct peer_args *args, const char *fmt, ...)
{
	size_t room = PEER_ARGS_TEXT - args->used;
	va_list list;
	size_t len;

	va_start(list, fmt);
	len = vsnprintf(args->text + args->used, room, fmt, list);
	va_end(list);
	if (len >= room || args->nr == PEER_ARGS_MAX)
		fatal("the peer's command line is too long");
	args->argv[args->nr++] = args->text + args->used;
	args->used += len + 1;
}

static const char *inaccessible_option(const struct peer_device *dev)
{
	switch (dev->unplugged_inaccessible) {
	case PEER_AUTO:
		return ",unplugged-inaccessible=auto";
	case PEER_ON:
		return ",unplugged-inaccessible=on";
	case PEER_OFF:
		return ",unplugged-inaccessible=off";
	default:
		return "";
	}
}

static const char *reserve_option(const struct peer_device *dev)
{
	return dev->no_reserve ? ",reserve=off" : "";
}

/* @id is what it is when the description has none. */
static const char *device_id(const struct peer_config *config, unsigned int nth,
			     char *id, size_t size)
{
	const char *given = config->devices[nth].id;

	return given ? given : peer_device_id(id, size, nth);
}

static uint64_t boot_memory(const struct peer_config *config)
{
	return config->memory ? config->memory : DEFAULT_MEMORY;
}

/* ---- paramem ------------------------------------------------------------- */

/* As QEMU, it goes on when the guest does what it may not. */
static void add_paramem_device(struct peer_args *args,
			       const struct peer_device *dev, const char *id)
{
	add(args, "--mem-device");
	add(args,
	    "id=%s,max-size=%" PRIu64 ",block-size=%" PRIu64
	    ",requested-size=%" PRIu64 ",on-violation=log%s%s%s%s%s",
	    id, dev->max_size, dev->block_size, dev->requested_size,
	    inaccessible_option(dev), dev->hugetlb ? ",backend=hugetlb" : "",
	    reserve_option(dev), dev->extra ? "," : "",
	    dev->extra ? dev->extra : "");
}

static void add_paramem(struct peer_args *args,
			const struct peer_config *config, const char *dir)
{
	char path[PEER_PATH_MAX], id[16];

	add(args, "%s", config->program);
	add(args, "run");
	add(args, "--accel");
	add(args, "qtest");
	add(args, "--qtest");
	add(args, "unix:%s", peer_path(path, dir, PEER_QTEST_SOCKET));
	add(args, "--qmp");
	add(args, "unix:%s", peer_path(path, dir, PEER_QMP_SOCKET));
	add(args, "--serial");
	add(args, "none");
	add(args, "--memory");
	add(args, "%" PRIu64, boot_memory(config));
	for (unsigned int i = 0; i < config->nr_devices; i++)
		add_paramem_device(args, &config->devices[i],
				   device_id(config, i, id, sizeof(id)));
}

/* ---- QEMU ---------------------------------------------------------------- */

static void add_qemu_device(struct peer_args *args,
			    const struct peer_device *dev, const char *id)
{
	add(args, "-object");
	if (dev->hugetlb)
		add(args,
		    "memory-backend-memfd,hugetlb=on,id=mem-%s,"
		    "size=%" PRIu64 "%s",
		    id, dev->max_size, reserve_option(dev));
	else
		add(args, "memory-backend-ram,id=mem-%s,size=%" PRIu64 "%s", id,
		    dev->max_size, reserve_option(dev));
	add(args, "-device");
	add(args,
	    "virtio-mem-pci,id=%s,memdev=mem-%s,block-size=%" PRIu64
	    ",requested-size=%" PRIu64 "%s",
	    id, id, dev->block_size, dev->requested_size,
	    inaccessible_option(dev));
}

static void add_qemu_memory(struct peer_args *args,
			    const struct peer_config *config)
{
	uint64_t max = boot_memory(config);

	/* A slot each lets QEMU align each region to a gigabyte. */
	for (unsigned int i = 0; i < config->nr_devices; i++)
		max += config->devices[i].max_size;
	add(args, "-m");
	if (config->nr_devices)
		add(args, "size=%" PRIu64 "b,slots=%u,maxmem=%" PRIu64 "b",
		    boot_memory(config), config->nr_devices, max);
	else
		add(args, "size=%" PRIu64 "b", boot_memory(config));
}

static void add_qemu(struct peer_args *args, const struct peer_config *config,
		     const char *dir)
{
	char path[PEER_PATH_MAX], id[16];

	add(args, "%s",
	    config->program ? config->program : "qemu-system-x86_64");
	add(args, "-M");
	add(args, "q35");
	/* Debian's has no accelerator qtest: a CPU that never starts. */
	add(args, "-accel");
	add(args, "tcg,tb-size=1");
	add(args, "-S");
	add(args, "-nodefaults");
	add(args, "-display");
	add(args, "none");
	add(args, "-qtest-log");
	add(args, "none");
	add(args, "-qtest");
	add(args, "unix:%s,server=on,wait=off",
	    peer_path(path, dir, PEER_QTEST_SOCKET));
	add(args, "-qmp");
	add(args, "unix:%s,server=on,wait=off",
	    peer_path(path, dir, PEER_QMP_SOCKET));
	add_qemu_memory(args, config);
	for (unsigned int i = 0; i < config->nr_devices; i++)
		add_qemu_device(args, &config->devices[i],
				device_id(config, i, id, sizeof(id)));
}

struct peer_args *peer_args_create(const struct peer_config *config,
				   const char *dir)
{
	struct peer_args *args = calloc(1, sizeof(*args));

	if (!args)
		fatal("out of memory");
	if (config->kind == PEER_QEMU)
		add_qemu(args, config, dir);
	else
		add_paramem(args, config, dir);
	return args;
}

void peer_args_destroy(struct peer_args *args)
{
	free(args);
}
