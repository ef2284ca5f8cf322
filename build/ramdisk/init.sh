#!/bin/busybox sh
# First process of the deploy ramdisk: file systems, drivers, network, then the agent.
# Everything it prints goes through the kernel's log, and so to every console the kernel line names.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

/bin/busybox mkdir -p /proc /sys /dev /run /tmp /root /var
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t tmpfs tmpfs /run
/bin/busybox --install -s /bin
mkdir -p /run/tgtd /dev/pts
ln -sf /run /var/run

echo on >/proc/sys/kernel/printk_devkmsg
# Show the notices below (level 4) even when the kernel was told to be quiet.
dmesg -n 5
exec </dev/null >/dev/kmsg 2>&1
say() { echo "ingot-init: $*"; }

parameter() { # NAME: its value on the kernel line
	for word in $(cat /proc/cmdline); do
		case $word in "$1="*) echo "${word#*=}" ;; esac
	done | tail -n 1
}

# A driver makes new buses whose devices need drivers of their own: PCI, then virtio, then SCSI.
load_drivers() {
	known=0
	for pass in 1 2 3 4 5; do
		aliases=$(find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u)
		count=$(echo "$aliases" | wc -l)
		[ "$count" = "$known" ] && return
		known=$count
		modprobe -a -b -q $aliases 2>/dev/null
	done
}

nic_of_mac() { # MAC: its interface
	for folder in /sys/class/net/*; do
		[ "$(cat $folder/address)" = "$1" ] && basename "$folder"
	done
}

real_nics() {
	for folder in /sys/class/net/*; do
		[ -e "$folder/device" ] && basename "$folder"
	done
}

static_network() { # NIC CLIENT:SERVER:GATEWAY:MASK
	nic=$1
	IFS=: read -r client server gateway mask rest <<-END
		$2
	END
	ifconfig "$nic" "$client" netmask "${mask:-255.255.255.0}" up || return 1
	[ -n "$gateway" ] && [ "$gateway" != 0.0.0.0 ] && route add default gw "$gateway" dev "$nic"
	say "network: $nic has $client by the kernel line"
}

# Every candidate asks at once; the first lease ends the wait, and the clients go on renewing.
dhcp_network() { # NIC…
	mkfifo /run/lease
	exec 3<>/run/lease
	for nic in "$@"; do
		ifconfig "$nic" up
		udhcpc -f -i "$nic" -s /etc/udhcpc.sh -t 8 -T 1 -A 2 -O staticroutes >/dev/null 2>&1 &
	done
	if read -r -t 120 nic address <&3; then say "network: $nic has $address by DHCP"; else say "network: no DHCP answer on $*"; fi
}

start_network() {
	ifconfig lo 127.0.0.1 up
	# A NIC answers for its own address alone: Ingot compares the MAC behind an address with those it knows.
	echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
	echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
	ip=$(parameter ip)
	mac=$(parameter BOOTIF | cut -d- -f2- | tr A-Z- a-z:)
	nic=
	[ -n "$mac" ] && nic=$(nic_of_mac "$mac")
	[ -n "$mac" ] && [ -z "$nic" ] && say "network: no NIC has the MAC $mac of BOOTIF"
	case $ip in
	[0-9]*.*) static_network "${nic:-$(real_nics | head -n 1)}" "$ip" && return ;;
	esac
	dhcp_network ${nic:-$(real_nics)}
}

rescue_shell() {
	say 'troubleshoot=1: a shell is on the console; leave it to reboot'
	setsid cttyhack sh </dev/console >/dev/console 2>&1
}

say "kernel up for $(cut -d' ' -f1 /proc/uptime) s"
# The usual suspects first, in one go; the search by alias then finds little to do.
modprobe -a -q $(cat /etc/modules) 2>/dev/null
load_drivers
# Devices that show up late (USB, slow SAS buses) bring their drivers by uevent.
uevent /etc/uevent.sh >/dev/null 2>&1 &
say "drivers loaded at $(cut -d' ' -f1 /proc/uptime) s"
start_network
say "agent starts at $(cut -d' ' -f1 /proc/uptime) s"

# The agent ends with 0 when it has rebooted the machine, 3 when nothing is left to do; all else was a crash.
for try in 1 2 3 4 5; do
	/bin/node --disable-warning=ExperimentalWarning /opt/ingot/agent/main.js
	code=$?
	[ $code = 0 ] && break
	say "agent ended with $code"
	[ "$(parameter troubleshoot)" = 1 ] && rescue_shell && break
	[ $code = 3 ] && break
	sleep 1
done
[ $code = 0 ] || say 'giving up; the machine waits to be powered off'
while :; do sleep 3600; done
