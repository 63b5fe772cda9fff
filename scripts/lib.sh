# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts beside it; sourced, never run.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
KERNEL_DIR=$BUILD/kernel		# observe/, control/, broken/, stock/ and debug/, each a git work tree built in place
OBSERVE_TREE=$KERNEL_DIR/observe
CONTROL_TREE=$KERNEL_DIR/control
BROKEN_TREE=$KERNEL_DIR/broken
STOCK_TREE=$KERNEL_DIR/stock
DEBUG_TREE=$KERNEL_DIR/debug
KERNEL_BASE=6.12
SERIES_ROOT=$TOP/patches/$KERNEL_BASE	# a directory for each group of patches: observe, and control on top of it
SERIES_DIR=$SERIES_ROOT/observe

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

say()
{
	echo "  $*"
}

# The kernel source to use: KERNEL_SRC if given, else Debian's package. Prints a directory or a tarball.
kernel_source()
{
	local src=${KERNEL_SRC:-}

	if [ -z "$src" ]; then
		src=/usr/src/linux-source-$KERNEL_BASE.tar.xz
		[ -e "$src" ] || die "$src is missing: install the package linux-source-$KERNEL_BASE (make packages), or give KERNEL_SRC=<tree or tarball>"
	fi
	[ -e "$src" ] || die "KERNEL_SRC=$src does not exist"
	(cd "$(dirname "$src")" && echo "$PWD/$(basename "$src")")
}

# The patches of a group. broken is one patch, on top of observe, and no part of what is published.
BROKEN_PATCH=$TOP/tests/kernel/broken.patch
group_patches()
{
	if [ "$1" = broken ]; then
		echo "$BROKEN_PATCH"
	else
		find "$SERIES_ROOT/$1" -name '[0-9]*.patch' | sort
	fi
}

# Identity of a group of patches.
series_digest()
{
	group_patches "${1:-observe}" | xargs -r cat | sha256sum | cut -c1-16
}
