/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bars of text.
 */
#include "bar.h"

#include <langinfo.h>
#include <string.h>

#define EIGHTHS 8

static const char *const eighths[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };

bool bar_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* How many of @steps are part/whole, rounded down; never more than all. */
static unsigned int bar_steps(unsigned int steps, uint64_t part, uint64_t whole)
{
	if (!whole || part >= whole)
		return steps;
	return (unsigned int)((double)part / (double)whole * steps);
}

static void bar_begin(struct bar *bar, bool utf8)
{
	strcpy(bar->text, utf8 ? "▕" : "[");
}

static struct bar bar_end(struct bar *bar, bool utf8)
{
	strcat(bar->text, utf8 ? "▏" : "]");
	return *bar;
}

static unsigned int bar_width(unsigned int width)
{
	return width > BAR_WIDTH_MAX ? BAR_WIDTH_MAX : width;
}

struct bar bar_draw(unsigned int width, uint64_t part, uint64_t whole,
		    bool utf8)
{
	unsigned int i, full;
	struct bar bar;

	width = bar_width(width);
	full = bar_steps(width * EIGHTHS, part, whole);
	bar_begin(&bar, utf8);
	for (i = 0; i < width; i++) {
		if (full >= (i + 1) * EIGHTHS)
			strcat(bar.text, utf8 ? "█" : "#");
		else if (utf8 && full > i * EIGHTHS)
			strcat(bar.text, eighths[full - i * EIGHTHS]);
		else
			strcat(bar.text, " ");
	}
	return bar_end(&bar, utf8);
}

/* What is plugged beyond the requested size shows as plugged. */
static const char *device_cell(unsigned int i, unsigned int plugged,
			       unsigned int requested, unsigned int usable,
			       bool utf8)
{
	if (i < plugged)
		return utf8 ? "█" : "#";
	if (i < requested)
		return utf8 ? "▒" : "=";
	if (i < usable)
		return utf8 ? "░" : "-";
	return utf8 ? "·" : ".";
}

static unsigned int bar_cells(unsigned int width, uint64_t part, uint64_t whole)
{
	unsigned int cells = bar_steps(width, part, whole);

	/* A little of something is not nothing. */
	return part && !cells ? 1 : cells;
}

struct bar bar_draw_device(unsigned int width, uint64_t plugged,
			   uint64_t requested, uint64_t usable, uint64_t max,
			   bool utf8)
{
	unsigned int i, p, r, u;
	struct bar bar;

	width = bar_width(width);
	p = bar_cells(width, plugged, max);
	r = bar_cells(width, requested, max);
	u = bar_cells(width, usable, max);
	bar_begin(&bar, utf8);
	for (i = 0; i < width; i++)
		strcat(bar.text, device_cell(i, p, r, u, utf8));
	return bar_end(&bar, utf8);
}
