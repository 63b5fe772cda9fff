#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each patch of the series builds alone, without a warning, at W=1 for what the series touches, in three configurations: the guest's;
# the least that has iomap, without tracepoints, fsdax, aio, dm and swap; and that with tracepoints. sparse says nothing new.
#
# A tree that has been built by this same test is not built again: what is kept is the hash of the tree, of the configuration and
# of this file.
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
built=$KERNEL_DIR/each-built
configs=$KERNEL_DIR/each-configs
mkdir -p "$built" "$configs"

least()
{
	cat <<-END
	CONFIG_64BIT=y
	CONFIG_EXPERT=y
	# CONFIG_AIO is not set
	CONFIG_BLOCK=y
	CONFIG_XFS_FS=y
	CONFIG_EXT4_FS=y
	END
}
least >"$configs/least"
{ least; echo CONFIG_FTRACE=y; echo CONFIG_EVENT_TRACING=y; echo CONFIG_BLK_DEV_IO_TRACE=y; } >"$configs/events"
cat "$TOP/kernel-config/guest.config" "$TOP/kernel-config/observe.config" >"$configs/guest"

# objects CONFIG: what the series touches, then what includes the headers that it touches
objects()
{
	touched=(fs/iomap/)
	users=(block/fops.o fs/xfs/xfs_iomap.o fs/xfs/xfs_aops.o fs/xfs/xfs_file.o fs/ext4/inode.o fs/ext4/file.o)
	[ "$1" != guest ] || touched+=(fs/dax.o fs/aio.o drivers/md/dm-io.o)
}

# build CONFIG [MAKE ARGUMENTS]: the tree as it is checked out; says what it has to say in $log
build()
{
	local config=$1 out=$tree/build-$1

	shift
	objects "$config"
	mkdir -p "$out"
	if [ ! -e "$out/.config" ] || ! cmp -s "$configs/$config" "$out/.fragment"; then
		(cd "$tree" && scripts/kconfig/merge_config.sh -n -O "$out" "$configs/$config") >"$log" 2>&1 || return 1
		cp "$configs/$config" "$out/.fragment"
	fi
	make -C "$tree" O="$out" CC="$cc" -j"$(nproc)" W=1 "$@" "${touched[@]}" >"$log" 2>&1 &&
		make -C "$tree" O="$out" CC="$cc" -j"$(nproc)" "${users[@]}" >>"$log" 2>&1
}

# W=1 finds fault with headers of other people's; what it says of ours is what counts.
warnings()
{
	grep -E 'warning:' "$log" | grep -vE '^(\./)?(include/linux/(cleanup|signal|slab|mm)|arch/)' || true
}

for config in guest least events; do
	for commit in $(git -C "$OBSERVE_TREE" rev-list --reverse base..observe); do
		name="$config: $(git -C "$OBSERVE_TREE" log -1 --format=%s "$commit")"
		stamp=$built/$(cat "$configs/$config" "$0" - <<<"$(git -C "$OBSERVE_TREE" rev-parse "$commit^{tree}")" | sha256sum | cut -c1-32)
		if [ -e "$stamp" ]; then
			result 0 "$name"
			continue
		fi
		git -C "$tree" checkout -q "$commit" >"$log" 2>&1 || { result 1 "$config: checkout"; continue; }
		build "$config"
		status=$?
		[ -z "$(warnings)" ] || status=1
		[ $status != 0 ] || touch "$stamp"
		result $status "$name"
	done
done

# The small configurations are only worth something if they are what they say.
for config in least events; do
	[ -e "$tree/build-$config/.config" ] || continue
	off='FS_DAX|SWAP|AIO|BLK_DEV_DM'
	[ $config = events ] || off="TRACEPOINTS|$off"
	grep -qE "^CONFIG_($off)=y" "$tree/build-$config/.config"
	result $((! $?)) "the configuration $config is without ${off//|/, }"
done

# sparse: no warning that the base does not have.
sparse_of()
{
	git -C "$tree" checkout -q --detach "$1" && build guest C=2 CHECK="sparse" || return 1
	grep -E '(warning|error):' "$log" | sed -E 's/:[0-9]+(:[0-9]+)?:/:/' | sort >"$2"
}
if command -v sparse >/dev/null; then
	tip=$(git -C "$OBSERVE_TREE" rev-parse "observe^{tree}")
	stamp=$built/sparse-$(cat "$0" - <<<"$tip" | sha256sum | cut -c1-32)
	if [ ! -e "$stamp" ]; then
		sparse_of base "$KERNEL_DIR/sparse.base" && sparse_of observe "$KERNEL_DIR/sparse.observe"
		status=$?
		comm -13 "$KERNEL_DIR/sparse.base" "$KERNEL_DIR/sparse.observe" >"$log.new"
		if [ $status = 0 ] && [ -s "$log.new" ]; then
			cp "$log.new" "$log"
			status=1
		fi
		[ $status != 0 ] || touch "$stamp"
	else
		status=0
	fi
	result $status "sparse has nothing new to say"
else
	n=$((n + 1))
	echo "ok $n - sparse # SKIP sparse is not installed"
fi
echo "1..$n"
exit $bad
