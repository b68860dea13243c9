// SPDX-License-Identifier: MIT
/*
 * The daemon ends in other ways than by being killed, or what it left is not what
 * the next one can use: under the load of test-crash.c.
 */
#include "crash-run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TURNS		24

/* By then an idle client has made a call, too. */
#define DEATHS		12

static struct crash_run run;

static void work_for(int ms)
{
	int64_t end = now_ms() + ms;

	while (now_ms() < end) {
		crash_world_reap(run.world);
		sleep_ms(2);
	}
}

static void begin(bool by_hand)
{
	crash_run_prepare(&run);
	run.by_hand = by_hand;
	crash_run_begin(&run);
}

/* systemctl restart, and reload with another configuration each time. */
static void restarted_and_reloaded(void **state)
{
	int i;

	(void)state;
	begin(false);
	for (i = 0; i < TURNS; i++) {
		supervisor_wait_ready(run.supervisor);
		work_for(rand() % 200);
		crash_run_configure(&run, i % 2 ? "" : "[reservation other]\nuid=0\n"
						       "class=2 x 64K\n");
		supervisor_signal(run.supervisor, SIGHUP);
		work_for(rand() % 50);
		supervisor_restart(run.supervisor);
		crash_run_note_death(&run);
		if (i % 6 == 5)
			crash_world_check(run.world, run.carve);
	}
	crash_run_end(&run);
}

/* ---- a state of no use --------------------------------------------------- */

/*
 * A simulated region's books are in the state, so buffers are given up before. What
 * was reserved is lost: whoever had it is told so, and nothing else fails.
 */
static void lose_state(void (*lose)(void), bool all)
{
	uint64_t lost = run.world->lost;

	supervisor_wait_ready(run.supervisor);
	crash_world_empty(run.world);
	supervisor_pause(run.supervisor);
	run.world->stale_allowed = true;
	lose();
	supervisor_go_on(run.supervisor);
	crash_world_go_on(run.world);
	for (int i = 0; i < DEATHS; i++) {
		supervisor_wait_ready(run.supervisor);
		work_for(30 + rand() % 100);
		supervisor_kill(run.supervisor);
		crash_run_note_death(&run);
	}
	supervisor_wait_ready(run.supervisor);
	crash_world_check(run.world, run.carve);
	run.world->stale_allowed = false;
	if (all && run.world->lost == lost)
		fail_msg("nobody was told that a reservation is lost");
}

static void use_next_program(void)
{
	char path[512], *cut;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);

	assert_true(n > 0);
	path[n] = '\0';
	cut = strrchr(path, '/');
	strcpy(cut, "/carved-next");
	if (access(path, X_OK) < 0)
		skip_because("there is no carved-next beside this program");
	supervisor_set_program(run.supervisor, path);
}

static void use_this_program(void)
{
	supervisor_set_program(run.supervisor, NULL);
}

static void upgraded_and_back(void **state)
{
	(void)state;
	begin(false);
	work_for(200);
	lose_state(use_next_program, true);
	work_for(500);
	lose_state(use_this_program, true);
	work_for(500);
	crash_run_end(&run);
}

static int state_fd(off_t *ret_bytes)
{
	int fd = supervisor_get_stored(run.supervisor, "state");
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*ret_bytes = st.st_size;
	return fd;
}

static void spoil_begin(void)
{
	char zeros[256] = "";
	off_t bytes;
	int fd = state_fd(&bytes);

	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	close(fd);
}

static void spoil_everywhere(void)
{
	off_t bytes, at;
	int fd = state_fd(&bytes);

	for (at = 4096; at < bytes; at += 96)
		assert_int_equal(pwrite(fd, "spoilt!", 8, at), 8);
	close(fd);
}

static void cut_off(void)
{
	off_t bytes;
	int fd = state_fd(&bytes);

	assert_int_equal(ftruncate(fd, 1 + rand() % (bytes - 1)), 0);
	close(fd);
}

static void cut_off_all(void)
{
	off_t bytes;
	int fd = state_fd(&bytes);

	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
}

/* Perhaps somewhere where nothing is. */
static void spoil_somewhere(void)
{
	off_t bytes;
	int fd = state_fd(&bytes);

	assert_int_equal(pwrite(fd, "!", 1, rand() % bytes), 1);
	close(fd);
}

static void damaged(void **state)
{
	(void)state;
	begin(false);
	work_for(200);
	lose_state(spoil_begin, true);
	lose_state(spoil_everywhere, true);
	lose_state(cut_off, true);
	lose_state(cut_off_all, true);
	for (int i = 0; i < 4; i++)
		lose_state(spoil_somewhere, false);
	work_for(200);
	crash_run_end(&run);
}

/* ---- by hand ------------------------------------------------------------- */

/*
 * Nobody keeps anything but a file beside the socket. The clients connect anew, and
 * have what was reserved for them; of a simulated region's buffers the next daemon
 * knows nothing.
 */
static void killed_without_a_store(void **state)
{
	(void)state;
	begin(true);
	for (int i = 0; i < TURNS; i++) {
		work_for(rand() % 200);
		crash_run_kill_by_hand(&run);
	}
	work_for(200);
	crash_run_end(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CRASH_TEST(restarted_and_reloaded),
		CRASH_TEST(upgraded_and_back),
		CRASH_TEST(damaged),
		CRASH_TEST(killed_without_a_store),
	};

	cmocka_set_test_filter(getenv("CARVE_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
