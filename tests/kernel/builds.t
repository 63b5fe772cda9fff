#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each patch of the series builds alone, without a W=1 warning about what the series touches, in two configurations: the guest's, and
# the least that has iomap, without tracepoints, fsdax, aio, dm and swap. The whole series does with tracepoints but without the others
# too. Those of the group on top of it do in the guest's with their option; all of them without it. sparse says nothing new.
#
# A tree that has been built before is not built again: what is kept is the hash of the tree, of the configuration and of the check.
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

# What is on top is only a work tree and a few commits.
"$top/scripts/kernel-tree" control >"$log" 2>&1
result $? "the groups apply"

git -C "$OBSERVE_TREE" worktree prune
[ -e "$tree/.git" ] || git -C "$OBSERVE_TREE" worktree add -q --detach "$tree" base >"$log" 2>&1 || { cat "$log"; exit 1; }

cc=gcc
command -v ccache >/dev/null && cc="ccache gcc"
export CCACHE_BASEDIR=$tree CCACHE_NOHASHDIR=1
built=$KERNEL_DIR/each-built
check=1		# count it up when build() or warnings() asks for more
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
{ least; echo CONFIG_FTRACE=y; echo CONFIG_ENABLE_DEFAULT_TRACERS=y; } >"$configs/events"
cat "$TOP/kernel-config/guest.config" "$TOP/kernel-config/observe.config" >"$configs/guest"
cat "$configs/guest" "$TOP/kernel-config/control.config" >"$configs/control"

# objects CONFIG COMMIT: what the series touches, and what includes the public headers if the patch touches one
objects()
{
	objects=(fs/iomap/)
	[[ $1 != guest && $1 != control ]] || objects+=(fs/dax.o fs/aio.o drivers/md/dm-io.o)
	[ "$2" = base ] || ! git -C "$tree" diff --name-only "$2^" "$2" | grep -q '^include/linux/' ||
		objects+=(block/fops.o fs/xfs/xfs_iomap.o fs/xfs/xfs_aops.o fs/xfs/xfs_file.o fs/ext4/inode.o fs/ext4/file.o)
}

# build CONFIG COMMIT [MAKE ARGUMENTS]: the tree as it is checked out; says what it has to say in $log
build()
{
	local config=$1 out=$tree/build-$1

	objects "$1" "$2"
	shift 2
	mkdir -p "$out"
	if [ ! -e "$out/.config" ] || ! cmp -s "$configs/$config" "$out/.fragment"; then
		(cd "$tree" && scripts/kconfig/merge_config.sh -n -O "$out" "$configs/$config") >"$log" 2>&1 || return 1
		cp "$configs/$config" "$out/.fragment"
	fi
	make -C "$tree" O="$out" CC="$cc" -j"$(nproc)" W=1 "$@" "${objects[@]}" >"$log" 2>&1
}

# W=1 finds fault with much that is not ours.
warnings()
{
	grep -E '^(\.\./|\./)*(fs/(iomap/.*|dax\.c|aio\.c)|drivers/md/dm-io\.c|include/(linux/(iomap|iomap_control|dax|aio)|trace/events/(aio|dm_io|fs_dax))\.h):.*warning:' "$log"
}

for config in guest least events control least+control; do
	range=base..observe
	[ $config != events ] || range=observe^..observe
	[ $config != control ] || range=observe..control
	# Without its option, the last patch has all that the others have.
	[ $config != least+control ] || { config=least range=control^..control; }
	for commit in $(git -C "$OBSERVE_TREE" rev-list --reverse $range); do
		name="$config: $(git -C "$OBSERVE_TREE" log -1 --format=%s "$commit")"
		stamp=$built/$({ cat "$configs/$config"; echo "$check"; git -C "$OBSERVE_TREE" rev-parse "$commit^{tree}"; } | sha256sum | cut -c1-32)
		if [ -e "$stamp" ]; then
			result 0 "$name"
			continue
		fi
		git -C "$tree" checkout -q --detach "$commit" >"$log" 2>&1 || { result 1 "$config: checkout"; continue; }
		build "$config" "$commit" && ! warnings >/dev/null
		status=$?
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
	[ $config = least ] || grep -q '^CONFIG_TRACEPOINTS=y' "$tree/build-$config/.config"
	result $? "and with tracepoints if it is to have them"
done

if [ -e "$tree/build-control/.config" ]; then
	grep -q '^CONFIG_IOMAP_BPF_CONTROL=y' "$tree/build-control/.config"
	result $? "the configuration control has its option"
fi

# sparse: no warning that what a group is on does not have.
# sparse_of COMMIT CONFIG FILE
sparse_of()
{
	# Configured anew: where an option is not there yet, it falls out of the configuration.
	rm -f "$tree/build-$2/.fragment"
	git -C "$tree" checkout -q --detach "$1" && build "$2" "$1" C=2 CHECK=sparse || return 1
	# By function where sparse names one: of a macro's lines it may name the macro's file.
	grep -E '(warning|error):' "$log" | sed -E "s/:[0-9]+(:[0-9]+)?:/:/; s/^.*(warning: context imbalance in '.*')/\1/" | sort >"$3"
}

# sparse_of_group GROUP ON CONFIG
sparse_of_group()
{
	local group=$1 on=$2 config=$3 status=0 tip stamp

	if ! command -v sparse >/dev/null; then
		n=$((n + 1))
		echo "ok $n - $group: sparse # SKIP sparse is not installed"
		return
	fi
	tip=$(git -C "$OBSERVE_TREE" rev-parse "$group^{tree}")
	stamp=$built/sparse-$check-$tip
	if [ ! -e "$stamp" ]; then
		sparse_of "$on" "$config" "$KERNEL_DIR/sparse.$on" && sparse_of "$group" "$config" "$KERNEL_DIR/sparse.$group"
		status=$?
		comm -13 "$KERNEL_DIR/sparse.$on" "$KERNEL_DIR/sparse.$group" >"$log.new"
		if [ $status = 0 ] && [ -s "$log.new" ]; then
			cp "$log.new" "$log"
			status=1
		fi
		[ $status != 0 ] || touch "$stamp"
	fi
	result $status "$group: sparse has nothing new to say"
}
sparse_of_group observe base guest
sparse_of_group control observe control

echo "1..$n"
exit $bad
