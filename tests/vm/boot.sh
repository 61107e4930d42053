# SPDX-License-Identifier: LGPL-2.1-or-later
# Starts QEMU, waits for it, and decides what its end means.
# shellcheck shell=bash disable=SC2154
#
# Sourced by guest.sh. Needs $work, $kernel_image, $timeout, $threads; leaves console.log, payload.log,
# out.tar and status in $work.

boot_pid=
boot_rc=

# A kernel that complains has failed, whatever the payload says.
boot_splats='BUG:|kernel BUG at|WARNING:|Oops|KASAN|KCSAN|KFENCE|UBSAN|possible (recursive|circular)|inconsistent lock state|suspicious RCU|stalls on CPU|self-detected stall|soft lockup|hard LOCKUP|blocked for more than|general protection fault|Kernel panic|refcount_t:|kmemleak: [1-9]|Call Trace:'

boot_stop()
{
	if [ -n "$boot_pid" ]; then
		kill -TERM "$boot_pid" 2>/dev/null
		wait "$boot_pid" 2>/dev/null
		boot_pid=
	fi
}

boot_run()
{
	local margin=15 payload_timeout
	[ "$timeout" -ge 45 ] || margin=$((timeout / 3))
	payload_timeout=$((timeout - margin))

	# cryptomgr.notests: the self-tests of algorithms want modules that are not in the guest.
	# -cpu max: the newest instructions the emulator has. loglevel=7: all but debug messages.
	timeout -k 5 "$timeout" qemu-system-x86_64 \
		-accel "tcg,thread=$threads" -cpu max -smp 2 -m "$memory" \
		-nodefaults -display none -monitor none -no-reboot \
		-kernel "$kernel_image" -initrd "$work/initramfs.cpio" \
		-append "console=ttyS0 loglevel=7 panic=-1 oops=panic cryptomgr.notests vm.payload_timeout=$payload_timeout $append" \
		-serial "file:$work/console.log" -serial "file:$work/payload.log" \
		-device virtio-serial-pci \
		-chardev "file,id=out,path=$work/out.tar" -device virtserialport,chardev=out,name=out \
		-chardev "file,id=status,path=$work/status" -device virtserialport,chardev=status,name=status \
		-device isa-debug-exit,iobase=0xf4,iosize=0x01 \
		>"$work/qemu.log" 2>&1 </dev/null &
	boot_pid=$!
	wait "$boot_pid"
	boot_rc=$?
	boot_pid=
}

status_of()
{
	sed -n "s/^$1 //p" "$work/status" 2>/dev/null | tail -n 1
}

# Says why the run is worth nothing, and returns 1; 0 when the guest came to its regular end.
boot_verdict()
{
	if grep -qaE "$boot_splats" "$work/console.log" 2>/dev/null; then
		warn "the kernel complained:"
		grep -aE -m 1 -B 2 -A 25 "$boot_splats" "$work/console.log" | tr -d '\r' >&2
		return 1
	fi
	case $boot_rc in
	85) ;;
	87) warn "the guest could not hand back its results"; return 1 ;;
	124 | 137) warn "no end after $timeout s"; return 1 ;;
	0) warn "the guest powered off, rebooted or panicked before its results were out"; return 1 ;;
	*) warn "QEMU failed ($boot_rc): $(tail -n 3 "$work/qemu.log")"; return 1 ;;
	esac
	if [ -z "$(status_of exit)" ] || [ "$(status_of out)" != "$(sha256sum <"$work/out.tar" | cut -d' ' -f1)" ]; then
		warn "the results arrived damaged"
		return 1
	fi
	return 0
}
