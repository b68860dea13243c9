// SPDX-License-Identifier: MIT
#include "config-value.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "protocol.h"

/* What systemd allows in the name of a unit. */
#define UNIT_CHARACTERS	"abcdefghijklmnopqrstuvwxyz" \
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@"

/* Digits to the end, without the signs and spaces that strtoull() takes. */
static int parse_digits(const char *text, int base, const char **ret_end,
			uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (base == 16 ? !isxdigit((unsigned char)text[0]) :
			 !isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, base);
	if (errno || value > INT64_MAX)
		return -ERANGE;
	*ret_end = end;
	*ret = value;
	return 0;
}

int carve_value_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	unsigned int shift = 0;
	uint64_t value;
	const char *end;
	int r = parse_digits(text, 10, &end, &value);

	if (r < 0)
		return r;
	if (*end && strchr(units, *end))
		shift = 10 * (unsigned int)(strchr(units, *end++) - units + 1);
	if (*end)
		return -EINVAL;
	if (value > (uint64_t)INT64_MAX >> shift)
		return -ERANGE;
	*ret = value << shift;
	return 0;
}

int carve_value_address(const char *text, uint64_t *ret)
{
	uint64_t value;
	const char *end;
	int r;

	if (strncmp(text, "0x", 2) != 0)
		return carve_value_size(text, ret);
	r = parse_digits(text + 2, 16, &end, &value);
	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*ret = value;
	return 0;
}

int carve_value_number(const char *text, long min, long max, long *ret)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	uint64_t value;
	const char *end;
	int r = parse_digits(digits, 10, &end, &value);
	long number;

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	if (value > INT32_MAX)
		return -ERANGE;
	number = digits == text ? (long)value : -(long)value;
	if (number < min || number > max)
		return -ERANGE;
	*ret = number;
	return 0;
}

int carve_value_bool(const char *text, bool *ret)
{
	static const char *const words[] = { "no", "false", "off",
					     "yes", "true", "on" };

	for (size_t i = 0; i < 6; i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		*ret = i >= 3;
		return 0;
	}
	return -EINVAL;
}

/* All ids but the last, which stands for "none" in system calls. */
static int parse_id(const char *text, uint32_t *ret)
{
	uint64_t value;
	const char *end;

	if (parse_digits(text, 10, &end, &value) < 0 || *end ||
	    value >= UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

int carve_value_uid(const char *text, uid_t *ret)
{
	const struct passwd *user;

	if (isdigit((unsigned char)text[0]))
		return parse_id(text, ret);
	user = getpwnam(text);
	if (!user)
		return -EINVAL;
	*ret = user->pw_uid;
	return 0;
}

int carve_value_gid(const char *text, gid_t *ret)
{
	const struct group *group;

	if (isdigit((unsigned char)text[0]))
		return parse_id(text, ret);
	group = getgrnam(text);
	if (!group)
		return -EINVAL;
	*ret = group->gr_gid;
	return 0;
}

bool carve_value_is_unit(const char *text)
{
	const char *suffix = strrchr(text, '.');

	/* One character less than there is room for: see struct
	 * carve_config_match.
	 */
	return suffix && suffix > text &&
	       (!strcmp(suffix, ".service") || !strcmp(suffix, ".scope")) &&
	       strlen(text) < CARVE_WIRE_UNIT - 1 &&
	       !text[strspn(text, UNIT_CHARACTERS)];
}

bool carve_value_is_label(const char *text)
{
	size_t bytes = strlen(text);

	return bytes && bytes < CARVE_WIRE_LABEL && text[0] != '.' &&
	       !strchr(text, '/') && carve_name_is_printable(text);
}
