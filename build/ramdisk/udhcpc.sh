#!/bin/busybox sh
# Called by udhcpc with the lease in the environment; tells init of the first one through a FIFO.
case $1 in
bound | renew)
	ifconfig "$interface" "$ip" netmask "${subnet:-255.255.255.0}" up
	for gateway in $router; do route add default gw "$gateway" dev "$interface" 2>/dev/null && break; done
	: >/etc/resolv.conf
	for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
	[ -n "$hostname" ] && hostname "$hostname"
	[ "$1" = bound ] && echo "$interface $ip" >/run/lease
	;;
esac
exit 0
