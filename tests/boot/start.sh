#!/bin/sh
# Boots systemd as the first process of a machine of its own whose root is the folder ROOT: own processes, mounts, name and control
# groups; the network is the host's. Runs until that machine is off. tests/boot/machine.py calls it.
#
#	start.sh ROOT CGROUP    CGROUP: a new folder in the unified hierarchy
set -eu
echo $$ >"$2/cgroup.procs"
exec unshare --mount --pid --fork --uts --ipc --cgroup --kill-child sh -euc '
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
for path in sys sysrq-trigger; do  # the kernel is the host'\''s, too
	[ -e "$root/proc/$path" ] || continue
	mount --bind "$root/proc/$path" "$root/proc/$path"
	mount -o remount,ro,bind "$root/proc/$path"
done
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do cp -a "/dev/$device" "$root/dev/"; done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${n%:*}" "$root/dev/${n#*:}"; done
hostname "$(cat "$root/etc/hostname")"
cd "$root"
pivot_root . mnt
umount -l /mnt
mount --make-rshared /  # systemd hands on credentials by that
exec chroot . /usr/bin/env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console --show-status=no
' sh "$1"
