// SPDX-License-Identifier: MIT
#include "name.h"

#include <stdint.h>
#include <string.h>

bool carve_name_ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/* Bytes of the sequence that @lead starts, 0 when none can start so. */
static size_t sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	if (lead >= 0xf0 && lead < 0xf5)
		return 4;
	return 0;
}

/* Return: the character, or -1; it ends where a NUL or a wrong byte is met. */
static int32_t decode(const unsigned char *text, size_t length)
{
	static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int32_t character = length == 1 ? text[0] :
					  text[0] & (0x7f >> length);

	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return -1;
		character = character << 6 | (text[i] & 0x3f);
	}
	if (character < least[length] || character > 0x10ffff ||
	    (character >= 0xd800 && character < 0xe000))
		return -1;
	return character;
}

bool carve_name_is_printable(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		size_t length = sequence_length(*at);
		int32_t character = length ? decode(at, length) : -1;

		if (character < 0x20 || (character >= 0x7f && character < 0xa0))
			return false;
		at += length;
	}
	return true;
}
