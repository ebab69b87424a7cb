/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far a resize is.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bar.h"
#include "host/size.h"
#include "qmp_client.h"

/* Where nobody watches it move, one line a second says enough. */
#define PROGRESS_PLAIN_MS 1000
#define PROGRESS_BAR_MIN  8
#define PROGRESS_BAR_MAX  60

void progress_init(struct progress *progress, const char *device, uint64_t from,
		   uint64_t target, int64_t now_ms)
{
	*progress = (struct progress){
		.device = device,
		.from = from,
		.now = from,
		.target = target,
		.began_ms = now_ms,
		.shown_ms = now_ms,
		.shown = from,
		.terminal = isatty(STDERR_FILENO),
		.utf8 = bar_utf8(),
	};
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* How much of the way is done; what went the wrong way is none. */
static uint64_t progress_done(const struct progress *p)
{
	uint64_t whole = distance(p->from, p->target);
	uint64_t left = distance(p->now, p->target);

	return left < whole ? whole - left : 0;
}

static unsigned int progress_percent(const struct progress *p)
{
	uint64_t whole = distance(p->from, p->target);

	if (!whole)
		return 100;
	return (unsigned int)((double)progress_done(p) / (double)whole * 100);
}

static void progress_tail(const struct progress *p, int64_t now_ms, char *text,
			  size_t size)
{
	int64_t ms = now_ms - p->began_ms;
	double rate = 0;

	if (p->note) {
		snprintf(text, size, "%3u %%  %s", progress_percent(p),
			 p->note);
		return;
	}
	if (ms > 0)
		rate = (double)(progress_done(p) >> 20) * 1000 / (double)ms;
	snprintf(text, size, "%3u %%  %.0f MiB/s", progress_percent(p), rate);
}

/* The columns that a text takes: its bytes but for those that continue one. */
static unsigned int text_columns(const char *text)
{
	unsigned int columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

static void cut_to_columns(char *text, unsigned int columns)
{
	for (; *text; text++) {
		if (((unsigned char)*text & 0xc0) == 0x80)
			continue;
		if (!columns--)
			break;
	}
	*text = '\0';
}

void progress_line(const struct progress *p, int64_t now_ms,
		   unsigned int columns, char line[PROGRESS_LINE_MAX])
{
	const char *arrow = p->utf8 ? "→" : "->";
	unsigned int used, room;
	struct bar bar = { "" };
	char head[256], tail[160];

	snprintf(head, sizeof(head), "%.64s  %s %s %s %s %s", p->device,
		 size_format_rounded(p->from).text, arrow,
		 size_format_rounded(p->now).text, arrow,
		 size_format_rounded(p->target).text);
	progress_tail(p, now_ms, tail, sizeof(tail));
	/* A bar has two ends and a blank on each side. */
	used = text_columns(head) + text_columns(tail) + 4;
	room = columns > used ? columns - used : 0;
	if (room > PROGRESS_BAR_MAX)
		room = PROGRESS_BAR_MAX;
	if (room >= PROGRESS_BAR_MIN)
		bar = bar_draw(room, progress_done(p),
			       distance(p->from, p->target), p->utf8);
	snprintf(line, PROGRESS_LINE_MAX, "%s %s%s%s", head, bar.text,
		 *bar.text ? " " : "", tail);
	cut_to_columns(line, columns);
}

static unsigned int terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return 79;
	/* The last column is left free, or some terminals wrap. */
	return size.ws_col - 1u;
}

static void progress_show_plain(struct progress *p, int64_t now_ms)
{
	if (p->now == p->shown || now_ms - p->shown_ms < PROGRESS_PLAIN_MS)
		return;
	if (p->target < p->from)
		fprintf(stderr, "%s: %s, from %s down to %s\n", p->device,
			size_format(p->now).text, size_format(p->from).text,
			size_format(p->target).text);
	else
		fprintf(stderr, "%s: %s of %s\n", p->device,
			size_format(p->now).text, size_format(p->target).text);
	p->shown = p->now;
	p->shown_ms = now_ms;
}

void progress_show(struct progress *p, uint64_t now, const char *note)
{
	int64_t now_ms = qmp_client_now();
	char line[PROGRESS_LINE_MAX];

	p->now = now;
	p->note = note;
	if (!p->terminal) {
		progress_show_plain(p, now_ms);
		return;
	}
	progress_line(p, now_ms, terminal_columns(), line);
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
	p->drawn = true;
}

void progress_finish(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}
