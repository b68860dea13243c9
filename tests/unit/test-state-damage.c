// SPDX-License-Identifier: MIT
/*
 * States that are not as they were left: another version's, cut, damaged; and file
 * systems that are full.
 */
#include "state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#define FACTS	100
#define ROUNDS	3000

static unsigned long seed;

static uint32_t pick(uint32_t below)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (uint32_t)(seed >> 33) % below;
}

static void set_seed(void)
{
	const char *text = getenv("SEED");

	seed = text ? strtoul(text, NULL, 0) : (unsigned long)time(NULL);
	printf("# SEED=%lu\n", seed);
}

static struct carve_cell cell_of(uint64_t client)
{
	return (struct carve_cell){
		.type = CARVE_CELL_CLIENT,
		.client = { .client = client, .uid = (uint32_t)client * 3,
			    .waiting = client * 5 },
	};
}

/* With every second place free again. */
static int new_file(void)
{
	int fd = file_new();
	struct carve_state *state = state_of(dup(fd));

	for (uint64_t i = 1; i <= FACTS; i++) {
		struct carve_cell cell = cell_of(i);
		uint32_t place = 0, other = 0;

		assert_int_equal(carve_state_put(state, &cell, &other), 0);
		assert_int_equal(carve_state_put(state, &cell, &place), 0);
		carve_state_drop(state, &other);
	}
	carve_state_numbers(state)->reservation = 4711;
	carve_state_free(state);
	return fd;
}

/* Each of them, as it was, once. */
static void check_all(const struct carve_state *state)
{
	bool seen[FACTS + 1] = { false };
	const struct carve_cell *cell;
	uint32_t place = 0;

	while ((cell = carve_state_next(state, &place))) {
		struct carve_cell same = cell_of(cell->client.client);

		assert_true(cell->client.client <= FACTS);
		assert_memory_equal(&cell->client, &same.client,
				    sizeof(same.client));
		assert_false(seen[cell->client.client]);
		seen[cell->client.client] = true;
	}
	assert_int_equal(carve_state_count(state), FACTS);
}

/* It is of use, and the next daemon finds what was put there. */
static void check_usable(struct carve_state *state, int fd)
{
	struct carve_cell cell = cell_of(1);
	uint32_t place = 0;

	assert_int_equal(carve_state_put(state, &cell, &place), 0);
	carve_state_free(state);
	state = state_of(fd);
	assert_null(carve_state_refused(state));
	assert_true(carve_state_count(state) >= 1);
	carve_state_free(state);
}

/* ---- damage ------------------------------------------------------------------ */

static void damaged_is_whole_or_refused(void **unused)
{
	unsigned int refused = 0;
	int original = new_file();
	size_t bytes;
	uint8_t *data = file_read(original, &bytes);

	(void)unused;
	set_seed();
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t *copy = malloc(bytes);
		struct carve_state *state;
		int fd;

		assert_non_null(copy);
		memcpy(copy, data, bytes);
		for (uint32_t n = 1 + pick(4); n; n--)
			copy[pick((uint32_t)bytes)] ^= (uint8_t)(1U << pick(8));
		/* The head is small, and would seldom be hit. */
		if (pick(2))
			copy[pick(sizeof(struct state_head))] ^=
				(uint8_t)(1U << pick(8));
		fd = file_of(copy, bytes);
		free(copy);
		state = state_of(dup(fd));
		if (carve_state_refused(state)) {
			assert_int_equal(carve_state_count(state), 0);
			refused++;
		} else {
			check_all(state);
		}
		assert_true(carve_state_numbers(state)->client >=
			    (carve_state_refused(state) ? 0 : FACTS));
		check_usable(state, fd);
	}
	printf("# %u of %d refused\n", refused, ROUNDS);
	assert_in_range(refused, ROUNDS / 2, ROUNDS - 1);
	free(data);
	close(original);
}

static void noise_is_refused(void **unused)
{
	uint8_t data[3 * STATE_HEAD];

	(void)unused;
	set_seed();
	for (int i = 0; i < 200; i++) {
		size_t bytes = 1 + pick(sizeof(data));
		struct carve_state *state;
		int fd;

		for (size_t at = 0; at < bytes; at++)
			data[at] = (uint8_t)pick(256);
		fd = file_of(data, bytes);
		state = state_of(dup(fd));
		assert_non_null(carve_state_refused(state));
		assert_int_equal(carve_state_count(state), 0);
		check_usable(state, fd);
	}
}

/* Room behind the last cell is nobody's. */
static void cut_is_refused(void **unused)
{
	int original = new_file();
	size_t bytes;
	uint8_t *data = file_read(original, &bytes);

	(void)unused;
	for (size_t cut = 1; cut < bytes; cut += 61) {
		int fd = file_of(data, cut);
		struct carve_state *state = state_of(dup(fd));

		assert_string_equal(carve_state_refused(state),
				    "it was cut short");
		check_usable(state, fd);
	}
	free(data);
	close(original);
}

static void check_insane(struct carve_cell cell)
{
	int fd = new_file();
	struct carve_state *state = state_of(dup(fd));
	uint32_t place = 0;

	assert_null(carve_state_refused(state));
	assert_int_equal(carve_state_region(state, "main"), 0);
	assert_int_equal(carve_state_put(state, &cell, &place), 0);
	carve_state_free(state);
	state = state_of(dup(fd));
	assert_non_null(strstr(carve_state_refused(state), "is damaged"));
	assert_int_equal(carve_state_count(state), 0);
	check_usable(state, fd);
}

/* With a right sum, but what no daemon says: whoever reads it need not look. */
static void nonsense_is_refused(void **unused)
{
	const struct carve_cell buffer = {
		.type = CARVE_CELL_BUFFER, .buffer = { .id = 1, .bytes = 4096 },
	};
	const struct carve_cell reservation = {
		.type = CARVE_CELL_RESERVATION, .reservation = { .id = 1 },
	};
	const struct carve_cell class = {
		.type = CARVE_CELL_CLASS,
		.class = { .reservation = 1, .count = 1, .bytes = 4096,
			   .alignment = 4096 },
	};
	struct carve_cell cell;

	(void)unused;
	check_insane((struct carve_cell){ .type = 99 });
	check_insane((struct carve_cell){ .type = CARVE_CELL_FREE });
	check_insane((struct carve_cell){ .type = CARVE_CELL_CLIENT });
	check_insane((struct carve_cell){ .type = CARVE_CELL_BUFFER });
	cell = buffer;
	cell.region = 1;
	check_insane(cell);
	cell.region = CARVE_WIRE_REGIONS_MAX;
	check_insane(cell);
	cell = buffer;
	memset(cell.buffer.unit, 'x', sizeof(cell.buffer.unit));
	check_insane(cell);
	cell = reservation;
	memset(cell.reservation.name, 'x', sizeof(cell.reservation.name));
	check_insane(cell);
	cell = reservation;
	cell.reservation.class_count = CARVE_WIRE_CLASSES_MAX + 1;
	check_insane(cell);
	cell = reservation;
	cell.reservation.id = UINT64_MAX;
	check_insane(cell);
	cell = class;
	cell.class.class = CARVE_WIRE_CLASSES_MAX;
	check_insane(cell);
	cell = class;
	cell.class.alignment = 3;
	check_insane(cell);
	cell = class;
	cell.class.before = cell.class.after = 4096;
	check_insane(cell);
	check_insane((struct carve_cell){
		.type = CARVE_CELL_SLOT,
		.slot = { .reservation = 1, .class = CARVE_WIRE_CLASSES_MAX },
	});
}

/* ---- others' ----------------------------------------------------------------- */

static void change_head(int fd, void (*change)(struct state_head *head))
{
	struct state_head *head = mmap(NULL, STATE_HEAD, PROT_READ | PROT_WRITE,
				       MAP_SHARED, fd, 0);

	assert_ptr_not_equal(head, MAP_FAILED);
	change(head);
	/* As its writer would have summed it up. */
	head->check = carve_state_sum(&head->version,
				      offsetof(struct state_head, check) -
				      offsetof(struct state_head, version),
				      STATE_MAGIC);
	munmap(head, STATE_HEAD);
}

static void make_newer(struct state_head *head)
{
	head->version++;
}

static void make_larger(struct state_head *head)
{
	head->cell_bytes += 8;
}

static void make_older_boot(struct state_head *head)
{
	head->boot[0] ^= 1;
}

static void make_nothing(struct state_head *head)
{
	(void)head;
}

static struct carve_state *changed(void (*change)(struct state_head *head))
{
	int fd = new_file();

	change_head(fd, change);
	return state_of(fd);
}

/* Numbers go on, so that none is given twice. */
static void check_refused(struct carve_state *state, const char *words)
{
	assert_non_null(strstr(carve_state_refused(state), words));
	assert_int_equal(carve_state_count(state), 0);
	assert_int_equal(carve_state_numbers(state)->epoch, 2);
	assert_int_equal(carve_state_numbers(state)->reservation, 4711);
	carve_state_free(state);
}

static void other_versions_are_refused(void **unused)
{
	struct carve_state *state = changed(make_nothing);

	(void)unused;
	assert_null(carve_state_refused(state));
	check_all(state);
	carve_state_free(state);
	check_refused(changed(make_newer), "version 2");
	check_refused(changed(make_larger), "200");
}

static void another_boot_is_silent(void **unused)
{
	struct carve_state *state = changed(make_older_boot);

	(void)unused;
	assert_null(carve_state_refused(state));
	assert_int_equal(carve_state_count(state), 0);
	assert_int_equal(carve_state_numbers(state)->epoch, 1);
	carve_state_free(state);
}

/* ---- full -------------------------------------------------------------------- */

#define CHECK(what)							\
	do {								\
		if (!(what)) {						\
			fprintf(stderr, "# %d: %s\n", __LINE__, #what);	\
			_exit(1);					\
		}							\
	} while (0)

/* In a process with a mount of its own, which is gone with it. */
static void fill_file_system(void)
{
	struct carve_state *state;
	struct carve_cell cell = cell_of(1);
	uint32_t place, last = 0;
	size_t count;
	int fd, r;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, "size=64k") < 0)
		_exit(2);
	fd = open("/mnt/state", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	CHECK(carve_state_new(&state, dup(fd), BOOT) == 0);
	do {
		place = 0;
		r = carve_state_put(state, &cell, &place);
		last = place ? place : last;
	} while (r == 0);
	CHECK(r == -ENOSPC && !place);
	count = carve_state_count(state);
	CHECK(count > 100);
	CHECK(carve_state_expect(state, 50) == -ENOSPC);
	for (int i = 0; i < 1000; i++)
		CHECK(carve_state_put(state, &cell, &last) == 0);
	CHECK(carve_state_count(state) == count);
	carve_state_free(state);
	CHECK(carve_state_new(&state, fd, BOOT) == 0);
	CHECK(!carve_state_refused(state));
	CHECK(carve_state_count(state) == count);
	carve_state_free(state);
	/* Not even a head. */
	fd = open("/mnt/other", O_RDWR | O_CREAT, 0600);
	CHECK(carve_state_new(&state, fd, BOOT) == -ENOSPC);
	_exit(0);
}

static void full_file_system(void **unused)
{
	pid_t pid = fork();
	int status;

	(void)unused;
	if (pid == 0)
		fill_file_system();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		printf("# skipped: mounting a tmpfs takes the superuser\n");
		skip();
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_is_whole_or_refused),
		cmocka_unit_test(noise_is_refused),
		cmocka_unit_test(cut_is_refused),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(another_boot_is_silent),
		cmocka_unit_test(full_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
