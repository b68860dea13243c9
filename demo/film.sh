# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The demo's film: raw frames of one size and format, made by ffmpeg. To be
# sourced.

film_width=1280
film_height=720
film_fps=24
film_size=${film_width}x$film_height
film_format=NV12
film_pix_fmt=nv12
film_seconds=${FILM_SECONDS:-5}

# 720p24 of CTA-861: what the HDMI output is set to, and with that the pace.
# shellcheck disable=SC2034 # used by demo/run
film_timings=width=$film_width,height=$film_height,interlaced=0,pixelclock=59400000,hfp=1760,hs=40,hbp=220,vfp=5,vs=5,vbp=20

film_frame_bytes=$((film_width * film_height * 3 / 2))

film_describe()
{
	if [ -n "${FILM:-}" ]; then
		echo "the first $film_seconds s of $FILM, as $film_size $film_format at $film_fps frames a second (FILM_SECONDS= for more, up to 20)"
	else
		echo "a dive into the Mandelbrot set and back, 4 s, $film_size $film_format at $film_fps frames a second"
	fi
}

# There and back, so that the loop has no seam.
film_builtin()
{
	local frames=$((film_fps * 2))

	ffmpeg -v error -nostdin -y -filter_complex \
		"mandelbrot=s=$film_size:r=$film_fps:inner=black:maxiter=600:start_scale=0.05:end_scale=0.0015:end_pts=$frames,trim=end_frame=$frames,hue=h=200:s=0.75,split[in][turn];[turn]reverse[out];[in][out]concat" \
		-pix_fmt "$film_pix_fmt" -f rawvideo "$1"
}

film_convert()
{
	ffmpeg -v error -nostdin -y -t "$film_seconds" -i "file:$FILM" \
		-map 0:v:0 -an -sn -dn -vf \
		"fps=$film_fps,scale=$film_width:$film_height:force_original_aspect_ratio=decrease:force_divisible_by=2,pad=$film_width:$film_height:-1:-1,setsar=1" \
		-t "$film_seconds" -pix_fmt "$film_pix_fmt" -f rawvideo "$1"
}

film_check_wishes()
{
	if ! [[ $film_seconds =~ ^[0-9]+$ ]] ||
		[ "$film_seconds" -lt 1 ] || [ "$film_seconds" -gt 20 ]; then
		echo "FILM_SECONDS=$film_seconds: a whole number from 1 to 20 is needed" >&2
		return 1
	fi
	if [ -n "${FILM:-}" ] && [ ! -r "$FILM" ]; then
		echo "FILM=$FILM: there is no such file, or it cannot be read" >&2
		return 1
	fi
}

# What the film is made from; the same key, the same film.
film_key()
{
	{
		cat "$(dirname "${BASH_SOURCE[0]}")/film.sh"
		if [ -n "${FILM:-}" ]; then
			stat -L -c '%n %s %Y %i' "$FILM"
			echo "$film_seconds"
		fi
	} | sha256sum
}

# film_make FOLDER: makes FOLDER/film.raw, unless it is there already.
film_make()
{
	local raw=$1/film.raw key frames

	key=$(film_key)
	if [ -e "$raw" ] && [ "$key" = "$(cat "$1/film.key" 2>/dev/null)" ]; then
		return
	fi
	rm -f "$1/film.key"
	if [ -n "${FILM:-}" ]; then
		film_convert "$raw"
	else
		film_builtin "$raw"
	fi || return 1
	frames=$(($(stat -c %s "$raw") / film_frame_bytes))
	if [ "$frames" -lt "$film_fps" ]; then
		echo "FILM=${FILM:-}: only $frames frames; a film of a second or more is needed" >&2
		return 1
	fi
	echo "$key" > "$1/film.key"
}
