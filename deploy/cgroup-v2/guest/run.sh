#!/bin/sh
# In the machine: control groups as systemd would set them up, Redis, the engine, then the tests. Lines that begin with
# "@ " tell the host how far it is; what Vitest says follows after "@ tests".
fail() {
  echo "@ failed $1"
  exit 1
}

# A group with processes can't hand controllers on to its children, so ours move out of the root.
mount -t cgroup2 none /sys/fs/cgroup || fail "the kernel has no cgroup v2"
mkdir /sys/fs/cgroup/init
echo $$ > /sys/fs/cgroup/init/cgroup.procs
echo "+cpu +io +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control || fail "the cgroup controllers are missing"
ip link set lo up

echo "@ engine and Redis"
depmod -a
modprobe overlay
mkdir /run/redis
redis-server --dir /run/redis --save "" --appendonly yes --daemonize yes --logfile /run/host/redis.log > /dev/null
# "net" and "bridge" would need a kernel with iptables; sessions have no network.
dockerd --iptables=false --ip6tables=false --bridge=none > /run/host/dockerd.log 2>&1 &
engine=$!
export DOCKER_HOST=unix:///run/docker.sock
until docker version > /dev/null 2>&1; do
  kill -0 $engine 2> /dev/null || fail "dockerd did not start"
  sleep 0.2
done
[ "$(docker info --format '{{.CgroupVersion}} {{.MemoryLimit}} {{.PidsLimit}} {{.CPUCfsQuota}}')" = "2 true true true" ] ||
  fail "the engine does not enforce limits by cgroup v2"

# Tests and tools write beside the sources; the checkout itself stays as it is.
mkdir -p /run/changes /run/work
mount -t tmpfs tmpfs /run/changes
mkdir /run/changes/upper /run/changes/work
mount -t overlay overlay -o lowerdir=/run/checkout,upperdir=/run/changes/upper,workdir=/run/changes/work /run/work ||
  fail "the checkout could not be mounted"
cd /run/work || exit 1

# From here on only a panic may write between the lines of the tests.
dmesg -n 1
echo "@ tests"
. /run/host/job.sh # sets the environment, and the arguments for Vitest as "$@"
# Not on the console itself: Vitest would take it for a terminal and draw.
{
  node node_modules/vitest/vitest.mjs run "$@"
  echo $? > /run/host/exit-code
} 2>&1 | cat
