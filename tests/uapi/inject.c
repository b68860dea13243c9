// SPDX-License-Identifier: MIT
/*
 * One failure at a time, see inject.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "check.h"
#include "inject.h"

#define DEBUGFS "/sys/kernel/debug"

/* More than any operation here has: one that never ends is an error. */
#define MOST 5000

static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
static int nth = -1;

static bool put(const char *kind, const char *name, const char *value)
{
	char path[100];
	bool good;
	int fd;

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", kind, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = write(fd, value, strlen(value)) > 0;
	close(fd);
	return good;
}

static bool put_all(const char *name, const char *value)
{
	bool good = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		good = put(kinds[i], name, value) && good;
	return good;
}

const char *inject_open(void)
{
	if (access(DEBUGFS "/failslab", F_OK))
		mount("none", DEBUGFS, "debugfs", 0, NULL);
	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth < 0)
		return "the kernel has no fault injection (/proc/PID/fail-nth)";
	/* Silent, or every failure would leave a call trace in the log. */
	if (!put_all("verbose", "0") || !put_all("probability", "0"))
		return "the kernel lacks failslab, fail_page_alloc or fail_usercopy";
	if (!put("failslab", "ignore-gfp-wait", "N") ||
	    !put("fail_page_alloc", "ignore-gfp-wait", "N") ||
	    !put("fail_page_alloc", "ignore-gfp-highmem", "N") ||
	    !put("fail_page_alloc", "min-order", "0"))
		return "the kernel does not let allocations that may sleep fail";
	/* No page of this program is to be read in during an operation. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	return NULL;
}

/* The range of addresses of a function: up to the next symbol. */
static void find_function(const char *function, uint64_t *ret_start,
			  uint64_t *ret_end)
{
	FILE *symbols = fopen("/proc/kallsyms", "re");
	uint64_t at, start = 0, end = UINT64_MAX;
	char line[600], name[512];

	while (symbols && fgets(line, sizeof(line), symbols))
		if (sscanf(line, "%" SCNx64 " %*c %511s", &at, name) == 2 &&
		    !strcmp(name, function))
			start = at;
	if (!start)
		die("there is no %s in /proc/kallsyms", function);
	rewind(symbols);
	while (fgets(line, sizeof(line), symbols))
		if (sscanf(line, "%" SCNx64, &at) == 1 && at > start && at < end)
			end = at;
	fclose(symbols);
	*ret_start = start;
	*ret_end = end;
}

static void put_range(const char *which, const char *function, uint64_t end)
{
	uint64_t start = 0;
	char name[40], value[40];

	if (function)
		find_function(function, &start, &end);
	snprintf(name, sizeof(name), "%s-start", which);
	snprintf(value, sizeof(value), "%#" PRIx64, start);
	if (!put_all(name, value))
		die("no %s", name);
	snprintf(name, sizeof(name), "%s-end", which);
	snprintf(value, sizeof(value), "%#" PRIx64, end);
	if (!put_all(name, value) || !put_all("stacktrace-depth", "32"))
		die("no %s", name);
}

void inject_under(const char *function)
{
	put_range("require", function, UINT64_MAX);
}

void inject_not_under(const char *function)
{
	put_range("reject", function, 0);
}

void inject_start(unsigned int n)
{
	char text[20];
	int length = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth, text, length, 0) != length)
		die("fail-nth: %m");
}

/*
 * Reading and writing the file are copies that may fail, too: then it was not
 * the operation that had the failure.
 */
bool inject_stop(void)
{
	char text[20] = "";
	int saved = errno;
	bool injected = pread(nth, text, sizeof(text) - 1, 0) > 0 &&
			!strtoul(text, NULL, 10);

	while (pwrite(nth, "0", 1, 0) != 1)
		injected = false;
	errno = saved;
	return injected;
}

/* What became of the failures of one operation. */
struct tally {
	unsigned int injected, enomem, efault, survived;
};

static const char *count(struct tally *tally, int ret, int also)
{
	static char why[80];

	tally->injected++;
	if (ret >= 0) {
		tally->survived++;
	} else if (ret == -ENOMEM || ret == also) {
		tally->enomem++;
	} else if (ret == -EFAULT) {
		tally->efault++;
	} else {
		snprintf(why, sizeof(why), "it says %s", strerrorname_np(-ret));
		return why;
	}
	return NULL;
}

void inject_sweep(const struct operation *operation,
		  const char *(*intact)(int ret))
{
	struct tally tally = { 0 };
	const char *wrong = NULL, *left;
	bool injected = true;
	unsigned int n;
	int ret = 0;

	for (n = 1; injected && !wrong && n <= MOST; n++) {
		if (operation->prepare)
			operation->prepare();
		inject_start(n);
		ret = operation->run();
		injected = inject_stop();
		if (injected)
			wrong = count(&tally, ret, operation->also);
		else if (ret < 0)
			wrong = "without a failure it does not work";
		left = operation->finish(ret) ?: intact(ret);
		wrong = wrong ?: left;
	}
	printf("# %-28s %4u failures: %4u ENOMEM, %4u EFAULT, %4u survived\n",
	       operation->name, tally.injected, tally.enomem, tally.efault,
	       tally.survived);
	if (!wrong && n > MOST)
		wrong = "there is no end of it";
	if (!wrong && operation->never && tally.survived != tally.injected)
		wrong = "it must not fail";
	if (!wrong && !operation->never && !(tally.enomem + tally.efault))
		wrong = "no failure reached it, so this proves nothing";
	check(!wrong, operation->name, "failure %u (%s): %s", n - 1,
	      ret < 0 ? strerrorname_np(-ret) : "survived", wrong);
}
