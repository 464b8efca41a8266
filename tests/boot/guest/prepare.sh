#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Puts the layer under two disks, in a guest of the lab: one that holds a root file system already,
# and one that gets its file system through the layer. Prints what was relocated.
set -euo pipefail
exec 2>&1

# blocks DEVICE FILE: the sectors of a file, as ranges.
blocks() {
	debugfs -R "blocks $2" "$1" 2>/dev/null | tr ' ' '\n' | awk '/^[0-9]+$/ { print $1 * 8 "+8" }'
}

say() { echo "prepare: $1 $2"; }

dmremap-ts kmod load --quiet
dmremap-ts create root /dev/lab/rootmain /dev/lab/rootspare
dmremap-ts create data /dev/lab/datamain /dev/lab/dataspare --retries 2 --verify-reads

# What the machine cannot boot without, and what is looked at later.
mapfile -t sectors < <(blocks /dev/mapper/root /usr/lib/systemd/systemd)
dmremap-ts remap root --quiet "${sectors[@]}"
mapfile -t sectors < <(blocks /dev/mapper/root /proof-1)
dmremap-ts remap root --quiet "${sectors[@]}"

mkfs.ext4 -q -b 4096 /dev/mapper/data
mount /dev/mapper/data /mnt
for n in 1 2; do dd if=/dev/urandom of=/mnt/proof-$n bs=64k count=1 status=none; done
(cd /mnt && sha256sum proof-*) >/tmp/sums
cp /tmp/sums /mnt/sums
umount /mnt
mapfile -t sectors < <(blocks /dev/mapper/data /proof-1)
dmremap-ts remap data --quiet "${sectors[@]}"

for name in root data; do
	say "$name" "$(dmremap-ts entries "$name" --json | tr -d '\n')"
done
dmremap-ts remove root --yes
dmremap-ts remove data --yes
