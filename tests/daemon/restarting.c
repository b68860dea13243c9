// SPDX-License-Identifier: MIT
#include "restarting.h"

#include <sys/wait.h>

struct restarting restarting_start(const char *const *arguments)
{
	struct restarting restarting = { .daemon = daemon_prepare() };

	restarting.supervisor = supervisor_start(restarting.daemon, arguments);
	supervisor_wait_ready(restarting.supervisor);
	return restarting;
}

void restarting_end(struct restarting *restarting)
{
	int status = supervisor_stop(restarting->supervisor);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_log_clean(restarting->daemon);
}
