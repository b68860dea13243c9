// SPDX-License-Identifier: MIT
/*
 * Where a client and its server run. Left alone, the scheduler moves the two
 * of a pair together or apart as it wakes them, differently for a server that
 * blocks in recvmsg() and for one in epoll_wait(); a wake-up across processors
 * costs more than the work itself. So both pairs are put in their places, and
 * where that is allowed they go before whatever else the machine does.
 */
#include "service.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* As this process was started. */
static cpu_set_t anywhere;

size_t places_get(struct place places[2])
{
	int cpus[2] = { -1, -1 };
	size_t found = 0;

	if (!CPU_COUNT(&anywhere) &&
	    sched_getaffinity(0, sizeof(anywhere), &anywhere) < 0)
		die("no processors");
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &anywhere))
			cpus[found++] = i;
	places[0] = (struct place){ "on one processor", cpus[0], cpus[0] };
	places[1] = (struct place){ "on two processors", cpus[1], cpus[0] };
	return found;
}

/* What comes into being or ends meanwhile inherits its place or needs none. */
void place_process(pid_t pid, int cpu)
{
	struct dirent *entry;
	char path[32];
	const struct sched_param param = { .sched_priority = cpu >= 0 };
	cpu_set_t set = anywhere;
	DIR *tasks;

	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
	}
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		die("%s cannot be read", path);
	while ((entry = readdir(tasks))) {
		pid_t task = atoi(entry->d_name);

		if (!task)
			continue;
		sched_setaffinity(task, sizeof(set), &set);
		/* Both pairs may, or neither. */
		sched_setscheduler(task, cpu >= 0 ? SCHED_FIFO : SCHED_OTHER,
				   &param);
	}
	closedir(tasks);
}
