# SPDX-License-Identifier: MIT
#
# `make demo`: the programs that run in the guest, and the show itself.

DEMO_FILM_OBJS := $(addprefix $(B)/tools/examples/, film.o picture.o)
DEMO_PROGRAMS := $(addprefix $(B)/demo/, fragment baseline loopback)
PROGRAMS += $(DEMO_PROGRAMS)

$(B)/demo/%.o: INC = -Ilib/include

$(B)/demo/fragment: $(addprefix $(B)/demo/, fragment.o meminfo.o)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/demo/baseline: $(addprefix $(B)/demo/, baseline.o capture.o meminfo.o) | $(B)/lib/libcarve.so
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ -L$(B)/lib -lcarve

$(B)/demo/loopback: $(addprefix $(B)/demo/, loopback.o capture.o) $(DEMO_FILM_OBJS) | $(B)/lib/libcarve.so
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ -L$(B)/lib -lcarve

# A default of the driver's makefile is no wish of the user's.
DEMO_KERNEL := $(if $(filter file,$(origin KERNEL)),,$(KERNEL))

.PHONY: demo
demo: export KERNEL := $(DEMO_KERNEL)
demo: export FILM := $(FILM)
demo: export REGION := $(REGION)
demo: ## a film loops out of the carve-out; FILM=path KERNEL=6.1|6.12 REGION=no-map|mapped
	@tools/setup.sh build vm demo
	@demo/run
