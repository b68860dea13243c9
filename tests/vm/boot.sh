#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/boot.sh OPTION... CASE...: boots the guest once, runs the case
# scripts in it one after the other and prints a result line for each.
#
#   --out FOLDER       where everything about the run goes; emptied first
#   --kernel NAME      one of kernel.sh
#   --region VARIANT   mapped, no-map, outside or mem: see tree.sh
#   --payload FOLDER   laid over the guest's root; may be given several times
#   --name PREFIX      put before every result's name
#   --memory MIB       RAM, default 1024
#   --machine OPTIONS  more for QEMU's -machine, such as iommu=smmuv3
#   --append TEXT      more for the kernel's command line
#   --overlay FILE     another .dtso than dts/carve-region.dtso
#   --disk FILE        one more disk, read only: /dev/vdb, then /dev/vdc ...
#   --device DEVICE    a further -device of QEMU; may be given several times
#   --enable UNIT      systemctl enable UNIT in the guest
#   --timeout SECONDS  for the whole boot; default: the cases' own and some minutes
#
# Afterwards FOLDER has console.log, dmesg.txt (with levels), report.txt and
# artifacts/: a log per case, the files a case left in its working folder, and
# the journal when something failed. Exit status 0 when all was well.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/vm
# shellcheck source=tests/vm/cases.sh
. "$here/cases.sh"
# shellcheck source=tests/vm/arch.sh
. "$here/arch.sh"

# Addresses of what the machine finds in its RAM when it starts; the region
# lies far above, see tree.sh. QEMU puts a tree of its own at the beginning.
image_at=0x40200000
tree_at=0x48000000
entry_at=0x48400000
initrd_at=0x48600000

out='' kernel=6.1 region=mapped name='' memory=1024 append='' overlay='' timeout=''
machine=()
payloads=() disks=() devices=() units=() cases=()
while [ $# != 0 ]; do
	case $1 in
	--out) out=$2 ;;
	--kernel) kernel=$2 ;;
	--region) region=$2 ;;
	--payload) payloads+=("$2") ;;
	--name) name=$2 ;;
	--memory) memory=$2 ;;
	--machine) machine+=(-machine "$2") ;;
	--append) append="$append $2" ;;
	--overlay) overlay=$2 ;;
	--disk) disks+=("$2") ;;
	--device) devices+=(-device "$2") ;;
	--enable) units+=("$2") ;;
	--timeout) timeout=$2 ;;
	-*) echo "boot.sh: unknown option $1; see the top of the file" >&2; exit 2 ;;
	*) cases+=("$1"); shift; continue ;;
	esac
	shift 2
done
if [ -z "$out" ] || [ ${#cases[@]} = 0 ]; then
	echo "boot.sh: --out and at least one case are needed" >&2
	exit 2
fi

# Where no case wants the daemon, systemd would only take time.
init=bare
for case in "${cases[@]}"; do
	[ "$(case_daemon "$case")" = stopped ] || init=systemd
done

# What this boot alone brings: the cases, and which units to enable.
run_payload()
{
	local to=$1/payload base=$2 case slowness budget

	slowness=$(kernel_slowness "$kernel")
	budget=$((60 * slowness + standstill))
	if [ "$kernel" = debug ]; then
		# The log decides: one finding is not to hide all others.
		append="panic_on_warn=0 $append"
	fi
	if [ "$slowness" != 1 ]; then
		be_patient "$to"
	fi
	bear_standstill "$to" "$slowness"
	mkdir -p "$to/usr/libexec/carve-vm/cases" "$to/etc/carve-vm" \
		"$to/etc/modprobe.d" "$to/usr/lib/systemd/system"
	cp "$here/guest/init" "$1/init"
	cp "$here"/guest/{bare,run-cases} "$to/usr/libexec/carve-vm/"
	cp "$here"/guest/*.{service,target} "$to/usr/lib/systemd/system/"
	# The display and the test devices wait for a case that wants them.
	printf 'blacklist %s\n' cirrus cirrus_qemu virtio_gpu vivid \
		> "$to/etc/modprobe.d/carve-vm.conf"
	# One name for the display, whatever this kernel calls it. (What is
	# blacklisted cannot be loaded by an alias.)
	if [ -z "$(find "$base/modules/" -name cirrus.ko)" ]; then
		printf '%s\n' 'install cirrus modprobe cirrus_qemu' \
			'remove cirrus modprobe -r cirrus_qemu' \
			>> "$to/etc/modprobe.d/carve-vm.conf"
	fi
	echo "${units[*]}" > "$to/etc/carve-vm/enable"
	printf '%s\n' "CARVE_KERNEL=$kernel" "CARVE_REGION=$region" \
		"CARVE_SLOWNESS=$slowness" "CARVE_INIT=$init" > "$to/etc/carve-vm/environment"
	for case in "${cases[@]}"; do
		install -m 755 "$case" "$to/usr/libexec/carve-vm/cases/"
		echo "$(basename "$case") $(case_limit "$case" "$kernel")" \
			"$(case_daemon "$case") $(case_header "$case" modules)"
		budget=$((budget + $(case_timeout "$case" "$kernel")))
	done > "$to/etc/carve-vm/plan"
	timeout=${timeout:-$budget}
}

# What systemd takes for dead as soon as it finds the time over. The kernel's watchdogs:
# watchdogs().
bear_standstill()
{
	local to=$1/etc/systemd

	mkdir -p "$to"/{system.conf.d,system/carved.service.d}
	cat > "$to/system.conf.d/carve-vm.conf" <<- END
		[Manager]
		DefaultTimeoutStartSec=$((90 * $2 + standstill))
		DefaultTimeoutStopSec=$((90 + standstill))
	END
	# As long as those of systemd's own services.
	cat > "$to/system/carved.service.d/carve-vm.conf" <<- END
		[Service]
		WatchdogSec=3min
	END
}

# On a slow kernel nothing may give up early, and udev, where each of two
# hundred devices costs, is told of those only that something comes of: the
# driver's node, the report ports.
be_patient()
{
	local to=$1/etc/systemd/system

	mkdir -p "$to"/{service,systemd-udev-trigger.service}.d
	# Some have 90 s of their own; there is one limit for the whole boot.
	cat > "$to/service.d/carve-vm.conf" <<- END
		[Service]
		TimeoutStartSec=infinity
	END
	cat > "$to/systemd-udev-trigger.service.d/carve-vm.conf" <<- END
		[Service]
		ExecStart=
		ExecStart=udevadm trigger --type=devices --action=add --subsystem-match=platform --subsystem-match=pci --subsystem-match=virtio-ports
	END
}

# The payloads are further archives behind the kernel's own: the kernel
# unpacks them one over the other.
make_initrd()
{
	local payload base

	base=$("$here/initrd.sh" "$kernel")
	run_payload "$out/payload" "$base"
	{
		cat "$base/initrd"
		for payload in "${payloads[@]}"; do
			mkdir -p "$out/over"
			payload=$(realpath "$payload")
			ln -sfn "$payload" "$out/over/payload"
			# payload.sh may be about to replace it.
			(cd "$out/over" && flock -s "$payload.lock" \
				sh -c 'find payload/ | cpio -o -H newc -R 0:0 --quiet')
		done
		(cd "$out/payload" && find . | cpio -o -H newc -R 0:0 --quiet)
	} > "$out/initrd"
	rm -rf "$out/over" "$out/payload"
}

# What the kernel takes for an endless loop: twice watchdog_thresh, and one that sleeps.
watchdogs()
{
	echo "watchdog_thresh=$((standstill / 2))" \
		"rcupdate.rcu_cpu_stall_timeout=$((standstill + 30))" \
		"workqueue.watchdog_thresh=$((standstill + 30))" \
		"sysctl.kernel.hung_task_timeout_secs=$((standstill * 2))"
}

# The boot loader's part: command line and initrd into the tree, the entry.
make_boot()
{
	local size args

	size=$(stat -c %s "$out/initrd")
	args="console=ttyAMA0 log_buf_len=1M root=/dev/vda panic=-1 oops=panic panic_on_warn=1"
	args="$args systemd.unit=carve-vm.target systemd.show_status=false"
	args="$args $(watchdogs) $(cat "$out/append") $append"
	fdtput -t s "$out/tree.dtb" /chosen bootargs "$args"
	fdtput -t x "$out/tree.dtb" /chosen linux,initrd-start 0 "$initrd_at"
	fdtput -t x "$out/tree.dtb" /chosen linux,initrd-end 0 \
		"$(printf %x $((initrd_at + size)))"
	"$vm_triplet-gcc" -c -o "$out/entry.o" -DDTB=$tree_at \
		-DIMAGE=$image_at "$here/entry-$vm_arch.S"
	"$vm_triplet-objcopy" -O binary -j .text "$out/entry.o" "$out/entry"
}

# disk ID FILE: a read-only source; what the guest writes is thrown away.
disk()
{
	echo "-drive if=none,id=$1,file=$2,format=raw,snapshot=on"
	echo "-device virtio-blk-pci,drive=$1"
}

machine()
{
	local options file n=0
	# shellcheck disable=SC2207 # options without blanks
	options=($(disk root "$("$here/guest.sh" "$vm_arch")/root.ext4"))
	for file in "${disks[@]}"; do
		n=$((n + 1))
		# shellcheck disable=SC2207 # options without blanks
		options+=($(disk "disk$n" "$file"))
	done
	exec timeout --foreground -k 5 "$timeout" "$here/qemu.sh" "$memory" \
		"${machine[@]}" \
		-device "loader,file=$out/entry,addr=$entry_at,cpu-num=0,force-raw=on" \
		-device "loader,file=$image,addr=$image_at,force-raw=on" \
		-device "loader,file=$out/tree.dtb,addr=$tree_at,force-raw=on" \
		-device "loader,file=$out/initrd,addr=$initrd_at,force-raw=on" \
		-serial "file:$out/console.log" \
		-device virtio-serial-pci \
		-chardev file,id=report,path=/dev/stdout \
		-device virtserialport,chardev=report,name=carve.report \
		-chardev "file,id=artifacts,path=$out/artifacts.tar" \
		-device virtserialport,chardev=artifacts,name=carve.artifacts \
		-device cirrus-vga,romfile= "${options[@]}" "${devices[@]}" \
		< /dev/null 2> "$out/qemu.log"
}

# mawk, Debian's awk, otherwise waits for a full buffer.
live_awk()
{
	if awk -W version 2>&1 < /dev/null | grep '^mawk' > /dev/null; then
		awk -W interactive "$@"
	else
		awk "$@"
	fi
}

# Names of the results, and whether the machine came to its end.
verdict()
{
	local status=$1

	if grep -qx 'done' "$out/report.txt"; then
		return
	fi
	if [ "$status" = 124 ] || [ "$status" = 137 ]; then
		echo "not ok ${name}boot - no end after $timeout s; see $out/console.log"
	else
		echo "not ok ${name}boot - the machine died (QEMU's status $status); the end of $out/console.log:"
		tail -n 5 "$out/console.log" "$out/qemu.log" 2>/dev/null | sed 's/^/  # /'
	fi
}

mkdir -p "$(dirname "$out")"
exec {lock}> "$out.lock"
if ! flock --nonblock "$lock"; then
	echo "  # another run is using $out: waiting"
	flock "$lock"
fi
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
vm_arch "$kernel"
export VM_ARCH=$vm_arch
image=$("$here/kernel.sh" "$kernel")/image
"$here/tree.sh" "$region" "$memory" "$out" "$overlay" "${machine[@]}"
make_initrd
make_boot
{
	# The report on stdout, line by line as it comes.
	set +e
	machine | tee "$out/report.txt" | live_awk -v prefix="$name" -f "$here/lines.awk"
	status=${PIPESTATUS[0]}
	set -e
	mkdir -p "$out/artifacts"
	if [ -s "$out/artifacts.tar" ]; then
		tar -xf "$out/artifacts.tar" -C "$out/artifacts" || true
		mv "$out/artifacts/dmesg.txt" "$out/" 2>/dev/null || true
	fi
	rm -f "$out"/{artifacts.tar,initrd,entry,entry.o,base.dtb,tree.log}
	verdict "$status"
	"$here/scan-log.sh" "$out" "$name" "${cases[@]}"
} | tee "$out/results.txt"
! grep -q '^not ok ' "$out/results.txt"
