// SPDX-License-Identifier: MIT
/*
 * Clients in any number of states, and a daemon that has to keep its promises to
 * all. An input is a list of actions: connect, send, read, drop buffers, turn the
 * daemon's loop, let time pass, hang up, reload the configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "message.h"
#include "protocol.h"
#include "world.h"

#define PEERS		8
#define HELD_MAX	192
#define ACTIONS_MAX	256
/* What one packet of the daemon may carry; more is a mistake of its own. */
#define FDS_MAX		CARVE_WIRE_ALLOC_MAX
/* A day. */
#define CLOCK_MAX_USEC	86400000000ULL

/**
 * struct peer - one client
 * @fd: -1 when there is none
 * @facts: what it was told; outlives the connection, for it may come back
 */
struct peer {
	int fd;
	struct message_facts facts;
};

/**
 * struct play - what happens during one input
 * @held: buffers that clients have
 * @other: a descriptor that is no buffer
 * @state: what the next daemon finds
 */
struct play {
	struct world world;
	struct fuzz_input input;
	struct peer peers[PEERS];
	int held[HELD_MAX];
	size_t held_count;
	int other;
	int state;
};

static struct peer *pick_peer(struct play *play)
{
	return &play->peers[fuzz_u8(&play->input) % PEERS];
}

static void hang_up(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
}

static void drop_held(struct play *play, size_t index)
{
	close(play->held[index]);
	play->held[index] = play->held[--play->held_count];
}

static void greet(struct peer *peer)
{
	struct carve_wire_hello hello = {
		.header = { sizeof(hello), CARVE_MSG_HELLO, 0,
			    ++peer->facts.id },
		.version_min = CARVE_WIRE_VERSION,
		.version_max = CARVE_WIRE_VERSION,
	};

	fuzz_send(peer->fd, &hello, sizeof(hello), NULL, 0);
}

static void act_connect(struct play *play)
{
	static const uid_t uids[] = { 0, 1000, 1001, 1002 };
	struct peer *peer = pick_peer(play);
	uint8_t how = fuzz_u8(&play->input);

	hang_up(peer);
	peer->fd = world_connect(uids[how & 3]);
	if (peer->fd >= 0 && !(how & 4))
		greet(peer);
}

/* ---- what the daemon says ---------------------------------------------- */

static void keep(struct play *play, int fd)
{
	if (play->held_count < HELD_MAX)
		play->held[play->held_count++] = fd;
	else
		close(fd);
}

static void remember(struct peer *peer, uint64_t client, const uint8_t *secret)
{
	peer->facts.client = client;
	memcpy(peer->facts.secret, secret, sizeof(peer->facts.secret));
}

/* Its own rules bind the daemon, whatever it was sent. */
static void check_reply(struct peer *peer, const union message *message,
			size_t bytes, size_t fds)
{
	const struct carve_wire_alloc_reply *alloc = (const void *)message;
	const struct carve_wire_list_reply *list = (const void *)message;
	const struct carve_wire_hello_reply *hello = (const void *)message;
	const struct carve_wire_resume_reply *resume = (const void *)message;
	const struct carve_wire_epoch *epoch = (const void *)message;
	const struct carve_wire_header *header = &message->header;

	fuzz_require(bytes >= sizeof(*header) && bytes <= CARVE_WIRE_MAX);
	fuzz_require(header->bytes == bytes);
	fuzz_require(header->status <= 0);
	fuzz_require(header->type >= CARVE_MSG_HELLO &&
		     header->type <= CARVE_MSG_RESUME);
	fuzz_require(!fds || (header->type == CARVE_MSG_ALLOC &&
			      !header->status));
	if (header->status)
		return;
	if (header->type == CARVE_MSG_ALLOC) {
		fuzz_require(alloc->count == fds && fds);
		fuzz_require(bytes == sizeof(*alloc) +
			     fds * sizeof(alloc->items[0]));
	} else if (header->type == CARVE_MSG_LIST) {
		fuzz_require(bytes == sizeof(*list) +
			     list->count * sizeof(list->items[0]));
		peer->facts.cursor = list->cursor;
	} else if (header->type == CARVE_MSG_HELLO) {
		fuzz_require(bytes == sizeof(*hello));
		peer->facts.epoch = hello->epoch;
		remember(peer, hello->client, hello->secret);
	} else if (header->type == CARVE_MSG_EPOCH) {
		fuzz_require(bytes == sizeof(*epoch));
		peer->facts.epoch = epoch->epoch;
	} else if (header->type == CARVE_MSG_RESUME) {
		fuzz_require(bytes == sizeof(*resume));
		remember(peer, resume->client, resume->secret);
	}
}

/* A buffer is as large as it was said to be. */
static void check_buffers(const union message *message, const int *fds,
			  size_t count)
{
	const struct carve_wire_alloc_reply *alloc = (const void *)message;
	struct stat st;

	for (size_t i = 0; i < count; i++) {
		fuzz_require(fstat(fds[i], &st) == 0);
		fuzz_require((uint64_t)st.st_size == alloc->items[i].bytes);
	}
}

/* Return: was there one? */
static bool read_reply(struct play *play, struct peer *peer)
{
	static union message message;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { &message, sizeof(message) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fds[FDS_MAX];
	size_t count = 0;
	ssize_t bytes = recvmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg;

	if (bytes <= 0)
		return false;
	fuzz_require(!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)));
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg) {
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(cmsg), count * sizeof(int));
	}
	check_reply(peer, &message, (size_t)bytes, count);
	check_buffers(&message, fds, count);
	for (size_t i = 0; i < count; i++)
		keep(play, fds[i]);
	return true;
}

static void act_read(struct play *play, bool all)
{
	struct peer *peer = pick_peer(play);

	while (peer->fd >= 0 && read_reply(play, peer))
		if (!all)
			break;
}

/* ---- what the clients say ---------------------------------------------- */

/* Return: how many of @fds there are. */
static size_t pick_fds(struct play *play, uint16_t type, int *fds)
{
	uint8_t how = fuzz_u8(&play->input);
	size_t count = 0;

	if (how < 200)
		count = type == CARVE_MSG_QUERY;
	else
		count = how % 16;
	for (size_t i = 0; i < count; i++)
		fds[i] = play->held_count && !(how & 1) ?
			play->held[(how + i) % play->held_count] : play->other;
	return count;
}

static void act_message(struct play *play, unsigned int times)
{
	static union message message;
	struct peer *peer = pick_peer(play);
	int fds[16];
	size_t bytes, count;

	peer->facts.id++;
	bytes = message_make(&message, &play->input, &peer->facts);
	count = pick_fds(play, message.header.type, fds);

	for (unsigned int i = 0; peer->fd >= 0 && i < times; i++)
		fuzz_send(peer->fd, &message, bytes, fds, count);
}

/* As it was recorded. */
static void act_raw(struct play *play)
{
	static union message message;
	struct peer *peer = pick_peer(play);
	size_t bytes = fuzz_u16(&play->input) % (sizeof(message) + 1);
	int fds[16];
	size_t count;

	if (bytes > play->input.left)
		bytes = play->input.left;
	fuzz_take(&play->input, &message, bytes);
	count = pick_fds(play, message.header.type, fds);
	if (peer->fd >= 0)
		fuzz_send(peer->fd, &message, bytes, fds, count);
}

static void act_clock(struct play *play)
{
	uint64_t usec = fuzz_number(&play->input);

	fuzz_clock_advance(usec < CLOCK_MAX_USEC ? usec : CLOCK_MAX_USEC);
	world_turn(&play->world, 32);
}

static void act_drop(struct play *play)
{
	uint8_t which = fuzz_u8(&play->input);

	if (which == 255)
		while (play->held_count)
			drop_held(play, 0);
	else if (play->held_count)
		drop_held(play, which % play->held_count);
}

static void act_shutdown(struct play *play)
{
	struct peer *peer = pick_peer(play);

	if (peer->fd >= 0)
		shutdown(peer->fd, fuzz_u8(&play->input) % 3);
}

/* Another daemon takes over, as if this one had been killed. */
static void act_restart(struct play *play)
{
	world_stop(&play->world);
	world_start(&play->world, world_state_open(play->state));
	world_check(&play->world);
}

/* The numbers are those of the seeds: new ones go to the end. */
static void act(struct play *play)
{
	switch (fuzz_u8(&play->input) % 13) {
	case 0:
		act_connect(play);
		break;
	case 1:
		act_message(play, 1);
		break;
	case 2:
		act_message(play, 1);
		world_turn(&play->world, 32);
		break;
	case 3:
		act_message(play, fuzz_u8(&play->input) % 40);
		break;
	case 4:
		act_raw(play);
		break;
	case 5:
		act_read(play, false);
		break;
	case 6:
		act_read(play, true);
		break;
	case 7:
		act_drop(play);
		break;
	case 8:
		world_turn(&play->world, fuzz_u8(&play->input) % 64);
		world_check(&play->world);
		break;
	case 9:
		act_clock(play);
		break;
	case 10:
		if (fuzz_u8(&play->input) & 1)
			act_shutdown(play);
		else
			hang_up(pick_peer(play));
		break;
	case 11:
		world_configure(&play->world, fuzz_u8(&play->input));
		break;
	case 12:
		act_restart(play);
		break;
	}
}

static void run(struct play *play)
{
	for (int i = 0; i < ACTIONS_MAX && play->input.left; i++)
		act(play);
	for (int i = 0; i < PEERS; i++)
		hang_up(&play->peers[i]);
	while (play->held_count)
		drop_held(play, 0);
	world_settle(&play->world);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	world_prepare();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct play play;
	unsigned int fds = fuzz_count_fds();
	uint64_t end;

	fuzz_clock_reset();
	play = (struct play){ .input = { data, bytes } };
	for (int i = 0; i < PEERS; i++)
		play.peers[i].fd = -1;
	play.other = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fuzz_require(play.other >= 0);
	play.state = world_state_fd();
	world_start(&play.world, world_state_open(play.state));
	run(&play);
	world_stop(&play.world);
	close(play.other);
	close(play.state);
	/* One that a client had sent may be closed by another thread still. */
	end = fuzz_deadline();
	while (fuzz_count_fds() != fds) {
		fuzz_require(!fuzz_is_over(end));
		usleep(1000);
	}
	return 0;
}
