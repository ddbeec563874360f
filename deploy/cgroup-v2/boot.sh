#!/bin/sh
# boot.sh CHECKOUT RUN MEMORY_MB: boots the machine in the namespaces that machine.ts made for it. All that it needs of the
# host gets a fixed path below /mnt here, since neither kernel arguments nor mount options can hold every path. The
# machine's memory is a file in a tmpfs of this mount namespace: whatever ends the namespace frees it.
set -eu
checkout=$1 run=$2 memory=$3
cd "$checkout"
exec 3< "$run"
mount -t tmpfs -o size=64k tmpfs /mnt
mkdir /mnt/checkout /mnt/run /mnt/memory /mnt/uml
mount -c --bind . /mnt/checkout
mount -c --bind /proc/self/fd/3 /mnt/run
mount -t tmpfs -o size="$((memory + 64))m" tmpfs /mnt/memory
cd /mnt/run
export TMPDIR=/mnt/memory
# A child, not exec: PID 1 of the namespace would ignore the signals that a kernel in panic sends itself.
linux.uml mem="${memory}M" ubda=changes.img,disk.img rw root=/dev/ubda init=/sbin/codebeaker-init \
  con=null con0=fd:0,fd:1 uml_dir=/mnt/uml/ panic=1 quiet < /dev/null
exit $?
