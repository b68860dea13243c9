# SPDX-License-Identifier: MIT
#
# The daemon, its unit tests and its manual page.

# Placement knows nothing of the rest, so it is compiled on its own for tests.
PLACEMENT_OBJS := $(addprefix $(B)/daemon/,gap-tree.o gaps.o gaps-lowest.o \
	choice.o habit.o placement.o \
	slots.o slots-change.o)
DAEMON_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard daemon/*.c))

SYSTEMD_CFLAGS = $(shell $(PKG_CONFIG) --cflags libsystemd)
SYSTEMD_LIBS = $(shell $(PKG_CONFIG) --libs libsystemd)

INIH_CFLAGS = $(shell $(PKG_CONFIG) --cflags inih)
INIH_LIBS = $(shell $(PKG_CONFIG) --libs inih)

PROGRAMS += $(B)/daemon/carved

# An include that the architecture does not allow does not compile: the pure
# files see only their own folder, and only the backend sees the driver.
$(DAEMON_OBJS): INC = -Ilib -Ilib/include -pthread $(SYSTEMD_CFLAGS) $(INIH_CFLAGS)
$(PLACEMENT_OBJS): INC =
$(B)/daemon/device.o: INC = -Ikernel/uapi
$(filter $(B)/daemon/simulated%,$(DAEMON_OBJS)): INC = -Ilib -pthread

$(B)/daemon/carved: $(DAEMON_OBJS)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ \
		$(SYSTEMD_LIBS) $(INIH_LIBS)

SURVEY_OBJS := $(addprefix $(B)/daemon/,survey.o survey-all.o)
$(SURVEY_OBJS) $(B)/daemon/earmark.o: INC =
$(B)/daemon/ration.o: INC =
UNIT_OBJS_test-ration := $(B)/daemon/ration.o
UNIT_INC_test-ration := -Idaemon
UNIT_OBJS_test-closer := $(B)/daemon/closer.o
UNIT_INC_test-closer := -Idaemon
UNIT_OBJS_test-queue := $(B)/daemon/queue.o
UNIT_INC_test-queue := -Idaemon -Ilib -Ilib/include $(SYSTEMD_CFLAGS)
UNIT_LIBS_test-queue = $(SYSTEMD_LIBS)
UNIT_OBJS_test-survey := $(SURVEY_OBJS)
UNIT_INC_test-survey := -Idaemon
UNIT_OBJS_test-earmark := $(SURVEY_OBJS) $(B)/daemon/earmark.o $(PLACEMENT_OBJS)
UNIT_INC_test-earmark := -Idaemon
UNIT_OBJS_test-placement := $(PLACEMENT_OBJS)
UNIT_INC_test-placement := -Idaemon
UNIT_OBJS_test-arena := $(B)/daemon/arena.o
UNIT_INC_test-arena := -Idaemon
UNIT_OBJS_test-gaps := $(PLACEMENT_OBJS)
UNIT_INC_test-gaps := -Idaemon
UNIT_OBJS_test-choice := $(PLACEMENT_OBJS)
UNIT_INC_test-choice := -Idaemon
UNIT_OBJS_test-habit := $(PLACEMENT_OBJS)
UNIT_INC_test-habit := -Idaemon
UNIT_OBJS_test-placement-twin := $(PLACEMENT_OBJS)
UNIT_INC_test-placement-twin := -Idaemon
UNIT_OBJS_test-slots := $(PLACEMENT_OBJS)
UNIT_INC_test-slots := -Idaemon
UNIT_OBJS_test-slots-adversary := $(PLACEMENT_OBJS) $(B)/tests/unit/slots-world.o
$(B)/tests/unit/slots-world.o: INC = -Idaemon
UNIT_INC_test-slots-adversary := -Idaemon
UNIT_OBJS_test-scrubber := $(B)/daemon/scrubber.o
UNIT_INC_test-scrubber := -Idaemon
STATE_OBJS := $(addprefix $(B)/daemon/,state.o state-load.o state-cell.o)
UNIT_OBJS_test-state := $(STATE_OBJS) $(B)/tests/unit/stepper.o
UNIT_INC_test-state := -Idaemon -Ilib
UNIT_OBJS_test-state-damage := $(STATE_OBJS)
UNIT_INC_test-state-damage := -Idaemon -Ilib
UNIT_OBJS_test-state-free := $(STATE_OBJS)
UNIT_INC_test-state-free := -Idaemon -Ilib
$(B)/tests/unit/stepper.o: INC =
RESTORE_TEST_OBJS := $(addprefix $(B)/tests/unit/,fake-device.o restore-world.o \
	stepper.o)
$(filter-out %/stepper.o,$(RESTORE_TEST_OBJS)): INC = -Idaemon -Ilib -Ilib/include \
	-pthread $(SYSTEMD_CFLAGS)
UNIT_OBJS_test-restore := $(filter-out %/main.o,$(DAEMON_OBJS)) $(RESTORE_TEST_OBJS)
UNIT_INC_test-restore := -Idaemon -Ilib -Ilib/include $(SYSTEMD_CFLAGS)
UNIT_LIBS_test-restore = $(SYSTEMD_LIBS) $(INIH_LIBS)
UNIT_OBJS_test-restore-lost := $(UNIT_OBJS_test-restore)
UNIT_INC_test-restore-lost := $(UNIT_INC_test-restore)
UNIT_LIBS_test-restore-lost = $(SYSTEMD_LIBS) $(INIH_LIBS)
UNIT_OBJS_test-restore-gone := $(UNIT_OBJS_test-restore)
UNIT_INC_test-restore-gone := $(UNIT_INC_test-restore)
UNIT_LIBS_test-restore-gone = $(SYSTEMD_LIBS) $(INIH_LIBS)
UNIT_OBJS_test-resume := $(UNIT_OBJS_test-restore)
UNIT_INC_test-resume := $(UNIT_INC_test-restore)
UNIT_LIBS_test-resume = $(SYSTEMD_LIBS) $(INIH_LIBS)
UNIT_OBJS_test-export := $(filter-out %/main.o,$(DAEMON_OBJS))
UNIT_INC_test-export := $(UNIT_INC_test-restore)
UNIT_LIBS_test-export = $(SYSTEMD_LIBS) $(INIH_LIBS)
UNIT_OBJS_test-session := $(filter-out %/main.o,$(DAEMON_OBJS))
UNIT_INC_test-session := $(UNIT_INC_test-restore)
UNIT_LIBS_test-session = $(SYSTEMD_LIBS) $(INIH_LIBS)
UNIT_OBJS_test-restore-kill := $(UNIT_OBJS_test-restore)
UNIT_INC_test-restore-kill := $(UNIT_INC_test-restore)
UNIT_LIBS_test-restore-kill = $(SYSTEMD_LIBS) $(INIH_LIBS)
SIMULATED_OBJS := $(STATE_OBJS) $(addprefix $(B)/daemon/,arena.o tree.o simulated.o \
	simulated-books.o simulated-keep.o simulated-memfd.o simulated-watch.o)
UNIT_OBJS_test-simulated := $(SIMULATED_OBJS)
UNIT_INC_test-simulated := -Idaemon -Ilib
UNIT_OBJS_test-simulated-books := $(SIMULATED_OBJS)
UNIT_INC_test-simulated-books := -Idaemon -Ilib
UNIT_OBJS_test-simulated-restore := $(SIMULATED_OBJS) $(B)/tests/unit/restore-process.o
$(B)/tests/unit/restore-process.o: INC = -Idaemon -Ilib -pthread
UNIT_INC_test-simulated-restore := -Idaemon -Ilib
UNIT_OBJS_test-exit-status := $(B)/daemon/exit-status.o
UNIT_INC_test-exit-status := -Idaemon
CONFIG_OBJS := $(addprefix $(B)/daemon/,config.o config-file.o config-key.o \
	config-section.o config-value.o name.o)
UNIT_OBJS_test-config := $(CONFIG_OBJS)
UNIT_INC_test-config := -Idaemon -Ilib
UNIT_LIBS_test-config = $(INIH_LIBS)
UNIT_OBJS_test-config-mistakes := $(CONFIG_OBJS)
UNIT_INC_test-config-mistakes := -Idaemon -Ilib
UNIT_LIBS_test-config-mistakes = $(INIH_LIBS)
UNIT_OBJS_test-quota := $(addprefix $(B)/daemon/,quota.o charges.o)
UNIT_INC_test-quota := -Idaemon -Ilib -Ilib/include
UNIT_INC_test-memory-limit := -Idaemon -Ilib -Ilib/include $(shell $(PKG_CONFIG) --cflags libsystemd)
UNIT_OBJS_test-name := $(B)/daemon/name.o
UNIT_INC_test-name := -Idaemon
