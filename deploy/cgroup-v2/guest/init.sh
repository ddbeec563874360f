#!/bin/sh
# PID 1 of the machine, the one script that lies on its disk: makes what every script needs, and hands over to what the
# checkout has, so that a change there needs no new disk.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for folder in /run /tmp /dev/shm; do mount -t tmpfs tmpfs $folder; done
mkdir /run/host /run/checkout
mount -t hostfs none /run/host -o /mnt/run
mount -t hostfs none /run/checkout -o /mnt/checkout,ro
sh /run/checkout/deploy/cgroup-v2/guest/run.sh
sync
echo o > /proc/sysrq-trigger
# Powering off takes a moment, and a PID 1 that ends is a panic.
while :; do sleep 1; done
