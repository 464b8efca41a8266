// SPDX-License-Identifier: GPL-2.0-only
/*
 * A target for tests: its device, linearly, and a record of every write and flush that it sees.
 *
 * Table line: <start> <length> lab_log <device> <device sector> <number>
 *
 * Unlike dm-log-writes it has one record for all of its devices, in the order in which things
 * happened, and a flush covers the device that it was sent to and no other: so the record shows
 * whether one device was flushed before the other was written. Submission and completion are
 * recorded apart: a write that was under way may be on the medium or not, whole or in part.
 *
 * /dev/lab_log is the record. What is written to it becomes a mark, between whatever completed
 * before and whatever is submitted later. Reading takes records away: whole ones, as many as fit.
 */
#include <linux/bio.h>
#include <linux/bvec.h>
#include <linux/device-mapper.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#define DM_MSG_PREFIX "lab_log"
/* Larger requests are cut: their content is kept in one piece of memory. */
#define LOG_MAX_SECTORS 64
#define LOG_MAX_MARK 65536

enum log_kind { LOG_END, LOG_WRITE, LOG_FLUSH, LOG_DONE, LOG_MARK };

#define LOG_FUA 1
#define LOG_PREFLUSH 2

/* As it is read; the content follows. tests/crash/recording.ts knows it, too. */
struct log_record {
	__le32 kind;
	__le32 device;
	__le64 id;	/* of the request: its end has the same */
	__le64 sector;
	__le32 flags;
	__le32 status;	/* of an end: 0 if it went well */
	__le32 bytes;	/* of the content */
	__le32 reserved;
};

struct log_entry {
	struct list_head list;
	struct log_record record;
	u8 content[];
};

struct log_c {
	struct dm_dev *dev;
	sector_t start;
	u32 number;
};

/* In front of every bio. */
struct log_io {
	struct log_entry *done;	/* allocated beforehand: the end may come in an interrupt */
};

static LIST_HEAD(log_entries);
static DEFINE_SPINLOCK(log_lock);
static DEFINE_MUTEX(log_reader);
static atomic64_t log_ids;

static struct log_entry *log_alloc(enum log_kind kind, u32 device, u64 id, size_t bytes)
{
	struct log_entry *entry = kvzalloc(sizeof(*entry) + bytes, GFP_NOIO);

	if (!entry)
		return NULL;
	entry->record.kind = cpu_to_le32(kind);
	entry->record.device = cpu_to_le32(device);
	entry->record.id = cpu_to_le64(id);
	entry->record.bytes = cpu_to_le32(bytes);
	return entry;
}

static void log_add(struct log_entry *entry)
{
	unsigned long flags;

	spin_lock_irqsave(&log_lock, flags);
	list_add_tail(&entry->list, &log_entries);
	spin_unlock_irqrestore(&log_lock, flags);
}

static int log_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct log_c *lc;
	u64 start;
	int r;

	lc = kzalloc(sizeof(*lc), GFP_KERNEL);
	if (!lc)
		return -ENOMEM;
	r = -EINVAL;
	if (argc != 3 || kstrtou64(argv[1], 10, &start) || kstrtou32(argv[2], 10, &lc->number)) {
		ti->error = "<device> <device sector> <number>";
		goto fail;
	}
	lc->start = start;
	r = dm_get_device(ti, argv[0], dm_table_get_mode(ti->table), &lc->dev);
	if (r) {
		ti->error = "no such device";
		goto fail;
	}
	r = dm_set_target_max_io_len(ti, LOG_MAX_SECTORS);
	if (r) {
		dm_put_device(ti, lc->dev);
		goto fail;
	}
	ti->num_flush_bios = 1;
	/* A device without a cache is recorded as if it had one. */
	ti->flush_supported = true;
	ti->per_io_data_size = sizeof(struct log_io);
	ti->private = lc;
	return 0;
fail:
	kfree(lc);
	return r;
}

static void log_dtr(struct dm_target *ti)
{
	struct log_c *lc = ti->private;

	dm_put_device(ti, lc->dev);
	kfree(lc);
}

static void log_copy(u8 *to, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter) {
		memcpy_from_bvec(to, &bv);
		to += bv.bv_len;
	}
}

static int log_map(struct dm_target *ti, struct bio *bio)
{
	struct log_io *io = dm_per_bio_data(bio, sizeof(*io));
	struct log_c *lc = ti->private;
	sector_t sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	u32 bytes = bio->bi_iter.bi_size, flags = 0;
	struct log_entry *entry;
	u64 id;

	io->done = NULL;
	bio_set_dev(bio, lc->dev->bdev);
	if (bytes)
		bio->bi_iter.bi_sector = lc->start + sector;
	if (!op_is_write(bio_op(bio)))
		return DM_MAPIO_REMAPPED;

	id = atomic64_inc_return(&log_ids);
	entry = log_alloc(bytes ? LOG_WRITE : LOG_FLUSH, lc->number, id, bytes);
	io->done = log_alloc(LOG_DONE, lc->number, id, 0);
	if (!entry || !io->done) {
		kvfree(entry);
		kvfree(io->done);
		io->done = NULL;
		return DM_MAPIO_KILL;
	}
	if (bio->bi_opf & REQ_FUA)
		flags |= LOG_FUA;
	if (bio->bi_opf & REQ_PREFLUSH)
		flags |= LOG_PREFLUSH;
	entry->record.sector = cpu_to_le64(bytes ? sector : 0);
	entry->record.flags = cpu_to_le32(flags);
	if (bytes)
		log_copy(entry->content, bio);
	log_add(entry);
	return DM_MAPIO_REMAPPED;
}

static int log_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct log_io *io = dm_per_bio_data(bio, sizeof(*io));

	if (io->done) {
		io->done->record.status = cpu_to_le32((__force u8)*error);
		log_add(io->done);
		io->done = NULL;
	}
	return DM_ENDIO_DONE;
}

static int log_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct log_c *lc = ti->private;

	return fn(ti, lc->dev, lc->start, ti->len, data);
}

static struct target_type log_target = {
	.name = "lab_log",
	.version = { 1, 0, 0 },
	.module = THIS_MODULE,
	.ctr = log_ctr,
	.dtr = log_dtr,
	.map = log_map,
	.end_io = log_end_io,
	.iterate_devices = log_iterate_devices,
};

static struct log_entry *log_first(void)
{
	struct log_entry *entry;

	spin_lock_irq(&log_lock);
	entry = list_first_entry_or_null(&log_entries, struct log_entry, list);
	spin_unlock_irq(&log_lock);
	return entry;
}

static void log_remove(struct log_entry *entry)
{
	spin_lock_irq(&log_lock);
	list_del(&entry->list);
	spin_unlock_irq(&log_lock);
	kvfree(entry);
}

static ssize_t log_read(struct file *file, char __user *to, size_t room, loff_t *ppos)
{
	struct log_entry *entry;
	size_t done = 0, size;
	ssize_t r = 0;

	mutex_lock(&log_reader);
	while ((entry = log_first())) {
		size = sizeof(entry->record) + le32_to_cpu(entry->record.bytes);
		if (size > room - done) {
			r = done ? 0 : -EINVAL;
			break;
		}
		if (copy_to_user(to + done, &entry->record, size)) {
			r = -EFAULT;
			break;
		}
		done += size;
		log_remove(entry);
	}
	mutex_unlock(&log_reader);
	return r ?: done;
}

static ssize_t log_write(struct file *file, const char __user *text, size_t size, loff_t *ppos)
{
	struct log_entry *entry;

	if (!size || size > LOG_MAX_MARK)
		return -EINVAL;
	entry = log_alloc(LOG_MARK, 0, 0, size);
	if (!entry)
		return -ENOMEM;
	if (copy_from_user(entry->content, text, size)) {
		kvfree(entry);
		return -EFAULT;
	}
	log_add(entry);
	return size;
}

static const struct file_operations log_fops = {
	.owner = THIS_MODULE,
	.read = log_read,
	.write = log_write,
};

static struct miscdevice log_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "lab_log",
	.fops = &log_fops,
	.mode = 0600,
};

static int __init log_init(void)
{
	int r = misc_register(&log_misc);

	if (r)
		return r;
	r = dm_register_target(&log_target);
	if (r)
		misc_deregister(&log_misc);
	return r;
}
module_init(log_init);

static void __exit log_exit(void)
{
	struct log_entry *entry;

	dm_unregister_target(&log_target);
	misc_deregister(&log_misc);
	while ((entry = log_first()))
		log_remove(entry);
}
module_exit(log_exit);

MODULE_DESCRIPTION("Records writes and flushes, for tests");
MODULE_LICENSE("GPL");
