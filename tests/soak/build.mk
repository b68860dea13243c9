# SPDX-License-Identifier: MIT
#
# Hours of everything at once on a simulated region; not part of `make check`.

SOAK := $(B)/tests/soak/soak
SOAK_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/soak/*.c))

$(SOAK_OBJS): INC = -Ilib -Ilib/include -Itests/daemon -pthread

$(SOAK): $(SOAK_OBJS) $(SERVICE_SHARED) $(LIB_A)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ \
		$$($(PKG_CONFIG) --libs cmocka libsystemd)

# SOAK_LEAK=1 keeps a buffer: it has to fail, and to say which.
.PHONY: soak
soak: $(SOAK) $(B)/daemon/carved ## a mixed load with faults for T=600 seconds, or CYCLES=10000000
	@T="$(T)" CYCLES="$(CYCLES)" $<
