#!/bin/sh
# Runs a command in a root folder, as on a machine of its own: `enter.sh ROOT COMMAND…`, started in new namespaces.
# Says "here" on descriptor 3 when it is in them, and goes on when the network is up, which descriptor 4 says.
set -eu
root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/net"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do
	ln -s "fd/${number%:*}" "$root/dev/${number#*:}"
done
for device in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0
# What every machine has that can run virtual ones; /dev/kvm is none of it.
mknod -m 666 "$root/dev/net/tun" c 10 200
hostname fresh-debian
echo here >&3
read -r _ <&4
exec 3>&- 4<&-
cd "$root"
mkdir -p .outside
pivot_root . .outside
exec chroot . /bin/sh -c 'umount -l /.outside && rmdir /.outside && cd /srv/ingot && exec "$@"' sh "$@"
