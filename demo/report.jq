# SPDX-License-Identifier: MIT
#
# report.json out of what the guest's programs measured.

($player | map(select(.event == "end")) | last) as $ended |
$baseline[0] as $first |
($carve[0].asked - $carve[0].got) as $carve_refused |
{
	kernel: ($release | rtrimstr("\n")),
	region: $region,
	region_bytes: ([$status[0] | .. | objects | .bytes? // empty | tonumber] | first),

	film: $film,
	film_size: $size,
	film_format: $format,
	frames_played: $ended.frames,
	loops: $ended.loops,
	seconds: $ended.seconds,

	carve_failures: ($ended.failures + (if $carve_refused > 0 then 1 else 0 end)),
	carve_buffers: ($ended.allocations + $carve[0].got),
	carve_buffers_while_fragmented:
		($ended.allocations - $broken[0].allocations + $carve[0].got),
	frames_played_while_fragmented: ($ended.frames - $broken[0].frames),
	loops_while_fragmented: ($ended.loops - $broken[0].loops),
	full_hd_buffers_asked: $carve[0].asked,
	full_hd_buffers_got: $carve[0].got,
	full_hd_frames_captured: $carve[0].frames,

	baseline_worked_before: ($healthy[0].got == $healthy[0].asked),
	baseline_attempts: ($baseline | length),
	baseline_failures: ($baseline | map(select(.got < .asked)) | length),
	baseline_errno: $first.error,
	baseline_buffers_asked: $first.asked,
	baseline_buffers_got: $first.got,
	baseline_buffer_bytes: $first.buffer_bytes,
	free_bytes_when_baseline_failed: $first.free_bytes,
	cma_free_bytes_when_baseline_failed: $first.cma_free_bytes,
	largest_buddy_block_bytes: $first.largest_block_bytes,
	largest_buddy_block_bytes_before: $fragment[0].largest_block_before,
	pinned_pages: $fragment[0].pinned_pages,

	frames_compared: $loopback[0].frames_compared,
	frames_equal: $loopback[0].frames_equal,
	frame_number: $loopback[0].film_frame,

	total_seconds: $total
}
