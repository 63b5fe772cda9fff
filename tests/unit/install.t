#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make install: what lands where, and that it is of use there.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
unset MAKEFLAGS MFLAGS MAKELEVEL PREFIX DESTDIR

# The tests build nothing, so there has to be nothing to build.
make -q tool 2>/dev/null || skip_all "the tool is not built, or older than its sources: make tool"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# installed ROOT: modes and names below ROOT.
installed()
{
	(cd "$1" && find . -type f -printf '%m %P\n' | sort -k 2)
}

expected='644 lib/systemd/system/iomapscope-exporter.service
755 sbin/iomapscope
644 share/bash-completion/completions/iomapscope
644 share/man/man8/iomapscope-aio.8
644 share/man/man8/iomapscope-bench.8
644 share/man/man8/iomapscope-check.8
644 share/man/man8/iomapscope-dax.8
644 share/man/man8/iomapscope-dio.8
644 share/man/man8/iomapscope-dmio.8
644 share/man/man8/iomapscope-export.8
644 share/man/man8/iomapscope-follow.8
644 share/man/man8/iomapscope-inject.8
644 share/man/man8/iomapscope-ioends.8
644 share/man/man8/iomapscope-lookups.8
644 share/man/man8/iomapscope-probe.8
644 share/man/man8/iomapscope-record.8
644 share/man/man8/iomapscope-report.8
644 share/man/man8/iomapscope-top.8
644 share/man/man8/iomapscope.8'

(umask 077 && make -s install DESTDIR="$work/dest" PREFIX=/usr) >"$work/log" 2>&1
ok $? "make install DESTDIR= PREFIX=" "$(cat "$work/log")"
is "$(ls "$work/dest")" "usr" "nothing beside PREFIX"
is "$(installed "$work/dest/usr")" "$expected" "the files and their modes"
make -s install DESTDIR="$work/local" >"$work/log" 2>&1
ok $? "make install DESTDIR=" "$(cat "$work/log")"
is "$(installed "$work/local/usr/local")" "$expected" "PREFIX is /usr/local when it is not given"
make -s install PREFIX="$work/prefix" >"$work/log" 2>&1
ok $? "make install PREFIX=" "$(cat "$work/log")"
is "$(installed "$work/prefix")" "$expected" "PREFIX without DESTDIR"
make -s install PREFIX="$work/prefix" >"$work/log" 2>&1
ok $? "once more, over what is there" "$(cat "$work/log")"
is "$(find "$work/dest" -type d ! -perm -005 | wc -l)" 0 "everybody may enter the directories, whatever the umask"

is "$(sed -n 's/^ExecStart=//p' "$work/prefix/lib/systemd/system/iomapscope-exporter.service")" "$work/prefix/sbin/iomapscope export" \
	"the service runs the binary that was installed"
for file in "$work"/dest/usr/share/man/man8/*.8; do
	name=$(basename "$file" .8)
	text=$(mandoc -T ascii "$file" 2>/dev/null | head -20 | sed 's/.\x08//g' | tr -s ' ')
	like "$text" "$name - " "$name(8) renders with mandoc"
	if command -v man >/dev/null; then
		text=$(MANPAGER=cat MANWIDTH=80 man -l "$file" 2>/dev/null | head -20 | sed 's/.\x08//g' | tr -s ' ')
		like "$text" "$name - " "$name(8) renders with man"
	else
		skip "$name(8) renders with man" "man is not installed"
	fi
done

binary=$work/prefix/sbin/iomapscope
like "$(env LC_ALL=C ldd "$binary" 2>&1)" "not a dynamic executable|statically linked" "the binary is static: ldd"
is "$(readelf -lW "$binary" 2>/dev/null | grep -cE 'INTERP|DYNAMIC')" 0 "the binary is static: it asks for no loader and no library"
[ "$(stat -c %s "$binary")" -lt $((32 << 20)) ]
ok $? "its size is below 32 MiB" "$(stat -c %s "$binary")"
# Alone in an empty root, it runs.
if [ "$(id -u)" = 0 ]; then
	mkdir "$work/root" && cp "$binary" "$work/root/" && is "$(chroot "$work/root" /iomapscope version | cut -d' ' -f1)" "iomapscope" \
		"it runs where there is nothing else"
else
	skip "it runs where there is nothing else" "not root"
fi
is "$(env -i "$binary" version | cut -d' ' -f1)" "iomapscope" "it runs without an environment"
done_testing
