# SPDX-License-Identifier: MIT
#
# The table at the end of the demo, out of report.json.

def mib: . / 1048576 | if . < 10 then . * 10 | round / 10 else round end |
	"\(.) MiB";
def pad($n): . + (" " * ([$n - length, 0] | max));
def row($what; $ordinary; $carve): "  " + ($what | pad(36)) +
	($ordinary | pad(31)) + $carve;

"Debian's kernel \(.kernel), region \(.region), \(.region_bytes | mib)",
"",
row(""; "ordinary way (dma_alloc)"; "Carve"),
row("\(.baseline_buffers_asked) buffers of \(.baseline_buffer_bytes | mib), memory whole";
	if .baseline_worked_before then "\(.baseline_buffers_asked) of \(.baseline_buffers_asked)" else "refused" end; "-"),
row("the same, memory in pieces";
	"\(.baseline_buffers_got) of \(.baseline_buffers_asked), \(.baseline_errno), tried \(.baseline_attempts) times";
	"\(.full_hd_buffers_got) of \(.full_hd_buffers_asked), \(.full_hd_frames_captured) frames captured"),
row("free at that moment";
	"\(.free_bytes_when_baseline_failed | mib), of it CMA \(.cma_free_bytes_when_baseline_failed | mib)"; "-"),
row("largest block of the buddy"; "\(.largest_buddy_block_bytes | mib)"; "-"),
row("the film"; "-"; "\(.frames_played) frames, \(.loops) loops, \(.carve_failures) failures"),
row("  of that, memory in pieces"; "-";
	"\(.frames_played_while_fragmented) frames, \(.carve_buffers_while_fragmented) buffers allocated"),
row("captured back, byte for byte"; "-"; "\(.frames_equal) of \(.frames_compared) frames")
