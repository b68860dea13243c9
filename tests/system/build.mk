# SPDX-License-Identifier: MIT
#
# Programs that test the whole from above, on whatever region the machine's
# carved has: in the guest, that of the driver.

SYSTEM_NAMES := $(patsubst tests/system/%.c,%,$(wildcard tests/system/*.c))
SYSTEM_TESTS := $(addprefix $(B)/tests/system/,$(SYSTEM_NAMES))
GUEST_PROGRAMS += $(SYSTEM_TESTS)

$(SYSTEM_TESTS:=.o): INC = -Ilib/include
$(SYSTEM_TESTS): %: %.o $(LIB_SO)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -L$(B)/lib -lcarve
