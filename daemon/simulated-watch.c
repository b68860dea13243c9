// SPDX-License-Identifier: MIT
/*
 * How a simulated region learns that a buffer is gone.
 *
 * The last reference (descriptor, O_PATH descriptor, mapping, descriptor in
 * flight) takes the memfd's dentry with it. Then the watch on it ends, and as its
 * last event reports IN_IGNORED (inotify(7)), whatever it was for; so it is for
 * what never happens to a memfd, IN_MOVE_SELF. IN_IGNORED is to be believed: the kernel queues it before it makes the watch's
 * number free, so that behind it no event with that number is left which
 * could be taken for a later buffer's.
 */
#include "simulated.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Longer than any line of an inotify descriptor's fdinfo. */
#define FDINFO_LINE_MAX	1024

static struct sim_extent *watch_extent(const struct carve_tree_node *node)
{
	return carve_container_of((struct carve_tree_node *)node,
				  struct sim_extent, by_watch);
}

static struct sim_extent *inode_extent(const struct carve_tree_node *node)
{
	return carve_container_of((struct carve_tree_node *)node,
				  struct sim_extent, by_inode);
}

static int order_watch(const struct carve_tree_node *a,
		       const struct carve_tree_node *b)
{
	int x = watch_extent(a)->watch, y = watch_extent(b)->watch;

	return (x > y) - (x < y);
}

static int order_inode(const struct carve_tree_node *a,
		       const struct carve_tree_node *b)
{
	ino_t x = inode_extent(a)->inode, y = inode_extent(b)->inode;

	return (x > y) - (x < y);
}

struct sim_extent *sim_watches_find(const struct sim_watches *watches, int watch)
{
	struct carve_tree_node *node = watches->by_watch;
	struct sim_extent *extent;

	while (node) {
		extent = watch_extent(node);
		if (extent->watch == watch)
			return extent;
		node = watch < extent->watch ? carve_tree_left(node) :
					       carve_tree_right(node);
	}
	return NULL;
}

struct sim_extent *sim_watches_find_inode(const struct sim_watches *watches, ino_t inode)
{
	struct carve_tree_node *node = watches->by_inode;
	struct sim_extent *extent;

	while (node) {
		extent = inode_extent(node);
		if (extent->inode == inode)
			return extent;
		node = inode < extent->inode ? carve_tree_left(node) :
					       carve_tree_right(node);
	}
	return NULL;
}

void sim_watches_insert(struct sim_watches *watches, struct sim_extent *extent)
{
	carve_tree_insert(&watches->by_watch, &extent->by_watch, order_watch);
	carve_tree_insert(&watches->by_inode, &extent->by_inode, order_inode);
}

void sim_watches_forget(struct sim_watches *watches, struct sim_extent *extent)
{
	carve_tree_remove(&watches->by_watch, &extent->by_watch, order_watch);
	carve_tree_remove(&watches->by_inode, &extent->by_inode, order_inode);
}

/* ---- the list of watches ------------------------------------------------- */

/* A line of the list is "inotify wd:HEX ino:HEX ...". */
static bool see_line(struct sim_watches *watches, const char *line)
{
	struct sim_extent *extent;
	unsigned int watch;

	if (sscanf(line, "inotify wd:%x", &watch) != 1)
		return false;
	extent = sim_watches_find(watches, (int)watch);
	if (extent)
		extent->seen = true;
	return watch == (unsigned int)watches->bell_watch;
}

/*
 * Mark every extent that is still watched. The kernel makes the whole text at
 * the first read, under the list's lock: it shows one moment.
 */
static int see_all(struct sim_watches *watches)
{
	char text[FDINFO_LINE_MAX + 1];
	bool bell_seen = false;
	size_t fill = 0;
	char *line, *end;
	ssize_t n;

	if (lseek(watches->fdinfo, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(watches->fdinfo, text + fill, FDINFO_LINE_MAX - fill)) > 0) {
		fill += (size_t)n;
		text[fill] = '\0';
		for (line = text; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			bell_seen |= see_line(watches, line);
		}
		fill -= (size_t)(line - text);
		if (fill == FDINFO_LINE_MAX)
			return -ENOSYS;
		memmove(text, line, fill);
	}
	if (n < 0)
		return -errno;
	/* The bell is always watched: without it this is no such list. */
	return bell_seen ? 0 : -ENOSYS;
}

static void unsee(struct carve_tree_node *node)
{
	if (!node)
		return;
	unsee(carve_tree_left(node));
	unsee(carve_tree_right(node));
	watch_extent(node)->seen = false;
}

/*
 * Append whom the list did not show. What links them is where their inodes were, so
 * they leave the tree of these at once, and the one that is walked later.
 */
static void collect_unseen(struct sim_watches *watches, struct carve_tree_node *node)
{
	struct sim_extent *extent;

	if (!node)
		return;
	collect_unseen(watches, carve_tree_left(node));
	extent = watch_extent(node);
	if (!extent->seen) {
		carve_tree_remove(&watches->by_inode, &extent->by_inode,
				  order_inode);
		carve_link_set(&extent->next, NULL);
		if (watches->dead)
			carve_link_set(&watches->last_dead->next, extent);
		else
			watches->dead = extent;
		watches->last_dead = extent;
	}
	collect_unseen(watches, carve_tree_right(node));
}

/*
 * Events were lost: who is no longer watched has died. An IN_IGNORED that was
 * lost was so after its watch had left the list and before the overflow was
 * read, hence the list as it is now is without that watch.
 *
 * Return: 0; negative errno, and nothing changed.
 */
int sim_watches_resynchronise(struct sim_watches *watches)
{
	struct sim_extent *extent;
	int r;

	unsee(watches->by_watch);
	r = see_all(watches);
	if (r < 0)
		return r;
	collect_unseen(watches, watches->by_watch);
	for (extent = watches->dead; extent;
	     extent = carve_link_get(&extent->next))
		carve_tree_remove(&watches->by_watch, &extent->by_watch,
				  order_watch);
	return 0;
}

/* ---- deaths -------------------------------------------------------------- */

/* Make the descriptor readable; when the event gets lost, IN_Q_OVERFLOW does. */
void sim_watches_ring(struct sim_watches *watches)
{
	ssize_t n = pwrite(watches->bell, "", 1, 0);

	(void)n;	/* Its page exists from the start: this cannot fail. */
}

/*
 * Take events out of the kernel's queue. None has a name, as no folder is
 * watched, so all are of one size. Those that a killed daemon had taken and not
 * acted upon are no loss: the next one asks the list.
 *
 * Return: 1; 0: nothing waits; negative errno.
 */
static int read_events(struct sim_watches *watches)
{
	ssize_t n;

	do {
		n = read(watches->inotify, watches->events,
			 sizeof(watches->events));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	watches->event_next = 0;
	watches->event_count = (size_t)n / sizeof(watches->events[0]);
	return 1;
}

/* Are there deaths known here, of which the descriptor says nothing any more? */
bool sim_watches_has_more(const struct sim_watches *watches)
{
	return !watches->dead && watches->event_next < watches->event_count;
}

/*
 * The next event, if there is one.
 *
 * Return: 1, and @ret who died by it, or NULL; 0: nothing waits; negative errno.
 */
static int next_event(struct sim_watches *watches, struct sim_extent **ret)
{
	struct inotify_event event;
	int r = 1;

	if (watches->event_next == watches->event_count)
		r = read_events(watches);
	if (r <= 0)
		return r;
	event = watches->events[watches->event_next++];

	*ret = NULL;
	if (event.mask & IN_Q_OVERFLOW) {
		watches->behind = true;
		watches->overflowed = true;
	} else if (event.mask & IN_IGNORED) {
		/*
		 * Resynchronising may have found a death whose IN_IGNORED was
		 * still to come. Once the numbers come again (after 2^31
		 * buffers) it could meet a new buffer: then ask the list.
		 */
		if (watches->wrapped && watches->overflowed)
			watches->behind = true;
		else
			*ret = sim_watches_find(watches, event.wd);
	}
	return 1;
}

/*
 * The next extent whose buffer is gone; told once.
 *
 * Return: 1 and @ret; 0: none now; negative errno.
 */
int sim_watches_next_dead(struct sim_watches *watches, struct sim_extent **ret)
{
	struct sim_extent *extent;
	int r;

	for (;;) {
		if (watches->dead) {
			*ret = watches->dead;
			watches->dead = carve_link_get(&(*ret)->next);
			return 1;
		}
		r = next_event(watches, &extent);
		if (r <= 0)
			return r;
		if (extent) {
			sim_watches_forget(watches, extent);
			*ret = extent;
			return 1;
		}
		if (!watches->behind)
			continue;
		watches->behind = sim_watches_resynchronise(watches) < 0;
		/* Come back: for the other dead, or to try again. */
		if (watches->behind || (watches->dead && watches->dead != watches->last_dead))
			sim_watches_ring(watches);
		if (watches->behind)
			return 0;
	}
}
