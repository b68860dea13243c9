# SPDX-License-Identifier: MIT
#
# The example player and the README's example: public API only.

PLAYER_OBJS := $(addprefix $(B)/tools/examples/, carve-player.o film.o frames.o \
	picture.o play.o report.o video-output.o)

$(B)/tools/examples/%.o: INC = -Ilib/include

$(B)/tools/carve-player: $(PLAYER_OBJS) $(B)/lib/libcarve.so
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $(PLAYER_OBJS) -L$(B)/lib -lcarve

$(B)/tools/examples/ten-lines: $(B)/tools/examples/ten-lines.o $(B)/lib/libcarve.so
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $< -L$(B)/lib -lcarve

PROGRAMS += $(B)/tools/carve-player $(B)/tools/examples/ten-lines

# The case `player` of the VM tests runs it.
GUEST_PROGRAMS += $(B)/tools/examples/ten-lines

.PHONY: install-examples
install-examples: $(B)/tools/carve-player
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(B)/tools/carve-player $(DESTDIR)$(PREFIX)/bin

install: install-examples
