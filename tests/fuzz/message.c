// SPDX-License-Identifier: MIT
#include "message.h"

#define PAGE	4096U

/* Those there are, and two that there are not: 0 is one. */
#define TYPES	(CARVE_MSG_RESUME + 2)

static const char *const labels[] = { "", "main", "aux", "nowhere" };
static const char *const names[] = { "", "film", "big", "Bild \xc3\xa4" };

/* Mostly pages; at times whatever number there is. */
static uint64_t make_size(struct fuzz_input *input)
{
	uint8_t byte = fuzz_u8(input);

	return byte < 240 ? byte * PAGE : fuzz_number(input);
}

static uint64_t make_timeout(struct fuzz_input *input)
{
	uint8_t byte = fuzz_u8(input);

	if (byte < 64)
		return 0;
	if (byte < 128)
		return CARVE_WIRE_FOREVER;
	return byte < 240 ? (byte - 127) * 100000000ULL : fuzz_number(input);
}

static uint32_t make_count(struct fuzz_input *input, uint32_t max)
{
	uint8_t byte = fuzz_u8(input);

	return byte < 192 ? byte % 5 : byte % (max + 2);
}

static size_t make_hello(struct carve_wire_hello *hello, struct fuzz_input *input)
{
	uint8_t byte = fuzz_u8(input);

	hello->version_min = byte < 224 ? 1 : byte & 3;
	hello->version_max = byte < 224 ? 1 : byte >> 2 & 3;
	return sizeof(*hello);
}

static size_t make_alloc(struct carve_wire_alloc *alloc, struct fuzz_input *input)
{
	uint8_t how = fuzz_u8(input);

	if (how & 4)
		alloc->reservation = fuzz_u8(input) % 8;
	if (!alloc->reservation)
		strcpy(alloc->region, labels[how & 3]);
	alloc->timeout_nsec = make_timeout(input);
	alloc->flags = how >> 3 & 1;
	alloc->count = make_count(input, CARVE_WIRE_ALLOC_MAX);
	for (uint32_t i = 0; i < alloc->count; i++) {
		struct carve_wire_alloc_item *item = &alloc->items[i];

		/* Many alike need few bytes. */
		if (i && how & 16) {
			*item = alloc->items[0];
			continue;
		}
		strcpy(item->name, names[how >> 6]);
		if (alloc->reservation) {
			item->class = fuzz_u8(input) % 4;
			continue;
		}
		item->bytes = make_size(input);
		if (how & 32) {
			item->alignment = fuzz_number(input);
			item->limit = fuzz_number(input);
			item->guard_before = (uint32_t)fuzz_number(input);
			item->guard_after = (uint32_t)fuzz_number(input);
		}
	}
	return sizeof(*alloc) + alloc->count * sizeof(alloc->items[0]);
}

static size_t make_reserve(struct carve_wire_reserve *reserve,
			   struct fuzz_input *input)
{
	uint8_t how = fuzz_u8(input);

	reserve->flags = how >> 3 & 3;
	if (how & 4)
		reserve->reservation = fuzz_u8(input) % 8;
	else if (!(reserve->flags & CARVE_WIRE_RESERVE_CLAIM))
		strcpy(reserve->region, labels[how & 3]);
	if (!reserve->reservation)
		strcpy(reserve->name, names[how >> 6]);
	reserve->timeout_nsec = make_timeout(input);
	if (!(reserve->flags & CARVE_WIRE_RESERVE_CLAIM))
		reserve->count = make_count(input, CARVE_WIRE_CLASSES_MAX);
	for (uint32_t i = 0; i < reserve->count; i++) {
		struct carve_wire_class *class = &reserve->classes[i];

		class->bytes = make_size(input);
		class->count = fuzz_u8(input);
		if (how & 32) {
			class->alignment = fuzz_number(input);
			class->limit = fuzz_number(input);
			class->guard_before = (uint32_t)fuzz_number(input);
			class->guard_after = (uint32_t)fuzz_number(input);
		}
	}
	return sizeof(*reserve) + reserve->count * sizeof(reserve->classes[0]);
}

static size_t make_body(union message *message, struct fuzz_input *input,
			const struct message_facts *facts)
{
	switch (message->header.type) {
	case CARVE_MSG_HELLO:
		return make_hello(&message->hello, input);
	case CARVE_MSG_ALLOC:
		return make_alloc(&message->alloc, input);
	case CARVE_MSG_LIST:
		message->list.cursor = fuzz_u8(input) & 1 ? facts->cursor : 0;
		return sizeof(message->list);
	case CARVE_MSG_RESERVE:
		return make_reserve(&message->reserve, input);
	case CARVE_MSG_RESERVATIONS:
		message->reservations.cursor = fuzz_number(input);
		return sizeof(message->reservations);
	case CARVE_MSG_WATCH:
		message->watch.flags = fuzz_u8(input) & 1;
		return sizeof(message->watch);
	case CARVE_MSG_CANCEL:
		message->cancel.request = message->header.id - (fuzz_u8(input) & 3);
		return sizeof(message->cancel);
	case CARVE_MSG_RESUME:
		message->resume.epoch = facts->epoch;
		if (fuzz_u8(input) < 224) {
			message->resume.client = facts->client;
			memcpy(message->resume.secret, facts->secret,
			       sizeof(facts->secret));
		}
		return sizeof(message->resume);
	default:
		return sizeof(message->header);
	}
}

size_t message_spoil(void *message, size_t bytes, size_t room,
		     struct fuzz_input *input)
{
	uint8_t how = fuzz_u8(input);

	/* Most are left as they are: else little would get far. */
	if (how < 200)
		return bytes;
	for (int i = 0; i < (how & 3); i++) {
		size_t at = fuzz_u16(input) % room;
		uint64_t value = fuzz_number(input);
		size_t width = 1U << (how >> 2 & 3);

		if (at + width <= room)
			memcpy((uint8_t *)message + at, &value, width);
	}
	if (how & 16)
		bytes = (bytes + fuzz_u16(input) % 512) % (room + 1);
	return bytes;
}

size_t message_make(union message *message, struct fuzz_input *input,
		    const struct message_facts *facts)
{
	size_t bytes;

	memset(message, 0, sizeof(*message));
	message->header.type = fuzz_u8(input) % TYPES;
	message->header.id = facts->id;
	bytes = make_body(message, input, facts);
	message->header.bytes = (uint32_t)bytes;
	return message_spoil(message, bytes, sizeof(*message), input);
}
