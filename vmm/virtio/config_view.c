/* SPDX-License-Identifier: BSD-3-Clause */
/* What a driver has seen of its device's configuration. */
#include "config_view.h"

#include <assert.h>
#include <string.h>

void config_view_announce(struct config_view *view)
{
	view->told = true;
}

uint8_t config_view_look(struct config_view *view, const void *now, size_t size)
{
	assert(size <= CONFIG_VIEW_MAX);
	if (view->told || memcmp(view->seen, now, size))
		view->generation++;
	view->told = false;
	memcpy(view->seen, now, size);
	return view->generation;
}
