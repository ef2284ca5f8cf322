#!/usr/bin/busybox sh
# Called by udhcpc with the lease in the environment.
case $1 in
bound | renew)
	ip addr replace "$ip/${mask:-24}" dev "$interface"
	for gateway in $router; do ip route replace default via "$gateway" dev "$interface" && break; done
	[ -n "$hostname" ] && hostname "$hostname"
	;;
esac
exit 0
