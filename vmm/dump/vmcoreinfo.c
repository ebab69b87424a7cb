/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds what a Linux guest keeps for whoever reads a dump of it.
 *
 * Theory of operation. The kernel makes the note at boot, header and all, at
 * the start of a page, and never tells where. So the first bytes of each page
 * that is there are looked at. A page that begins like the note is copied out,
 * once, and what is believed is the copy: its length is within bounds and it
 * is lines of plain text.
 *
 * Anybody in the guest can make such a page, and a kernel that was replaced
 * (kexec) leaves one. Which is the kernel's that runs, the architecture can
 * tell from the registers of the CPUs.
 */
#include "vmcoreinfo.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)

#define NAME       "VMCOREINFO"
#define TEXT_BEGIN "OSRELEASE="

struct note {
	Elf64_Nhdr header;
	char name[12]; /* with its end, in units of 4 bytes */
	char text[VMCOREINFO_MAX];
};

#define NOTE_HEAD offsetof(struct note, text)

struct search {
	const struct dump_runs *runs;
	const struct vmcoreinfo_cpus *cpus;
	const atomic_bool *cancel;
	struct vmcoreinfo *info;
	struct note note; /* the copy of what is looked at */
};

/* ---- is it the running kernel's? ----------------------------------------- */

/* The line of @key, a number in the base given; false when there is none. */
static bool line_number(const struct vmcoreinfo *info, const char *key,
			int base, uint64_t *value)
{
	size_t key_len = strlen(key);
	const char *at = info->text, *end = info->text + info->len;
	char number[32] = "";

	while ((size_t)(end - at) > key_len && memcmp(at, key, key_len)) {
		at = memchr(at, '\n', end - at);
		if (!at)
			return false;
		at++;
	}
	if ((size_t)(end - at) <= key_len)
		return false;
	at += key_len;
	for (size_t i = 0; i < sizeof(number) - 1 && at < end && *at != '\n';
	     i++)
		number[i] = *at++;
	*value = strtoull(number, NULL, base);
	return true;
}

/* A note that is looked at, among the memory. */
struct candidate {
	const struct search *search;
	const struct vmcoreinfo *info;
};

static bool candidate_number(void *opaque, const char *key, int base,
			     uint64_t *value)
{
	const struct candidate *c = opaque;

	return line_number(c->info, key, base, value);
}

static bool candidate_read(void *opaque, uint64_t gpa, void *data, size_t len)
{
	const struct candidate *c = opaque;

	return !dump_runs_read(c->search->runs, gpa, data, len);
}

static bool fits_a_cpu(const struct search *s, const struct vmcoreinfo *info)
{
	struct candidate candidate = { s, info };
	const struct arch_guest guest = {
		.read = candidate_read,
		.number = candidate_number,
		.opaque = &candidate,
	};

	for (unsigned int i = 0; i < s->cpus->nr; i++)
		if (s->cpus->arch->runs_kernel(
			    dump_registers(s->cpus->arch, s->cpus->registers,
					   i),
			    &guest))
			return true;
	return false;
}

/* ---- is it one at all? --------------------------------------------------- */

static bool header_good(const struct note *n)
{
	return n->header.n_namesz == sizeof(NAME) &&
	       n->header.n_descsz >= strlen(TEXT_BEGIN) &&
	       n->header.n_descsz <= VMCOREINFO_MAX &&
	       !memcmp(n->name, NAME, sizeof(NAME));
}

static bool text_good(const char *text, size_t len)
{
	if (memcmp(text, TEXT_BEGIN, strlen(TEXT_BEGIN)))
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n' &&
		    text[i] != '\t')
			return false;
	}
	return true;
}

/* The header that was judged, and the length in it, are those of the copy. */
static bool note_copy(struct search *s, uint64_t gpa)
{
	struct note *n = &s->note;

	if (dump_runs_read(s->runs, gpa, n, NOTE_HEAD) || !header_good(n))
		return false;
	return !dump_runs_read(s->runs, gpa + NOTE_HEAD, n->text,
			       n->header.n_descsz) &&
	       text_good(n->text, n->header.n_descsz);
}

/* Looks at one page; true ends the search. */
static bool look_at(struct search *s, uint64_t gpa)
{
	struct vmcoreinfo found;

	if (!note_copy(s, gpa))
		return false;
	found.len = s->note.header.n_descsz;
	memcpy(found.text, s->note.text, found.len);
	if (!fits_a_cpu(s, &found)) {
		if (!s->info->len)
			*s->info = found;
		return false;
	}
	*s->info = found;
	return true;
}

/* ---- the search ---------------------------------------------------------- */

/* Cheap, since it is asked of every page. */
static bool worth_a_look(const uint8_t *page)
{
	return !memcmp(page + sizeof(Elf64_Nhdr), NAME, sizeof(NAME));
}

/* Pages that are there: 1 when the search is over, 0, or -ECANCELED. */
static int search_pages(struct search *s, const struct dump_run *run,
			uint64_t from, uint64_t size)
{
	const uint8_t *host = pm_ram_host(run->ram);

	for (uint64_t at = from; at < from + size; at += PAGE) {
		if (worth_a_look(host + at) &&
		    look_at(s, run->gpa + (at - run->offset)))
			return 1;
		if (atomic_load_explicit(s->cancel, memory_order_relaxed))
			return -ECANCELED;
	}
	return 0;
}

static int search_run(struct search *s, const struct dump_run *run)
{
	uint64_t at = run->offset, end = run->offset + run->size;
	uint64_t start, size;
	int ret;

	while ((ret = pm_ram_populated_run(run->ram, at, end, &start, &size)) ==
	       1) {
		ret = search_pages(s, run, start, size);
		if (ret)
			return ret;
		at = start + size;
	}
	return ret ? -EIO : 0;
}

int vmcoreinfo_find(const struct dump_runs *runs,
		    const struct vmcoreinfo_cpus *cpus,
		    const atomic_bool *cancel, struct vmcoreinfo *info)
{
	struct search s = {
		.runs = runs,
		.cpus = cpus,
		.cancel = cancel,
		.info = info,
	};
	int ret = 0;

	info->len = 0;
	for (size_t i = 0; i < runs->nr && !ret; i++)
		ret = search_run(&s, &runs->run[i]);
	return ret < 0 ? ret : 0;
}
