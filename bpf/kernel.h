/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every kernel type that the programs depend on: only the fields that are read, relocated against the running kernel's BTF.
 * A field that some kernels lack stands in a ___flavour of its own, and is read only after bpf_core_field_exists().
 */
#ifndef IOMAPSCOPE_KERNEL_H
#define IOMAPSCOPE_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* <linux/aio_abi.h>, which is an interface to user space and does not move; the header itself is not made for programs. */
struct iocb {
	__u64 aio_data;
	__u32 aio_key, aio_rw_flags;
	__u16 aio_lio_opcode;
	__s16 aio_reqprio;
	__u32 aio_fildes;
	__u64 aio_buf, aio_nbytes;
	__s64 aio_offset;
	__u64 aio_reserved2;
	__u32 aio_flags, aio_resfd;
};

struct io_event {
	__u64 data, obj;
	__s64 res, res2;
};

#include "iomap_control.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/linux/iomap.h, in all kernels up to 7.x. */
struct iomap_ops {
	void *iomap_end;
};

/* include/linux/sched.h */
struct task_struct {
	unsigned int flags;
	char comm[16];
	unsigned long nvcsw;
};

struct dentry;

/* include/linux/fs.h; all of it since long before 6.1. */
struct file_system_type {
	const char *name;
};

struct super_block {
	__u32 s_dev;
	struct file_system_type *s_type;
	struct dentry *s_root;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct inode {
	unsigned short i_mode;
	unsigned int i_flags;
	__u32 i_rdev;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	__u32 i_generation;
	struct hlist_head i_dentry;
};

/* include/linux/dcache.h */
struct qstr {
	__u64 hash_len;
	const unsigned char *name;
};

struct dentry {
	struct {
		struct {
			unsigned int sequence;
		} seqcount;
	} d_seq;
	struct {
		void *pprev;
	} d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
};

/* The list of an inode's names: in a union of its own that newer kernels (7.x) have no name for. */
struct dentry___named {
	struct {
		struct hlist_node d_alias;
	} d_u;
};

struct dentry___unnamed {
	struct hlist_node d_alias;
};

/* include/linux/iomap.h */
struct iomap {
	__u64 addr;
	long long offset;
	__u64 length;
	__u16 type;
	__u16 flags;
};

/* 6.2, d7b64041164c ("iomap: write iomap validity checks"); also in late 6.1.y. */
struct iomap___cookie {
	__u64 validity_cookie;
};

struct iomap_iter {
	struct inode *inode;
	long long pos;
	__u64 len;
	unsigned int flags;
	struct iomap iomap;
	struct iomap srcmap;
};

/* Up to 6.14. The iomap_iter event fires after ->iomap_end and before pos and len advance by @processed. */
struct iomap_iter___processed {
	__s64 processed;
};

/* This project's kernel. */
enum iomap_op {
	IOMAP_OP_UNKNOWN,
};

struct iomap_iter___op {
	enum iomap_op op;
};

/*
 * From 6.15, bc264fea0f6f ("iomap: support incremental iomap_iter advances") and the rest of its series. The event fires on
 * entry, before ->iomap_end, and pos and len have advanced already.
 */
struct iomap_iter___status {
	long long iter_start_pos;
	int status;
};

/* include/linux/fs.h and include/linux/uio.h. f_iocb_flags: from 6.0 on. */
struct file {
	struct inode *f_inode;
	unsigned int f_iocb_flags;
};

struct address_space {
	struct inode *host;
};

struct writeback_control {
	long nr_to_write;
	long long range_start, range_end;
};

struct kiocb {
	struct file *ki_filp;
	long long ki_pos;
	void *ki_complete;
	int ki_flags;
};

struct iov_iter {
	bool data_source;
	__u64 count;
};

/* fs/iomap/direct-io.c; read only where the stock events are missing, which is before 6.6. */
struct iomap_dio {
	struct kiocb *iocb;
};

/* The same; read where this project's events are. */
struct iomap_dio___ref {
	struct {
		int counter;
	} ref;
};

/* include/linux/bio.h, include/linux/bvec.h */
struct bvec_iter {
	__u64 bi_sector;
	unsigned int bi_size;
};

/* include/linux/blk_types.h, include/linux/blk-mq.h; all of these since long before 6.1. */
struct block_device {
	__u32 bd_dev;
};

struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	__u32 bi_opf;
	__u8 bi_status;
	struct bvec_iter bi_iter;
	void *bi_private;
};

struct request {
	unsigned int __data_len;
	__u64 __sector;
	struct bio *bio;
};

/* include/linux/iomap.h. io_bio is a pointer up to 6.8 (where io_inline_bio is), and must not be read there. */
struct iomap_ioend {
	__u16 io_flags;
	struct inode *io_inode;
	__u64 io_size;
	long long io_offset;
	__u64 io_sector;
	struct bio io_bio;
};

/* Up to 6.13, where io_flags are those of the mapping. After that they are IOMAP_IOEND_*. */
struct iomap_ioend___type {
	__u16 io_type;
};

/* Up to 6.8, where an ioend may have several bios. */
struct iomap_ioend___chain {
	struct bio io_inline_bio;
};

/* From 6.14: an ioend may be split before it is submitted. */
struct iomap_ioend___split {
	struct {
		int counter;
	} io_remaining;
	int io_error;
	struct iomap_ioend___split *io_parent;
};

/* Up to 6.16. */
struct iomap_writepage_ctx___ioend {
	struct iomap_ioend *ioend;
};

/* From 6.17. */
struct iomap_writepage_ctx___wb_ctx {
	struct inode *inode;
	struct writeback_control *wbc;
	struct iomap_ioend *wb_ctx;
};

/* include/linux/mm_types.h and include/linux/mm.h */
struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
};

enum fault_flag {
	FAULT_FLAG_WRITE = 1,
};

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long pgoff;
	unsigned long address;
	enum fault_flag flags;
	void *cow_page;
};

/* Up to 6.5. Functions have an order in its place since 1d024e7a8dab ("mm: remove enum page_entry_size"). */
enum page_entry_size {
	PE_SIZE_PTE,
	PE_SIZE_PMD,
	PE_SIZE_PUD,
};

/* fs/aio.c, private to it; the same from 6.1 to 7.3. A request begins with its kiocb, also if it is no read or write. */
struct kioctx {
	unsigned long user_id;
};

struct aio_kiocb {
	struct kioctx *ki_ctx;
	struct io_event ki_res;
};

struct aio_poll_table {
	struct aio_kiocb *iocb;
};

/* include/linux/dm-io.h and drivers/md/dm-io.c; maybe in the BTF of the module dm_mod. */
struct dm_io_region {
	struct block_device *bdev;
	__u64 sector, count;
};

enum dm_io_mem_type {
	DM_IO_PAGE_LIST,
};

struct dm_io_memory {
	enum dm_io_mem_type type;
};

struct dm_io_notify {
	void *fn;
};

struct dm_io_request {
	struct dm_io_memory mem;
	struct dm_io_notify notify;
};

struct io {
	unsigned long error_bits;
};

/* 7.x keeps apart what a device does not support. */
struct io___unsup {
	unsigned long unsup_bits;
};

#pragma clang attribute pop

/* include/linux/blk_types.h: the bits move, so only the names are of use. */
enum req_flag_bits {
	__REQ_SYNC,
	__REQ_META,
	__REQ_PRIO,
	__REQ_IDLE,
	__REQ_FUA,
	__REQ_PREFLUSH,
	__REQ_RAHEAD,
	__REQ_BACKGROUND,
};
#define REQ_OP_MASK	0xff

#define EIOCBQUEUED	529
#define ENOTBLK		15
#define EAGAIN		11
#define MAX_ERRNO	4095
#define EINTR		4
#define ENOSPC		28
#define EDQUOT		122
#define ERESTARTSYS	512
#define ASK_NOWAIT_BIT	(1u << 5)
#define ASK_OVERWRITE_ONLY (1u << 6)
#define MAP_OF_NEW	(1u << 0)
#define ASK_NOWAIT	5	/* the bit of IOMAP_NOWAIT */
#define DAX_COPY_RECOVERY 3
#define VM_SHARED	(1ul << 3)
#define DIO_FORCE_WAIT	(1u << 0)	/* IOMAP_DIO_FORCE_WAIT */
#define IOEND_UNWRITTEN	(1u << 0)	/* IOMAP_IOEND_UNWRITTEN */

/* PF_KTHREAD, PF_IO_WORKER, and PF_USER_WORKER of 6.4: it runs no code of a process. */
#define PF_NO_USER_CODE	(0x00200000u | 0x00000010u | 0x00004000u)
#define IOCB_DIRECT	(1u << 17)
#define S_DAX		(1u << 13)

#define S_IFMT	0170000
#define S_IFBLK	0060000
#define S_IFDIR	0040000

#endif
