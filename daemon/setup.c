// SPDX-License-Identifier: MIT
#include "setup.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "device-simulated.h"
#include "log.h"
#include "manager.h"
#include "options.h"
#include "restore.h"
#include "state.h"
#include "store.h"

/* Regions, timers, the journal and a reply on its way out. */
#define OWN_FDS		256

/* One client: its socket, and its part of what all together may leave unread. */
#define CLIENT_FDS	(1 + 8)

#define DEFAULT_LABEL	"main"

_Static_assert(CARVE_STORE_MAX ==
	       CARVE_CLIENTS_DEFAULT + CARVE_WIRE_REGIONS_MAX + 1, "store");

/* What the last daemon has left. */
struct kept {
	struct carve_state *state;
	struct carve_store *store;
};

/* Return: how many descriptors there may be. A sandbox may forbid to raise it. */
static rlim_t raise_limit(void)
{
	struct rlimit limit, higher;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	higher = (struct rlimit){ limit.rlim_max, limit.rlim_max };
	if (limit.rlim_cur < limit.rlim_max &&
	    setrlimit(RLIMIT_NOFILE, &higher) == 0)
		limit = higher;
	return limit.rlim_cur;
}

int carve_setup_limits(const struct carve_options *options,
		       struct carve_limits *ret)
{
	rlim_t limit, clients;

	limit = raise_limit();
	clients = limit < OWN_FDS ? 0 : (limit - OWN_FDS) / CLIENT_FDS;
	if (!clients) {
		carve_log(LOG_ERR, NULL, "the limit of %llu descriptors is too "
			  "low, %d are the least: raise LimitNOFILE= or ulimit "
			  "-n", (unsigned long long)limit,
			  OWN_FDS + CLIENT_FDS);
		return -EMFILE;
	}
	if (options->max_clients > clients) {
		carve_log(LOG_ERR, NULL, "--max-clients %u needs %llu "
			  "descriptors, and the limit is %llu: raise "
			  "LimitNOFILE= or ulimit -n", options->max_clients,
			  (unsigned long long)options->max_clients * CLIENT_FDS +
			  OWN_FDS, (unsigned long long)limit);
		return -EINVAL;
	}
	if (options->max_clients)
		clients = options->max_clients;
	else if (clients > CARVE_CLIENTS_DEFAULT)
		clients = CARVE_CLIENTS_DEFAULT;
	ret->clients = (unsigned int)clients;
	ret->unread = limit - OWN_FDS - clients;
	return 0;
}

static int is_node(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* "a, b, c" for messages. */
static void join_names(struct dirent **names, int count, char *text,
		       size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (int i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s",
					 i ? ", " : "", names[i]->d_name);
}

static int explain_open(const char *label, int error, struct dirent **names,
			int count)
{
	char all[256];

	switch (error) {
	case -ENOENT:
		join_names(names, count, all, sizeof(all));
		carve_log(LOG_ERR, NULL, "there is no region %s: choose one of "
			  "%s", label, all);
		break;
	case -EBUSY:
		carve_log(LOG_ERR, NULL, "region %s is managed by another "
			  "running carved: stop that one first", label);
		break;
	case -EACCES:
	case -EPERM:
		carve_log(LOG_ERR, NULL, "%s/%s may not be opened: run carved "
			  "as root or as the user that owns it",
			  CARVE_DEVICE_FOLDER, label);
		break;
	case -ENOTTY:
		carve_log(LOG_ERR, NULL, "%s/%s is not a node of Carve's "
			  "driver, or of one too old for this carved",
			  CARVE_DEVICE_FOLDER, label);
		break;
	default:
		carve_log(LOG_ERR, NULL, "cannot open region %s: %s", label,
			  strerror(-error));
	}
	return error;
}

/* Take over a device; it is gone on failure. */
static int add(struct carve_manager *manager, const char *label,
	       struct carve_device *device)
{
	int r = carve_manager_add_region(manager, device);

	if (r == 0)
		return 0;
	carve_device_free(device);
	if (r == -ENOSPC)
		carve_log(LOG_ERR, NULL, "there are more than %d regions: "
			  "choose some by --region", CARVE_WIRE_REGIONS_MAX);
	else
		carve_log(LOG_ERR, NULL, "cannot take over region %s: %s",
			  label, strerror(-r));
	return r;
}

static void inotify_name(char *name, const char *label)
{
	snprintf(name, CARVE_STORE_NAME, "inotify-%s", label);
}

/* A region whose place in the state another one has now. */
static void drop_inotify(void *data, const char *label)
{
	char name[CARVE_STORE_NAME];

	inotify_name(name, label);
	carve_store_remove(data, name);
}

static int begin_state(const struct kept *kept, const char *const *labels,
		       size_t count)
{
	int r;

	if (!kept->state)
		return 0;
	r = carve_restore_serve(kept->state, labels, count, drop_inotify,
				kept->store);
	if (r < 0)
		carve_log(LOG_ERR, NULL, "cannot take up what the last daemon has "
			  "left: %s", strerror(-r));
	return r;
}

static void store_inotify(void *data, const char *label, int inotify)
{
	char name[CARVE_STORE_NAME];
	int r;

	inotify_name(name, label);
	r = carve_store_put(data, name, inotify);
	if (r < 0)
		carve_log(LOG_WARNING, NULL, "simulated region %s will begin "
			  "empty after a restart: %s", label, strerror(-r));
}

/* As the last daemon left it, or empty if that cannot be had. */
static int new_simulated(struct carve_device **ret, const char *label,
			 uint64_t bytes, const struct kept *kept)
{
	struct carve_simulated_keep keep = {
		.state = kept->state,
		.inotify = -1,
		.store = store_inotify,
		.data = kept->store,
	};
	char name[CARVE_STORE_NAME];
	int r;

	if (!kept->state)
		return carve_device_new_simulated(ret, label, bytes, NULL);
	r = carve_state_region(kept->state, label);
	if (r < 0)
		return r;
	keep.region = (unsigned int)r;
	inotify_name(name, label);
	keep.inotify = carve_store_take(kept->store, name);
	r = carve_device_new_simulated(ret, label, bytes, &keep);
	if (r == -EINVAL && keep.inotify >= 0) {
		close(keep.inotify);
		carve_store_remove(kept->store, name);
		keep.inotify = -1;
		r = carve_device_new_simulated(ret, label, bytes, &keep);
	}
	return r;
}

static int add_simulated(struct carve_manager *manager,
			 const struct carve_options *options,
			 const char *label, const struct kept *kept)
{
	struct carve_device *device;
	int r = new_simulated(&device, label, options->simulate_bytes, kept);

	if (r < 0) {
		carve_log(LOG_ERR, NULL, "cannot simulate a region of %llu "
			  "bytes: %s",
			  (unsigned long long)options->simulate_bytes,
			  strerror(-r));
		return r;
	}
	return add(manager, label, device);
}

static int add_driver(struct carve_manager *manager, const char *label,
		      struct dirent **names, int count)
{
	char path[sizeof(CARVE_DEVICE_FOLDER) + 1 + sizeof(names[0]->d_name)];
	struct carve_device *device;
	int r;

	snprintf(path, sizeof(path), "%s/%s", CARVE_DEVICE_FOLDER, label);
	r = carve_device_new_driver(&device, path);
	if (r < 0)
		return explain_open(label, r, names, count);
	return add(manager, label, device);
}

/* @is_all: of what there is, so that there may be a default. */
static int add_each(struct carve_manager *manager, const char *const *labels,
		    size_t label_count, struct dirent **names, int count,
		    bool is_all)
{
	for (size_t i = 0; i < label_count; i++) {
		int r = add_driver(manager, labels[i], names, count);

		if (r < 0)
			return r;
		if (is_all && !strcmp(labels[i], DEFAULT_LABEL))
			carve_manager_set_default(manager, i);
	}
	return 0;
}

/* All there are, by name. */
static int add_all(struct carve_manager *manager, struct dirent **names,
		   int count, const struct kept *kept)
{
	const char **labels = calloc((size_t)count, sizeof(*labels));
	int r;

	if (!labels)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		labels[i] = names[i]->d_name;
	r = begin_state(kept, labels, (size_t)count);
	if (r == 0)
		r = add_each(manager, labels, (size_t)count, names, count, true);
	free(labels);
	return r;
}

static void free_names(struct dirent **names, int count)
{
	while (count--)
		free(names[count]);
	free(names);
}

/* Return: how many nodes there are, at least 1; negative errno. */
static int find_nodes(struct dirent ***ret_names)
{
	int count = scandir(CARVE_DEVICE_FOLDER, ret_names, is_node, alphasort);
	int r = -errno;

	if (count > 0)
		return count;
	if (count == 0) {
		free_names(*ret_names, count);
		r = -ENOENT;
	}
	if (r == -ENOENT)
		carve_log(LOG_ERR, NULL, "there is no region in %s: is the "
			  "driver loaded (modprobe carve), and is there a "
			  "region in the device tree? Without one, try "
			  "--simulate 256M", CARVE_DEVICE_FOLDER);
	else
		carve_log(LOG_ERR, NULL, "cannot read %s: %s",
			  CARVE_DEVICE_FOLDER, strerror(-r));
	return r;
}

static int add_drivers(struct carve_manager *manager,
		       const struct carve_options *options,
		       const struct kept *kept)
{
	struct dirent **names;
	int count = find_nodes(&names);
	int r;

	if (count < 0)
		return count;
	if (!options->region_count) {
		r = add_all(manager, names, count, kept);
	} else {
		r = begin_state(kept, options->regions, options->region_count);
		if (r == 0)
			r = add_each(manager, options->regions,
				     options->region_count, names, count,
				     false);
	}
	free_names(names, count);
	return r;
}

int carve_setup_check(const struct carve_options *options)
{
	struct dirent **names;
	int count;

	if (options->simulate_bytes)
		return 0;
	count = find_nodes(&names);
	if (count < 0)
		return count;
	free_names(names, count);
	return 0;
}

int carve_setup_regions(struct carve_manager *manager,
			const struct carve_options *options,
			struct carve_state *state, struct carve_store *store)
{
	static const char *const only[] = { DEFAULT_LABEL };
	const struct kept kept = { state, store };
	const char *const *labels = options->regions;
	size_t count = options->region_count;
	int r;

	if (!options->simulate_bytes)
		return add_drivers(manager, options, &kept);
	if (!count) {
		labels = only;
		count = 1;
	}
	r = begin_state(&kept, labels, count);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_simulated(manager, options, labels[i], &kept);
	return r;
}
