# SPDX-License-Identifier: MIT
#
# `make demo`: the programs that run in the guest, and the show itself.

DEMO_FILM_OBJS := $(addprefix $(B)/tools/examples/, film.o picture.o)

$(B)/demo/%.o: INC = -Ilib/include

$(B)/demo/fragment: $(addprefix $(B)/demo/, fragment.o meminfo.o)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^

$(B)/demo/baseline: $(addprefix $(B)/demo/, baseline.o capture.o meminfo.o) | $(B)/lib/libcarve.so
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ -L$(B)/lib -lcarve

$(B)/demo/loopback: $(addprefix $(B)/demo/, loopback.o capture.o) $(DEMO_FILM_OBJS) | $(B)/lib/libcarve.so
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ -L$(B)/lib -lcarve

PROGRAMS += $(addprefix $(B)/demo/, fragment baseline loopback)
