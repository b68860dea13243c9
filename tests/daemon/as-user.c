// SPDX-License-Identifier: MIT
#include "as-user.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void scene_start(struct scene *scene, const char *rules)
{
	static const char *const arguments[] = { "--simulate", "8M", NULL };
	int pair[2];

	if (geteuid() != 0)
		skip_because("several users need root");
	*scene = (struct scene){ .daemon = daemon_prepare() };
	daemon_configure(scene->daemon, rules);
	daemon_start_again(scene->daemon, arguments);
	assert_int_equal(chmod(scene->daemon->socket, 0666), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	scene->told = pair[0];
	scene->child = pair[1];
}

void scene_end(struct scene *scene)
{
	struct carve *carve = client_new(scene->daemon);

	assert_all_clean(carve);
	carve_free(carve);
	close(scene->told);
	close(scene->child);
	daemon_stop(scene->daemon);
}

static int run_as(void *data)
{
	struct scene *scene = data;
	struct carve *carve;
	int status;

	CHILD_CHECK(setgroups(scene->group ? 1 : 0, &scene->group) == 0);
	CHILD_CHECK(setgid(scene->uid) == 0 && setuid(scene->uid) == 0);
	CHILD_CHECK(carve_new(&carve, scene->daemon->socket) == 0);
	status = scene->body(carve, scene);
	carve_free(carve);
	return status;
}

pid_t start_as(struct scene *scene, uid_t uid,
	       int (*body)(struct carve *carve, struct scene *scene))
{
	scene->uid = uid;
	scene->body = body;
	return child_start(run_as, scene);
}

void do_as(struct scene *scene, uid_t uid,
	   int (*body)(struct carve *carve, struct scene *scene))
{
	child_expect(start_as(scene, uid, body), 0);
}

struct carve_refusal refusal;

int take(struct carve *carve, uint64_t bytes, struct carve_buffer **ret)
{
	struct carve_request request = CARVE_REQUEST_INIT;

	request.bytes = bytes;
	refusal = (struct carve_refusal)CARVE_REFUSAL_INIT;
	return carve_alloc_many(carve, &request, 1, ret, &refusal);
}

int take_it_all(struct carve *carve, struct scene *scene)
{
	struct carve_buffer *buffer;

	(void)scene;
	CHILD_CHECK(take(carve, 8 * MIB, &buffer) == 0);
	return 0;
}
