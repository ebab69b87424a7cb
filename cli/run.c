/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paramem run: from the command line to a machine, and to its end.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/size.h"
#include "linux_sizes.h"
#include "monitor/monitor.h"
#include "mem_options.h"
#include "node_options.h"
#include "options.h"
#include "output.h"
#include "runtime_dir.h"
#include "socket_options.h"

static const char help[] =
	"paramem run [NAME] --kernel FILE [OPTIONS]\n"
	"\n"
	"Runs a virtual machine in the foreground until it powers off.\n"
	"\n"
	"  --kernel FILE      a Linux kernel (bzImage)\n"
	"  --initrd FILE      its initial RAM disk\n"
	"  --append STRING    its command line\n"
	"  --cpus N           processors, 1 to 64; 1 if not given\n"
	"  --memory SIZE|[size=SIZE][,HOST...]\n"
	"                     memory at boot; 512M if not given\n"
	"  --mem-device id=ID,max-size=SIZE[,requested-size=SIZE]"
	"[,block-size=SIZE]\n"
	"               [,node=ID][,unplugged-inaccessible=auto|on|off]\n"
	"               [,guard=auto|required|off][,on-violation=log|stop|kill]"
	"[,HOST...]\n"
	"                     memory to plug and unplug while it runs; may be "
	"repeated\n"
	"  --node id=ID[,cpus=N[-M]...][,memory=SIZE][,distance=ID:N...]\n"
	"                     a NUMA node of the guest; may be repeated\n"
	"  --serial stdio|file:PATH|unix:PATH|none\n"
	"                     the serial port; stdio if not given\n"
	"  --qmp unix:PATH    a control socket there\n"
	"  --accel auto|kvm|qtest\n"
	"                     what runs the guest; auto if not given. qtest is "
	"for\n"
	"                     tests: there is no CPU, and no kernel is needed\n"
	"  --qtest unix:PATH  the socket of such a test\n"
	"\n"
	"HOST says what host memory that is:\n"
	"  backend=anon|memfd|hugetlb  private, a memory file, or huge pages\n"
	"  page-size=SIZE              of the huge pages, as 2M or 1G\n"
	"  prealloc=on|off             provide all pages before they are used\n"
	"  reserve=on|off              off: beyond what the host can promise\n"
	"  thp=on|off                  transparent huge pages\n"
	"  lock=on|off                 keep in RAM what was used\n"
	"  dump=on|off                 include in core dumps\n"
	"  host-nodes=N[-M],policy=bind|preferred|interleave\n"
	"                              NUMA nodes; host-nodes may be repeated\n"
	"\n"
	"A machine with a NAME can be found by it: paramem resize NAME ...\n";

struct run {
	struct machine_config config;
	struct runtime_dir dir;
	bool has_dir;
	bool killed;
};

static int parse_mem_device(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;
	struct machine_config *config = &run->config;

	if (config->nr_mem_devices == MACHINE_MEM_DEVICES_MAX)
		return pm_error_set(err, EINVAL,
				    "a machine cannot have more than %d memory "
				    "devices: leave some out",
				    MACHINE_MEM_DEVICES_MAX);
	return mem_options_parse_device(
		text, &config->mem_devices[config->nr_mem_devices++], err);
}

static const char *after_prefix(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) ? NULL : text + len;
}

static int serial_socket(struct machine_config *config, char *text,
			 struct pm_error *err)
{
	config->serial = SERIAL_UNIX;
	return socket_options_parse("--serial", text, &config->serial_path,
				    err);
}

static int parse_serial(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;
	struct machine_config *config = &run->config;
	const char *file = after_prefix(text, "file:");

	config->serial_path = file;
	if (file)
		config->serial = SERIAL_FILE;
	else if (after_prefix(text, "unix:"))
		return serial_socket(config, text, err);
	else if (!strcmp(text, "stdio"))
		config->serial = SERIAL_STDIO;
	else if (!strcmp(text, "none"))
		config->serial = SERIAL_NONE;
	else
		return pm_error_set(err, EINVAL,
				    "--serial cannot be '%.100s': use stdio, "
				    "file:PATH, unix:PATH or none",
				    text);
	return 0;
}

static int add_qmp_path(struct machine_config *config, const char *path,
			struct pm_error *err)
{
	if (config->nr_qmp_paths == MACHINE_QMP_SOCKETS_MAX)
		return pm_error_set(err, EINVAL,
				    "there are too many control sockets: a "
				    "machine has %d, of which its name takes "
				    "one",
				    MACHINE_QMP_SOCKETS_MAX);
	config->qmp_paths[config->nr_qmp_paths++] = path;
	return 0;
}

static int parse_qmp(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;
	const char *path = NULL;
	int ret = socket_options_parse("--qmp", text, &path, err);

	return ret ? ret : add_qmp_path(&run->config, path, err);
}

static int parse_qtest(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;

	return socket_options_parse("--qtest", text, &run->config.qtest_path,
				    err);
}

static int parse_cpus(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;
	unsigned long value;

	if (!cli_parse_number(text, UINT_MAX, &value) || !value)
		return pm_error_set(err, EINVAL,
				    "--cpus cannot be '%.100s': use a number "
				    "from 1 to %d",
				    text, MACHINE_CPUS_MAX);
	run->config.cpus = (unsigned int)value;
	return 0;
}

static int parse_accel(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;

	if (!strcmp(text, "auto"))
		run->config.accel = ACCEL_AUTO;
	else if (!strcmp(text, "kvm"))
		run->config.accel = ACCEL_KVM;
	else if (!strcmp(text, "qtest"))
		run->config.accel = ACCEL_QTEST;
	else
		return pm_error_set(err, EINVAL,
				    "--accel cannot be '%.100s': use auto, kvm "
				    "or qtest",
				    text);
	return 0;
}

static int parse_memory(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;
	uint64_t size = UINT64_MAX;
	int ret = mem_options_parse_memory(text, &size, &run->config.memory_ram,
					   err);

	if (ret || size == UINT64_MAX)
		return ret;
	if (!size)
		return pm_error_set(err, EINVAL,
				    "a boot memory of 0 is too small: use %s "
				    "or more",
				    size_format(MACHINE_MEMORY_MIN).text);
	run->config.memory = size;
	return 0;
}

static int parse_node(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;

	return node_options_parse(text, &run->config.numa, err);
}

static int parse_kernel(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;

	(void)err;
	run->config.kernel = text;
	return 0;
}

static int parse_initrd(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;

	(void)err;
	run->config.initrd = text;
	return 0;
}

static int parse_append(void *opaque, char *text, struct pm_error *err)
{
	struct run *run = opaque;

	(void)err;
	run->config.append = text;
	return 0;
}

static const struct cli_option options[] = {
	{ "kernel", .set = parse_kernel },
	{ "initrd", .set = parse_initrd },
	{ "append", .set = parse_append },
	{ "cpus", .set = parse_cpus },
	{ "memory", .set = parse_memory },
	{ "mem-device", .set = parse_mem_device, .many = true },
	{ "node", .set = parse_node, .many = true },
	{ "serial", .set = parse_serial },
	{ "qmp", .set = parse_qmp, .many = true },
	{ "accel", .set = parse_accel },
	{ "qtest", .set = parse_qtest },
	{ 0 },
};

/* The terminal is the default, and there may be none to print on. */
static int check_stdio(const struct run *run)
{
	struct pm_error err;

	if (run->config.serial != SERIAL_STDIO || output_is_open())
		return OPTIONS_GO_ON;
	pm_error_set(&err, EINVAL,
		     "the serial port has nowhere to print, as standard output "
		     "is closed: use --serial none, file:PATH or unix:PATH");
	return cli_bad_value(&err);
}

/* OPTIONS_GO_ON or an exit status. */
static int run_parse(struct run *run, int argc, char **argv)
{
	int status = cli_options(argc, argv, options, help, run);
	struct pm_error err;

	if (status != OPTIONS_GO_ON)
		return status;
	/* Nobody types at a machine that has no CPU. */
	if (run->config.accel == ACCEL_QTEST &&
	    run->config.serial == SERIAL_STDIO)
		run->config.serial = SERIAL_NONE;
	if (argc - optind > 1)
		return cli_usage_error("run",
				       "'%s' is too much: a machine has one "
				       "name",
				       argv[optind + 1]);
	run->config.name = argv[optind];
	node_options_complete(&run->config);
	if (machine_config_check(&run->config, &err) < 0)
		return cli_bad_value(&err);
	return check_stdio(run);
}

/*
 * From here on the signals that end a machine wait for its main loop, which
 * takes them from a descriptor: so that none leaves files behind.
 */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int run_prepare(struct run *run, struct pm_error *err)
{
	char base[PATH_MAX];
	int ret;

	if (!run->config.name)
		return 0;
	ret = runtime_dir_base(base, err);
	if (ret < 0)
		return ret;
	ret = runtime_dir_create(&run->dir, base, run->config.name, err);
	if (ret < 0)
		return ret;
	run->has_dir = true;
	ret = add_qmp_path(&run->config, run->dir.socket, err);
	return ret < 0 ? ret : machine_config_check(&run->config, err);
}

/* What is right, and may not come to what was wanted with a Linux guest. */
static void note_sizes(const struct mem_device_config *dev)
{
	struct linux_sizes most =
		linux_sizes(dev->max_size, dev->max_size, dev->block_size);
	struct linux_sizes first = linux_sizes(dev->requested_size,
					       dev->max_size, dev->block_size);
	struct pm_error sentence;

	if (!linux_sizes_reached(&most)) {
		linux_sizes_explain(&most, &sentence);
		cli_note("%s: %s; a maximum of %s has room for more", dev->id,
			 sentence.text,
			 size_format(most.below + most.memory_block).text);
	}
	if (!linux_sizes_reached(&first)) {
		linux_sizes_explain(&first, &sentence);
		cli_note("%s: %s", dev->id, sentence.text);
	}
}

/* Nobody can tell from outside whether memory that is plugged is in use. */
static void note_onlining(const struct machine_config *config)
{
	const char *append = config->append ? config->append : "";

	if (config->nr_mem_devices && !strstr(append, "memhp_default_state="))
		cli_note("there is no memhp_default_state=online_movable in "
			 "--append: the guest will use no memory that is "
			 "plugged, unless its kernel or its udev rules bring "
			 "it online");
}

static void note_guest(const struct machine_config *config)
{
	if (config->accel == ACCEL_QTEST)
		return;
	for (unsigned int i = 0; i < config->nr_mem_devices; i++)
		note_sizes(&config->mem_devices[i]);
	note_onlining(config);
}

int cli_run(int argc, char **argv)
{
	static struct run run = {
		.config = {
			.serial = SERIAL_STDIO,
		},
	};
	struct pm_error err;
	int ret = run_parse(&run, argc, argv);

	if (ret != OPTIONS_GO_ON)
		return ret;
	block_signals();
	ret = run_prepare(&run, &err);
	if (!ret)
		ret = monitor_run(&run.config, note_guest, &run.killed, &err);
	if (run.has_dir)
		runtime_dir_remove(&run.dir);
	/* A log that could not be kept is no failure of the machine. */
	clearerr(stderr);
	if (ret >= 0)
		return EXIT_OK;
	cli_fail(&err);
	return run.killed ? EXIT_VIOLATION : EXIT_FAILED;
}
