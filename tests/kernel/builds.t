#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each patch of the series builds alone, without a warning, in two configurations: the guest's, and the least that has iomap,
# without tracepoints, fsdax and swap.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/scripts/lib.sh"

[ -e "$OBSERVE_TREE/.git" ] || { echo "1..0 # SKIP there is no kernel tree: make kernel-tree"; exit 0; }

tree=$KERNEL_DIR/each
log=$KERNEL_DIR/each.log
n=0 bad=0

result()
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		tail -20 "$log" | sed 's/^/# /'
		bad=1
	fi
}

git -C "$OBSERVE_TREE" worktree prune
[ -e "$tree/.git" ] || git -C "$OBSERVE_TREE" worktree add -q --detach "$tree" base >"$log" 2>&1 || { cat "$log"; exit 1; }

cc=gcc
command -v ccache >/dev/null && cc="ccache gcc"
export CCACHE_BASEDIR=$tree CCACHE_NOHASHDIR=1
# What includes the headers that the series touches.
objects=(fs/iomap/ block/fops.o fs/xfs/xfs_iomap.o fs/xfs/xfs_aops.o fs/xfs/xfs_file.o fs/ext4/inode.o fs/ext4/file.o)

least()
{
	cat <<-END
	CONFIG_64BIT=y
	CONFIG_BLOCK=y
	CONFIG_XFS_FS=y
	CONFIG_EXT4_FS=y
	END
}
mkdir -p "$KERNEL_DIR/each-configs"
least >"$KERNEL_DIR/each-configs/least"
cat "$TOP/kernel-config/guest.config" "$TOP/kernel-config/observe.config" >"$KERNEL_DIR/each-configs/guest"

for config in guest least; do
	out=$tree/build-$config
	dax=()
	[ $config = least ] || dax=(fs/dax.o)
	mkdir -p "$out"
	for commit in $(git -C "$OBSERVE_TREE" rev-list --reverse base..observe); do
		git -C "$tree" checkout -q "$commit" >"$log" 2>&1 || { result 1 "$config: checkout"; continue; }
		if [ ! -e "$out/.config" ] || [ "$KERNEL_DIR/each-configs/$config" -nt "$out/.config" ]; then
			(cd "$tree" && scripts/kconfig/merge_config.sh -n -O "$out" "$KERNEL_DIR/each-configs/$config") >"$log" 2>&1
		fi
		make -C "$tree" O="$out" CC="$cc" -j"$(nproc)" "${objects[@]}" "${dax[@]}" >"$log" 2>&1
		status=$?
		grep -q 'warning:' "$log" && status=1
		result $status "$config: $(git -C "$tree" log -1 --format=%s)"
	done
done
# The least configuration is only worth something if it is one.

grep -qE '^CONFIG_(TRACEPOINTS|FS_DAX|SWAP)=y' "$tree/build-least/.config"
result $((! $?)) "the least configuration has no tracepoints, fsdax or swap"
echo "1..$n"
exit $bad
