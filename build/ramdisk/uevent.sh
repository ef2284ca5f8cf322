#!/bin/busybox sh
# Called for every kernel event; a new device brings its driver.
[ "$ACTION" = add ] && [ -n "$MODALIAS" ] && exec modprobe -b -q "$MODALIAS"
exit 0
