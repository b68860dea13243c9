// SPDX-License-Identifier: MIT
/* Values as text, for people and for programs. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "carvectl.h"

static const char units[] = "KMGTPE";

const char *carvectl_size(uint64_t bytes, bool exact, char *text)
{
	double value = bytes;
	int unit = -1, length;

	if (exact) {
		snprintf(text, CARVECTL_TEXT, "%" PRIu64, bytes);
		return text;
	}
	while (value >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	if (unit < 0) {
		snprintf(text, CARVECTL_TEXT, "%" PRIu64 " B", bytes);
		return text;
	}
	length = snprintf(text, CARVECTL_TEXT, "%.2f", value);
	while (text[length - 1] == '0')
		length--;
	if (!isdigit((unsigned char)text[length - 1]))
		length--;
	snprintf(text + length, CARVECTL_TEXT - length, " %ciB", units[unit]);
	return text;
}

/* "", "B", "K", "KB", "KiB", ...: the power of two, or -1. */
static int parse_unit(const char *text)
{
	const char *unit;

	while (*text == ' ')
		text++;
	if (!*text || !strcasecmp(text, "B"))
		return 0;
	unit = strchr(units, toupper((unsigned char)*text));
	text++;
	if (!unit || (*text && strcasecmp(text, "B") && strcasecmp(text, "iB")))
		return -1;
	return 10 * (int)(unit - units + 1);
}

/*
 * @whole and @part / @scale, times 2 to the power of @shift, rounded up. One
 * doubling after the other: with 32 bits no integer holds the product.
 */
static int scale_up(uint64_t whole, uint64_t part, uint64_t scale, int shift,
		    uint64_t *ret)
{
	while (shift--) {
		part *= 2;
		if (whole > UINT64_MAX / 2)
			return -ERANGE;
		whole = whole * 2 + part / scale;
		part %= scale;
	}
	if (part && whole == UINT64_MAX)
		return -ERANGE;
	*ret = whole + (part ? 1 : 0);
	return 0;
}

int carvectl_parse_size(const char *text, uint64_t *ret)
{
	uint64_t whole = 0, part = 0, scale = 1;
	bool digits = false, fraction = false;
	int shift;

	for (; isdigit((unsigned char)*text) || (*text == '.' && !fraction);
	     text++) {
		unsigned int digit = *text - '0';

		if (*text == '.') {
			fraction = true;
			continue;
		}
		digits = true;
		if (fraction) {
			part = part * 10 + digit;
			scale *= 10;
		} else if (whole > (UINT64_MAX - digit) / 10) {
			return -ERANGE;
		} else {
			whole = whole * 10 + digit;
		}
		/* More than that is finer than a byte. */
		if (scale > 1000000000)
			return -EINVAL;
	}
	shift = parse_unit(text);
	if (!digits || shift < 0)
		return -EINVAL;
	return scale_up(whole, part, scale, shift, ret);
}

/* UTF-8 whatever the user's locale is, which need not be one of it. */
static locale_t utf8(void)
{
	static locale_t locale;

	if (!locale)
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return locale;
}

const char *carvectl_clean(const char *from, char *text)
{
	locale_t before = utf8() ? uselocale(utf8()) : (locale_t)0;
	size_t left = strnlen(from, CARVECTL_TEXT - 1);
	char *to = text;

	while (left) {
		mbstate_t state = { 0 };
		wchar_t wide;
		size_t length = mbrtowc(&wide, from, left, &state);

		if (length > left || !length || !iswprint(wide)) {
			length = length > left || !length ? 1 : length;
			*to++ = '?';
		} else {
			memcpy(to, from, length);
			to += length;
		}
		from += length;
		left -= length;
	}
	*to = '\0';
	if (before)
		uselocale(before);
	return text;
}

const char *carvectl_user(uint32_t uid, char *text)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		return carvectl_clean(user->pw_name, text);
	snprintf(text, CARVECTL_TEXT, "%" PRIu32, uid);
	return text;
}

const char *carvectl_command(int32_t pid, char *text)
{
	char path[40], comm[CARVECTL_TEXT] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%" PRId32 "/comm", pid);
	file = pid > 0 ? fopen(path, "re") : NULL;
	if (file) {
		size_t length = fread(comm, 1, sizeof(comm) - 1, file);

		fclose(file);
		if (length && comm[length - 1] == '\n')
			comm[length - 1] = '\0';
	}
	return carvectl_clean(*comm ? comm : "-", text);
}
