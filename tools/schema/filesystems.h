/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which operations of which file system enter iomap. Nothing in a running kernel tells who calls what, so this is a table, made
 * by looking for iomap's entry points in fs/ and block/ of Linux 6.12.
 *
 * FS(type, buffered read, buffered write, mkwrite, direct, dax, seek, fiemap, swap and bmap, writeback, note)
 *   Y enters iomap, N does not, D only if the mount is by dax
 * Writeback is not made through the iterator: ioends, follow and top show it, lookups do not.
 */
#ifndef IOMAPSCOPE_FILESYSTEMS_H
#define IOMAPSCOPE_FILESYSTEMS_H

#define FS_TABLE_KERNEL "6.12"

#define FS_GROUPS(GROUP) \
	GROUP(buffered_read, "buffered read", "OP_READ, OP_READAHEAD") \
	GROUP(buffered_write, "buffered write", "OP_WRITE, OP_ZERO, OP_TRUNCATE, OP_UNSHARE") \
	GROUP(mkwrite, "write faults", "OP_MKWRITE") \
	GROUP(direct, "direct I/O", "OP_DIO_READ, OP_DIO_WRITE") \
	GROUP(dax, "fsdax", "OP_DAX_...") \
	GROUP(seek, "SEEK_DATA/SEEK_HOLE", "OP_SEEK_DATA, OP_SEEK_HOLE") \
	GROUP(fiemap, "FIEMAP", "OP_FIEMAP") \
	GROUP(swap_bmap, "swapon and bmap", "OP_SWAP_ACTIVATE, OP_BMAP") \
	GROUP(writeback, "writeback", "OP_WRITEBACK")

#define FILESYSTEMS(FS) \
	FS("xfs", Y, Y, Y, Y, D, Y, Y, Y, Y, "") \
	FS("ext4", N, N, N, Y, D, Y, Y, Y, N, \
	   "buffered I/O goes through the file system's own page cache code, and so does direct I/O of files with data journalling") \
	FS("ext2", N, N, N, Y, D, N, Y, N, N, "direct I/O through iomap since Linux 6.5; block maps are the file system's own") \
	FS("btrfs", N, N, N, Y, N, N, N, N, N, "only direct I/O is made through iomap; the rest is the file system's own") \
	FS("f2fs", N, N, N, Y, N, N, N, N, N, "only direct I/O is made through iomap; the rest is the file system's own") \
	FS("gfs2", Y, Y, N, Y, N, Y, Y, Y, Y, \
	   "not in files with journalled data; write faults and swap files are the file system's own") \
	FS("gfs2meta", Y, Y, N, Y, N, Y, Y, Y, Y, "as gfs2") \
	FS("erofs", Y, N, N, Y, D, N, Y, Y, N, "read-only; compressed files are read by the file system's own code") \
	FS("zonefs", Y, Y, Y, Y, N, N, N, Y, Y, "buffered writes and write faults in conventional zones only; no bmap") \
	FS("hpfs", N, N, N, N, N, N, Y, N, N, "only FIEMAP is made through iomap") \
	FS("fuse", N, N, N, N, D, N, N, N, N, "from Linux 6.17 on buffered writes enter iomap too") \
	FS("fuseblk", N, N, N, N, N, N, N, N, N, "from Linux 6.17 on buffered I/O enters iomap") \
	FS("virtiofs", N, N, N, N, D, N, N, N, N, "only with -o dax")

/* Block devices opened as files, which are no mount. Buffered writes since Linux 6.6. */
#define FS_BLOCK_DEVICE \
	"buffered write yes; buffered read only in a kernel without CONFIG_BUFFER_HEAD; direct I/O no, it does not enter iomap"

#endif
