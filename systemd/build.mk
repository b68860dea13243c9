# SPDX-License-Identifier: MIT
#
# Units, udev rule, user and folder; and `make install`, which puts everything
# where a distribution would. Other makefiles add their parts to it:
#   install: install-PART

SBINDIR ?= $(PREFIX)/sbin
UNITDIR ?= $(PREFIX)/lib/systemd/system
UDEVRULESDIR ?= $(PREFIX)/lib/udev/rules.d
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
SYSCONFDIR ?= /etc
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/carve

# Said once, in daemon/store.h.
STORE_MAX = $(shell awk '$$2 == "CARVE_STORE_MAX" { print $$3 }' daemon/store.h)

.PHONY: install
install: install-lib install-daemon install-systemd install-dts install-man ## put everything where a distribution would (DESTDIR=, PREFIX=)

.PHONY: install-daemon
install-daemon: $(B)/daemon/carved
	install -d $(DESTDIR)$(SBINDIR)
	install -m 755 $(B)/daemon/carved $(DESTDIR)$(SBINDIR)

.PHONY: install-systemd
install-systemd:
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(UDEVRULESDIR) \
		$(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR)
	sed -e 's|@SBINDIR@|$(SBINDIR)|' -e 's|@STORE_MAX@|$(STORE_MAX)|' \
		systemd/carved.service.in \
		> $(DESTDIR)$(UNITDIR)/carved.service
	chmod 644 $(DESTDIR)$(UNITDIR)/carved.service
	install -m 644 systemd/carved.socket $(DESTDIR)$(UNITDIR)
	install -m 644 systemd/60-carve.rules $(DESTDIR)$(UDEVRULESDIR)
	install -m 644 systemd/carve.sysusers $(DESTDIR)$(SYSUSERSDIR)/carve.conf
	install -m 644 systemd/carve.tmpfiles $(DESTDIR)$(TMPFILESDIR)/carve.conf
	install -d $(DESTDIR)$(SYSCONFDIR)/carve/carved.conf.d $(DESTDIR)$(DATADIR)
	install -m 644 systemd/carved.conf $(DESTDIR)$(DATADIR)

# The sources: the address is the board's, so each makes its overlay of them.
.PHONY: install-dts
install-dts:
	install -d $(DESTDIR)$(DATADIR)/dts
	install -m 644 $(wildcard dts/*.dtso dts/bindings/*.yaml) $(DESTDIR)$(DATADIR)/dts

MAN_SOURCES := $(wildcard docs/man/*.scd)
MAN_PAGES := $(MAN_SOURCES:docs/man/%.scd=$(B)/docs/man/%)

$(B)/docs/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@

# NAME.SECTION goes to manSECTION. Without scdoc there are no pages.
.PHONY: install-man
ifneq ($(MAN_SOURCES),)
ifneq ($(shell command -v scdoc),)
install-man: $(MAN_PAGES)
	for page in $(MAN_PAGES); do \
		install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page; done
else
install-man:
	@echo "install: no manual pages, because there is no scdoc"
endif
else
install-man:
endif
