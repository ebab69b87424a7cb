/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who hears what becomes of a machine: control sockets, and others to come.
 *
 * The machine tells, and knows nobody who listens. What it tells is plain
 * values; what they are called elsewhere is the listener's own business.
 */
#ifndef VMM_MACHINE_OBSERVER_H
#define VMM_MACHINE_OBSERVER_H

#include <stddef.h>
#include <stdint.h>

struct dump_info;
struct violation;

/* Why a machine was reset, or ended. */
enum machine_cause {
	MACHINE_GUEST_OFF,
	MACHINE_GUEST_RESET,
	MACHINE_GUEST_VIOLATED, /* and on-violation=kill */
	MACHINE_HOST_SIGNAL,
	MACHINE_HOST_QUIT,
	MACHINE_HOST_RESET,
	MACHINE_HOST_ERROR,
};

/*
 * Each is called on the main thread, after the fact unless it says otherwise;
 * any may be NULL. None adds or removes an observer.
 */
struct machine_observer_ops {
	/* The guest stands still, or goes on. */
	void (*stopped)(void *opaque);
	void (*resumed)(void *opaque);
	void (*reset)(void *opaque, enum machine_cause cause);
	/* The last that is told. */
	void (*shutdown)(void *opaque, enum machine_cause cause);
	/* The power button is pressed. */
	void (*powerdown)(void *opaque);
	/*
	 * The plugged size of the memory device of this number, with the
	 * device's lock held: nothing may be asked of that device here.
	 */
	void (*size_changed)(void *opaque, unsigned int device, uint64_t size);
	/*
	 * The guest used unplugged memory. Of several in a short time only the
	 * last is told, whose count tells of them all.
	 */
	void (*violation)(void *opaque, unsigned int device,
			  const struct violation *violation);
	/* A dump is over, however it ended; the guest still stands. */
	void (*dump_done)(void *opaque, const struct dump_info *info);
	/* And the guest goes on, if it ran before. */
	void (*dump_settled)(void *opaque, const struct dump_info *info);
};

/* The owner embeds it, fills in the first two, and keeps it while it is added. */
struct machine_observer {
	const struct machine_observer_ops *ops;
	void *opaque;
	struct machine_observer *next; /* the list's */
};

/* A list is a pointer to its first, and they hear in the order of adding. */
static inline void observers_add(struct machine_observer **list,
				 struct machine_observer *observer)
{
	while (*list)
		list = &(*list)->next;
	observer->next = NULL;
	*list = observer;
}

/* Nothing happens to one that is not in the list. */
static inline void observers_remove(struct machine_observer **list,
				    const struct machine_observer *observer)
{
	while (*list && *list != observer)
		list = &(*list)->next;
	if (*list)
		*list = observer->next;
}

/* Tells all: observers_tell(list, reset, MACHINE_HOST_RESET). */
#define observers_tell(list, what, ...)                                       \
	do {                                                                  \
		for (struct machine_observer *o_ = (list); o_; o_ = o_->next) \
			if (o_->ops->what)                                    \
				o_->ops->what(o_->opaque, ##__VA_ARGS__);     \
	} while (0)

#endif /* VMM_MACHINE_OBSERVER_H */
