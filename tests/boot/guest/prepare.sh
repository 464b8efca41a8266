#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Puts the layer under two disks, in a guest of the lab: one that holds a root file system already,
# and one that gets its file system through the layer. Prints what was relocated.
set -euo pipefail
exec 2>&1

# blocks DEVICE FILE: the first sectors of the blocks of a file.
blocks() {
	debugfs -R "blocks $2" "$1" 2>/dev/null | tr ' ' '\n' | awk '/^[0-9]+$/ { print $1 * 8 }'
}

# relocate NAME FILE
relocate() {
	blocks "/dev/mapper/$1" "$2" | while read -r first; do
		dmsetup message "$1" 0 "remap $first 8" >/dev/null
	done
}

dmremap-ts kmod load --quiet
dmremap-ts create root /dev/lab/rootmain /dev/lab/rootspare
dmremap-ts create data /dev/lab/datamain /dev/lab/dataspare --retries 2 --verify-reads

# What the machine cannot boot without, and what is looked at later.
relocate root /usr/lib/systemd/systemd
relocate root /proof-1

mkfs.ext4 -q -b 4096 /dev/mapper/data
mount /dev/mapper/data /mnt
for n in 1 2; do dd if=/dev/urandom of=/mnt/proof-$n bs=64k count=1 status=none; done
(cd /mnt && sha256sum proof-*) >/tmp/sums
cp /tmp/sums /mnt/sums
umount /mnt
relocate data /proof-1

for name in root data; do
	dmsetup message "$name" 0 "entries 0 100000" | sed "s/^/prepare: $name /"
	dmsetup remove "$name"
done
