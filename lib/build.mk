# SPDX-License-Identifier: MIT
#
# libcarve: shared (with its development link) and static.

LIB_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard lib/*.c))
LIB_SO := $(B)/lib/libcarve.so
LIB_A := $(B)/lib/libcarve.a

# Where the machine's dynamic linker looks: the multiarch folder, if it has one.
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR ?= $(PREFIX)/lib$(if $(MULTIARCH),/$(MULTIARCH))
INCLUDEDIR ?= $(PREFIX)/include

PROGRAMS += $(LIB_SO) $(LIB_A)

$(LIB_OBJS): INC = -Ilib -Ilib/include -D_FILE_OFFSET_BITS=64 -fPIC -pthread

$(LIB_SO).0: $(LIB_OBJS) lib/libcarve.map
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -shared -pthread \
		-Wl,-soname,libcarve.so.0 -Wl,--version-script,lib/libcarve.map \
		$(if $(SANFLAGS),,-Wl,-z,defs) -o $@ $(LIB_OBJS)

$(LIB_SO): $(LIB_SO).0
	ln -sf libcarve.so.0 $@

$(LIB_A): $(LIB_OBJS)
	rm -f $@
	$(if $(GUEST),aarch64-linux-gnu-)ar rcs $@ $^

.PHONY: check-exports
check-exports: $(LIB_SO) ## the library exports what carve.h declares, no more
	lib/check-exports $(if $(GUEST),aarch64-linux-gnu-)nm $(LIB_SO).0

.PHONY: install-lib
install-lib: $(LIB_SO) $(LIB_A)
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)
	install -m 644 $(LIB_SO).0 $(LIB_A) $(DESTDIR)$(LIBDIR)
	ln -sf libcarve.so.0 $(DESTDIR)$(LIBDIR)/libcarve.so
	install -m 644 $(wildcard lib/include/*.h) $(DESTDIR)$(INCLUDEDIR)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		lib/carve.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/carve.pc
