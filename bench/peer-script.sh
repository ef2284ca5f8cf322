#!/bin/busybox sh
# Runs in the deploy ramdisk in the agent's place, with drivers loaded and the network up: writes an image as people
# do by hand, and tells how long that took. Beside it lie programs, their libraries and the image's address.
cd /opt/peer || exit 3
url=$(cat url)
say() { echo "ingot-peer: $*"; }
now() { cut -d' ' -f1 /proc/uptime; }
own() { program=$1 && shift && lib/ld-linux-x86-64.so.2 --library-path lib "bin/$program" "$@"; }

set -o pipefail
write() { # NAME BLOCK CONV
	blkdiscard /dev/vda
	echo 3 >/proc/sys/vm/drop_caches
	begun=$(now)
	own curl -sSf "$url" | zstd -qdc | own dd of=/dev/vda bs="$2" iflag=fullblock conv="$3" 2>/run/dd
	code=$?
	ended=$(now)
	if [ $code = 0 ]; then
		say "$1 from $begun to $ended bytes $(sed -n 's/ bytes.*//p' /run/dd)"
	else
		say "failed: $1 ended with $code" $(cat /run/dd)
	fi
}

write plain 1M fsync
# Leaves out blocks of zeros: right on a disk that is empty, wrong on any other.
write sparse 64k sparse,fsync
say finished
exit 3
