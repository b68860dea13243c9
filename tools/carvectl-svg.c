// SPDX-License-Identifier: MIT
/*
 * The picture: the region folded into rows like lines of text, extents to
 * scale, a label where there is room for one, the rest on hovering.
 */
#include <string.h>

#include "carvectl-svg.h"

/* Pixels. */
#define WIDTH		1000
#define LEFT		110	/* offsets stand here */
#define RIGHT		30
#define BAR		(WIDTH - LEFT - RIGHT)
#define TOP		92
#define ROW		34
#define ROW_GAP		8
#define LEGEND_LINE	26
#define LEGEND_COLUMNS	2
#define LETTER		7.0	/* about, at 12 px */

#define ROWS_MAX	16
#define ROW_MIN_BYTES	(64ULL << 10)

/*
 * After Okabe and Ito, whose colours were chosen for every kind of colour
 * vision; with what can be read on them.
 */
static const struct {
	const char *fill;
	const char *text;
} colours[CARVECTL_SVG_OWNERS] = {
	{ "#0072b2", "#fff" }, { "#e69f00", "#222" }, { "#009e73", "#fff" },
	{ "#cc79a7", "#222" }, { "#d55e00", "#fff" }, { "#56b4e9", "#222" },
	{ "#f0e442", "#222" }, { "#6b6b6b", "#fff" },
};

/* Where on the paper a region of any size goes. */
struct paper {
	unsigned int rows;
	uint64_t row_bytes;
	unsigned int height;
};

static void print_text(const char *from)
{
	char text[CARVECTL_TEXT];

	for (const char *c = carvectl_clean(from, text); *c; c++) {
		switch (*c) {
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '&':
			fputs("&amp;", stdout);
			break;
		default:
			putchar(*c);
		}
	}
}

static const char *memory(const struct carve_region_info *region)
{
	if (region->flags & CARVE_REGION_SIMULATED)
		return "simulated: not physically contiguous";
	return region->flags & CARVE_REGION_CACHED ? "cached" : "write-combined";
}

static struct paper plan(const struct carvectl_svg *svg)
{
	uint64_t bytes = svg->region->bytes;
	size_t entries = svg->owner_count + 2 + !!svg->reserved_bytes;
	struct paper paper;

	/* A power of two, so that rows begin at round offsets. */
	paper.row_bytes = ROW_MIN_BYTES;
	while ((bytes - 1) / paper.row_bytes >= ROWS_MAX)
		paper.row_bytes *= 2;
	paper.rows = (bytes - 1) / paper.row_bytes + 1;
	paper.height = TOP + paper.rows * (ROW + ROW_GAP) + 24 +
		       (entries + 1) / LEGEND_COLUMNS * LEGEND_LINE + 10;
	return paper;
}

static void print_head(const struct carvectl_svg *svg, const struct paper *paper)
{
	const struct carve_region_info *region = svg->region;
	char text[CARVECTL_TEXT];

	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
	       "height=\"%u\" viewBox=\"0 0 %d %u\" font-family=\"system-ui, "
	       "'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"#222\">\n",
	       WIDTH, paper->height, WIDTH, paper->height);
	printf("<title>Map of region ");
	print_text(region->label);
	printf("</title>\n<defs>\n"
	       "<pattern id=\"dirty\" width=\"8\" height=\"8\" "
	       "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
	       "<rect width=\"8\" height=\"8\" fill=\"#d9d4cc\"/>"
	       "<rect width=\"3\" height=\"8\" fill=\"#a39b8f\"/></pattern>\n"
	       "<pattern id=\"reserved\" width=\"8\" height=\"8\" "
	       "patternUnits=\"userSpaceOnUse\">"
	       "<rect width=\"8\" height=\"8\" fill=\"#dbe7f3\"/>"
	       "<circle cx=\"4\" cy=\"4\" r=\"1.5\" fill=\"#5b7fa6\"/></pattern>\n"
	       "</defs>\n"
	       "<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"#fff\"/>\n");
	printf("<text x=\"%d\" y=\"40\" font-size=\"22\" font-weight=\"600\">",
	       RIGHT);
	print_text(region->label);
	printf("</text>\n<text x=\"%d\" y=\"64\" fill=\"#666\">%s, %s; ",
	       RIGHT, carvectl_size(region->bytes, svg->exact, text),
	       memory(region));
	printf("%u row%s of %s</text>\n", paper->rows,
	       paper->rows == 1 ? "" : "s",
	       carvectl_size(paper->row_bytes, svg->exact, text));
}

/* Rows, empty: what is free stays as it is here. */
static void print_rows(const struct carvectl_svg *svg, const struct paper *paper)
{
	char text[CARVECTL_TEXT];

	for (unsigned int row = 0; row < paper->rows; row++) {
		uint64_t start = row * paper->row_bytes;
		uint64_t bytes = paper->row_bytes;
		unsigned int y = TOP + row * (ROW + ROW_GAP);

		if (bytes > svg->region->bytes - start)
			bytes = svg->region->bytes - start;
		printf("<text x=\"%d\" y=\"%u\" text-anchor=\"end\" "
		       "fill=\"#666\">%s</text>\n", LEFT - 10,
		       y + ROW / 2 + 4, carvectl_size(start, svg->exact, text));
		printf("<rect x=\"%d\" y=\"%u\" width=\"%.2f\" height=\"%d\" "
		       "fill=\"#eef1f4\" stroke=\"#cfd6dd\"/>\n", LEFT, y,
		       (double)BAR * bytes / paper->row_bytes, ROW);
	}
}

static void print_hint(const struct carvectl_svg *svg,
		       const struct carvectl_svg_extent *extent)
{
	const struct carve_buffer_info *buffer = extent->buffer;
	char text[CARVECTL_TEXT];

	printf("<title>%s at ", carvectl_size(buffer->bytes, svg->exact, text));
	printf("%s", carvectl_size(buffer->offset, svg->exact, text));
	if (extent->owner == CARVECTL_SVG_DIRTY) {
		printf(": released, being zeroed</title>");
		return;
	}
	if (extent->owner == CARVECTL_SVG_RESERVED) {
		printf(": reserved by ");
		print_text(carvectl_user(buffer->uid, text));
		printf("%s", *buffer->name ? ", " : "");
		print_text(buffer->name);
		printf("</title>");
		return;
	}
	printf(": ");
	print_text(*buffer->name ? buffer->name : "no name");
	printf(", buffer %llu of ", (unsigned long long)buffer->id);
	print_text(carvectl_user(buffer->uid, text));
	if (buffer->pid > 0) {
		printf(", process %d ", buffer->pid);
		print_text(carvectl_command(buffer->pid, text));
	}
	printf("</title>");
}

static const char *fill_of(const struct carvectl_svg_extent *extent)
{
	if (extent->owner == CARVECTL_SVG_DIRTY)
		return "url(#dirty)";
	return extent->owner == CARVECTL_SVG_RESERVED ? "url(#reserved)" :
							 colours[extent->owner].fill;
}

/* One row's share of an extent, from @from to @to inside the row. */
static void print_piece(const struct carvectl_svg *svg, const struct paper *paper,
			const struct carvectl_svg_extent *extent,
			unsigned int row, uint64_t from, uint64_t to)
{
	double x = LEFT + (double)BAR * from / paper->row_bytes;
	double width = (double)BAR * (to - from) / paper->row_bytes;
	unsigned int y = TOP + row * (ROW + ROW_GAP);
	const char *name = extent->buffer->name;

	printf("<g><rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" "
	       "fill=\"%s\" stroke=\"#fff\" stroke-width=\"%s\"/>", x, y,
	       width < 0.5 ? 0.5 : width, ROW,
	       fill_of(extent),
	       width > 3 ? "1" : "0");
	print_hint(svg, extent);
	if (extent->owner >= 0 && *name && strlen(name) * LETTER + 24 < width) {
		printf("<text x=\"%.2f\" y=\"%u\" text-anchor=\"middle\" "
		       "fill=\"%s\" pointer-events=\"none\">%s",
		       x + width / 2, y + ROW / 2 + 4,
		       colours[extent->owner].text,
		       row * paper->row_bytes + from > extent->buffer->offset ?
		       "\u2026 " : "");
		print_text(name);
		printf("</text>");
	}
	printf("</g>\n");
}

static void print_extent(const struct carvectl_svg *svg, const struct paper *paper,
			 const struct carvectl_svg_extent *extent)
{
	uint64_t at = extent->buffer->offset;
	uint64_t end = at + extent->buffer->bytes;

	while (at < end) {
		unsigned int row = at / paper->row_bytes;
		uint64_t start = row * paper->row_bytes;
		uint64_t left = paper->row_bytes - (at - start);
		uint64_t bytes = end - at < left ? end - at : left;

		print_piece(svg, paper, extent, row, at - start,
			    at - start + bytes);
		at += bytes;
	}
}

static void legend_place(const struct paper *paper, size_t entry,
			 unsigned int *x, unsigned int *y)
{
	*x = LEFT + entry % LEGEND_COLUMNS * (BAR / LEGEND_COLUMNS);
	*y = TOP + paper->rows * (ROW + ROW_GAP) + 16 +
	     entry / LEGEND_COLUMNS * LEGEND_LINE;
}

static void print_sample(const struct paper *paper, size_t entry,
			 const char *fill, const char *stroke)
{
	unsigned int x, y;

	legend_place(paper, entry, &x, &y);
	printf("<rect x=\"%u\" y=\"%u\" width=\"16\" height=\"16\" rx=\"2\" "
	       "fill=\"%s\" stroke=\"%s\"/><text x=\"%u\" y=\"%u\">", x, y,
	       fill, stroke, x + 24, y + 12);
}

/* The largest hole between extents, which lie by address. */
static uint64_t largest_hole(const struct carvectl_svg *svg)
{
	uint64_t end = 0, largest = 0;

	for (size_t i = 0; i <= svg->extent_count; i++) {
		const struct carve_buffer_info *next = NULL;
		uint64_t start = svg->region->bytes;

		if (i < svg->extent_count) {
			next = svg->extents[i].buffer;
			start = next->offset;
		}
		if (start > end && start - end > largest)
			largest = start - end;
		if (next && next->offset + next->bytes > end)
			end = next->offset + next->bytes;
	}
	return largest;
}

static void print_legend(const struct carvectl_svg *svg, const struct paper *paper)
{
	uint64_t used = svg->live_bytes + svg->dirty_bytes +
			svg->reserved_bytes;
	uint64_t rest = used < svg->region->bytes ? svg->region->bytes - used : 0;
	size_t entry = 0;
	char text[CARVECTL_TEXT];

	for (; entry < svg->owner_count; entry++) {
		const struct carvectl_svg_owner *owner = &svg->owners[entry];

		print_sample(paper, entry, colours[entry].fill, "none");
		print_text(carvectl_user(owner->uid, text));
		printf("%s: %s in %zu buffer%s</text>\n",
		       owner->others ? " and others" : "",
		       carvectl_size(owner->bytes, svg->exact, text),
		       owner->buffers, owner->buffers == 1 ? "" : "s");
	}
	print_sample(paper, entry++, "url(#dirty)", "none");
	printf("dirty: %s released, being zeroed</text>\n",
	       carvectl_size(svg->dirty_bytes, svg->exact, text));
	if (svg->reserved_bytes) {
		print_sample(paper, entry++, "url(#reserved)", "none");
		printf("reserved: %s without a buffer now</text>\n",
		       carvectl_size(svg->reserved_bytes, svg->exact, text));
	}
	print_sample(paper, entry, "#eef1f4", "#cfd6dd");
	printf("free: %s, ", carvectl_size(rest, svg->exact, text));
	printf("largest hole %s</text>\n",
	       carvectl_size(largest_hole(svg), svg->exact, text));
}

void carvectl_svg_print(const struct carvectl_svg *svg)
{
	struct paper paper = plan(svg);

	print_head(svg, &paper);
	print_rows(svg, &paper);
	for (size_t i = 0; i < svg->extent_count; i++)
		print_extent(svg, &paper, &svg->extents[i]);
	print_legend(svg, &paper);
	printf("</svg>\n");
}
