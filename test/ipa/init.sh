#!/usr/bin/busybox sh
# First process of the test ramdisk with Ironic's own agent: file systems, drivers, DHCP, then the agent.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
# Python's thread pools, with which the agent erases disks, need it.
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
[ -d /sys/firmware/efi ] && mount -t efivarfs efivarfs /sys/firmware/efi/efivars
echo on >/proc/sys/kernel/printk_devkmsg
exec </dev/null >/dev/kmsg 2>&1
/usr/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add
udevadm settle --timeout=60
echo "ipa-init: drivers loaded at $(cut -d' ' -f1 /proc/uptime) s"

ip link set lo up
mac=$(tr ' ' '\n' </proc/cmdline | sed -n 's/^BOOTIF=01-//p' | tr A-Z- a-z:)
for folder in /sys/class/net/*; do
	[ -e "$folder/device" ] || continue
	[ -z "$mac" ] || [ "$(cat "$folder/address")" = "$mac" ] || continue
	nic=$(basename "$folder")
	ip link set "$nic" up
	busybox udhcpc -i "$nic" -s /etc/udhcpc.sh -t 30 -T 1 -O staticroutes && break
done
echo "ipa-init: agent starts at $(cut -d' ' -f1 /proc/uptime) s"
ironic-python-agent --config-file /etc/ironic-python-agent.conf
echo "ipa-init: the agent ended with $?"
while :; do sleep 3600; done
