# SPDX-License-Identifier: MIT
#
# carvectl, over the public interface alone, and the examples.

CARVECTL_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tools/carvectl*.c))

PROGRAMS += $(B)/tools/carvectl

$(CARVECTL_OBJS): INC = -Ilib/include $(shell $(PKG_CONFIG) --cflags smartcols)

$(B)/tools/carvectl: $(CARVECTL_OBJS) $(LIB_SO)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(CARVECTL_OBJS) \
		-L$(B)/lib -lcarve $$($(PKG_CONFIG) --libs smartcols)

include tools/examples/build.mk

.PHONY: install-tools
install: install-tools
install-tools: $(B)/tools/carvectl install-lib
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(B)/tools/carvectl $(DESTDIR)$(PREFIX)/bin
