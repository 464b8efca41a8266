// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata: its state, its blocks in and out, and what happens when they do not get there.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dm-remap-copy.h"
#include "dm-remap-metadata.h"
#include "dm-remap-table.h"
#include "dm-remap-targets.h"

/* All memory that a commit will need. Return: the state, or NULL. */
struct remap_meta *remap_meta_create(const struct remap_c *rc, u64 spare_len)
{
	struct remap_meta *meta = kzalloc(sizeof(*meta), GFP_NOIO);

	if (!meta)
		return NULL;
	remap_layout_of(spare_len, rc->unit, &meta->layout);
	meta->super = (void *)get_zeroed_page(GFP_NOIO);
	meta->block = (void *)get_zeroed_page(GFP_NOIO);
	if (!meta->super || !meta->block) {
		remap_meta_destroy(meta);
		return NULL;
	}
	return meta;
}

void remap_meta_destroy(struct remap_meta *meta)
{
	if (!meta)
		return;
	free_page((unsigned long)meta->super);
	free_page((unsigned long)meta->block);
	kfree(meta);
}

/* Was the table line loaded for writing? Else the devices are open for reading only. */
bool remap_table_is_writable(const struct remap_c *rc)
{
	return dm_table_get_mode(rc->ti->table) & REMAP_MODE_WRITE;
}

/* May the table change in a way that is to last? A volatile one always may. */
bool remap_meta_is_writable(const struct remap_c *rc)
{
	return !rc->meta || READ_ONCE(rc->meta->mode) == REMAP_META_WRITE;
}

/* Would what is written to slots be lost if the other spare of a migration were believed? */
bool remap_is_frozen(const struct remap_c *rc)
{
	return rc->meta && READ_ONCE(rc->meta->frozen);
}

/**
 * remap_meta_degrade() - From now on the metadata stays as it is.
 * @rc: the target
 * @why: for the log
 *
 * It is not tried again: a write that has failed may have reached the medium all the same, and
 * only reading tells.
 */
void remap_meta_degrade(struct remap_c *rc, const char *why)
{
	if (rc->meta->mode != REMAP_META_WRITE)
		return;
	WRITE_ONCE(rc->meta->mode, REMAP_META_READ_ONLY);
	remap_err(rc, "metadata on %s is read-only from now on: %s; nothing is relocated any more",
		  rc->spare->name, why);
	remap_err(rc, "mend the device, then suspend, send \"restore\" and resume, or remove and create again");
	remap_event(rc, REMAP_EVENT_METADATA, 0, 0);
	remap_health_update(rc);
}

static sector_t remap_block_sector(const struct remap_c *rc, u64 block)
{
	return rc->spare_start + block * REMAP_BLOCK_SECTORS;
}

static blk_status_t remap_block_io(struct remap_c *rc, blk_opf_t opf, u64 block, void *data)
{
	struct bio_vec vec;
	struct bio bio;
	blk_status_t status;

	bio_init(&bio, rc->spare->bdev, &vec, 1, opf);
	bio.bi_iter.bi_sector = remap_block_sector(rc, block);
	__bio_add_page(&bio, virt_to_page(data), REMAP_BLOCK_SIZE, offset_in_page(data));
	submit_bio_wait(&bio);
	status = bio.bi_status;
	bio_uninit(&bio);
	if (status)
		atomic64_inc(&rc->table->counters->spare_errors);
	return status;
}

/* Another try, after a while? A suspend does not cut it short: it waits for what hangs on this. */
static bool remap_try_again(struct remap_c *rc, unsigned int *tries)
{
	unsigned int delay = rc->features.retry_delay_ms << min(*tries, 10u);

	if (rc->meta)
		rc->meta->errors++;
	if (++*tries >= rc->features.retries)
		return false;
	msleep(min_t(unsigned int, delay, REMAP_MAX_DELAY_MS));
	return true;
}

/**
 * remap_meta_write_block() - Seal a block and write it, so that it lasts.
 * @rc: the target
 * @block: where to
 * @data: a page
 *
 * Return: 0 or a negative errno; the block may be on the medium all the same.
 */
int remap_meta_write_block(struct remap_c *rc, u64 block, void *data)
{
	unsigned int tries = 0;
	blk_status_t status;

	remap_block_seal(data);
	do {
		rc->meta->writes++;
		/* No PREFLUSH: dm drops its error if there is data, see dm_io_complete(). */
		status = remap_block_io(rc, REQ_OP_WRITE | REQ_FUA | REQ_SYNC | REQ_META, block,
					data);
	} while (status && remap_try_again(rc, &tries));
	return blk_status_to_errno(status);
}

/* Write blocks that lie in the copier's pages, from the first page on. They need not last yet. */
int remap_meta_write_run(struct remap_c *rc, u64 block, unsigned int count)
{
	struct remap_area spare = remap_spare_area(rc);
	unsigned int tries = 0;
	blk_status_t status;

	do {
		rc->meta->writes++;
		status = remap_copy_io(rc, &spare, REQ_OP_WRITE | REQ_META,
				       remap_block_sector(rc, block), 0,
				       count * REMAP_BLOCK_SECTORS);
	} while (status && remap_try_again(rc, &tries));
	return blk_status_to_errno(status);
}

/* Read blocks into the copier's pages, the first one to the place of block @at of a run. */
int remap_meta_read_run(struct remap_c *rc, u64 block, unsigned int at, unsigned int count)
{
	struct remap_area spare = remap_spare_area(rc);
	unsigned int tries = 0;
	blk_status_t status;

	do {
		status = remap_copy_io(rc, &spare, REQ_OP_READ | REQ_META,
				       remap_block_sector(rc, block), at * REMAP_BLOCK_SECTORS,
				       count * REMAP_BLOCK_SECTORS);
	} while (status && remap_try_again(rc, &tries));
	return blk_status_to_errno(status);
}

void *remap_run_block(struct remap_c *rc, unsigned int i)
{
	unsigned int pos = i * REMAP_BLOCK_SIZE;

	return page_address(rc->copier.pages[pos >> PAGE_SHIFT]) + offset_in_page(pos);
}

/* An empty block that goes with a superblock; count, flags and checksum come last. */
void remap_block_start(void *block, const char *magic, const struct remap_disk_super *super,
		       u64 sequence)
{
	struct remap_disk_header *header = block;

	memset(block, 0, REMAP_BLOCK_SIZE);
	*header = super->header;
	memcpy(header->magic, magic, REMAP_MAGIC_SIZE);
	header->sequence = cpu_to_le64(sequence);
}

/* No migration from this spare is under way any more. */
void remap_super_unlink(struct remap_disk_super *super)
{
	if (!(super->compat & cpu_to_le32(REMAP_DISK_MIGRATING)))
		return;
	super->compat &= cpu_to_le32(~REMAP_DISK_MIGRATING);
	memset(super->linked_uuid, 0, sizeof(super->linked_uuid));
	super->linked_generation = 0;
}

/* The current superblock once more, in the place of the other one, before anything else. */
int remap_heal_super(struct remap_c *rc)
{
	le64_add_cpu(&rc->meta->super->header.sequence, 1);
	return remap_write_super(rc);
}

/*
 * A migration from here may have ended without this spare hearing of it. Being newer than the
 * switch tells that we have gone on; who cannot be must not go on. Twice: the switch knew the
 * generation in memory, which the medium may have been one behind. The mark goes with the second.
 */
static int remap_meta_end_migration(struct remap_c *rc)
{
	struct remap_meta *meta = rc->meta;

	meta->super->compat |= cpu_to_le32(REMAP_DISK_MIGRATING);
	if (remap_meta_is_writable(rc) && !remap_checkpoint(rc, NULL)) {
		remap_super_unlink(meta->super);
		if (!remap_checkpoint(rc, NULL)) {
			WRITE_ONCE(meta->frozen, false);
			return 0;
		}
	}
	remap_err(rc, "metadata on %s refused: a migration from it was under way, and its end cannot be written",
		  rc->spare->name);
	remap_meta_degrade(rc, "the end of the migration could not be written");
	WRITE_ONCE(meta->frozen, true);
	return -EROFS;
}

/*
 * The journal that was read ends here, with whatever a crash has left of a last transaction:
 * what follows starts with a new checkpoint.
 */
static int remap_meta_begin(struct remap_c *rc)
{
	struct remap_meta *meta = rc->meta;

	if (!remap_table_is_writable(rc) || meta->mode != REMAP_META_WRITE)
		return 0;
	if (meta->super->ro_compat)
		remap_meta_degrade(rc, "it has features that this version does not know");
	else if (meta->heal && remap_heal_super(rc))
		remap_meta_degrade(rc, "the damaged superblock could not be written");
	if (meta->frozen || meta->super->compat & cpu_to_le32(REMAP_DISK_MIGRATING))
		return remap_meta_end_migration(rc);
	if (remap_meta_is_writable(rc) && meta->rewrite && remap_checkpoint(rc, NULL))
		remap_meta_degrade(rc, "the table that was read could not be written");
	return 0;
}

/**
 * remap_meta_activate() - Before the first resume: read the table, and write it if need be.
 * @rc: the target; what it has taken over from another table is not read again
 *
 * Return: 0, or a negative errno: the target does not run.
 */
int remap_meta_activate(struct remap_c *rc)
{
	unsigned int noio = memalloc_noio_save();
	int r;

	mutex_lock(&rc->move_lock);
	r = rc->owner ? 0 : remap_load(rc, !rc->heritage.expected);
	if (!r)
		r = remap_meta_begin(rc);
	if (r)
		WRITE_ONCE(rc->meta->mode, REMAP_META_FAIL);
	mutex_unlock(&rc->move_lock);
	memalloc_noio_restore(noio);
	return r;
}

/**
 * remap_super_follow_sizes() - A device may grow while it is served: the next start would take it
 * for another one.
 * @rc: the target
 * @super: what is to say how large the devices are
 *
 * One that is smaller than what is used of it is gone, and will come back as it was.
 *
 * Return: whether anything has changed.
 */
bool remap_super_follow_sizes(struct remap_c *rc, struct remap_disk_super *super)
{
	u64 main = bdev_nr_sectors(rc->main->bdev), spare = bdev_nr_sectors(rc->spare->bdev);
	bool changed = false;

	if (main >= rc->main_start + rc->ti->len &&
	    main != le64_to_cpu(super->main_device_sectors)) {
		super->main_device_sectors = cpu_to_le64(main);
		changed = true;
	}
	if (spare >= rc->spare_start + rc->spare_len &&
	    spare != le64_to_cpu(super->spare_device_sectors)) {
		super->spare_device_sectors = cpu_to_le64(spare);
		changed = true;
	}
	return changed;
}

/*
 * The device stands still: its journal ends here, so that the next start has nothing to replay. But
 * not if it is to stand still because the devices below do not answer.
 */
void remap_meta_suspend(struct remap_c *rc)
{
	struct remap_meta *meta;

	mutex_lock(&rc->move_lock);
	rc->running = false;
	meta = rc->meta;
	if (rc->active && meta && meta->mode == REMAP_META_WRITE && remap_table_is_writable(rc) &&
	    !rc->noflush && (remap_super_follow_sizes(rc, meta->super) || meta->journal_used ||
			     meta->nr) &&
	    remap_checkpoint(rc, NULL))
		remap_meta_degrade(rc, "the table could not be written at the end");
	mutex_unlock(&rc->move_lock);
}

/**
 * remap_meta_save() - Write the whole table.
 * @rc: the target
 * @generation: of the checkpoint
 *
 * Return: 0 or a negative errno; the reason is in the log.
 */
int remap_meta_save(struct remap_c *rc, u64 *generation)
{
	int r;

	r = mutex_lock_killable(&rc->move_lock);
	if (r)
		return r;
	if (!rc->meta) {
		remap_err(rc, "save: a volatile table has no metadata");
		r = -EOPNOTSUPP;
	} else if (rc->meta->mode != REMAP_META_WRITE || !remap_table_is_writable(rc)) {
		remap_err(rc, "save: the metadata, or the table, is read-only");
		r = -EROFS;
	} else if (!rc->active) {
		remap_err(rc, "save: the device has not been resumed yet");
		r = -EBUSY;
	} else {
		r = remap_checkpoint(rc, NULL);
		if (r)
			remap_meta_degrade(rc, "the table could not be written");
		*generation = le64_to_cpu(rc->meta->super->header.generation);
	}
	mutex_unlock(&rc->move_lock);
	return r;
}

/**
 * remap_meta_restore() - Read the whole table again, and forget what it was.
 * @rc: the target
 * @remapped: sectors relocated according to it
 *
 * Return: 0 or a negative errno; the reason is in the log, and the table is what it was.
 */
int remap_meta_restore(struct remap_c *rc, u64 *remapped)
{
	unsigned int noio;
	int r;

	r = mutex_lock_killable(&rc->move_lock);
	if (r)
		return r;
	noio = memalloc_noio_save();
	if (!rc->meta) {
		remap_err(rc, "restore: a volatile table has no metadata");
		r = -EOPNOTSUPP;
	} else if (!dm_suspended(rc->ti) || rc->running || !rc->active || !rc->owner) {
		remap_err(rc, "restore: suspend the device first");
		r = -EBUSY;
	} else if (rc->migrating.now) {
		remap_err(rc, "restore: a migration is under way: stop it first");
		r = -EBUSY;
	} else {
		r = remap_load(rc, false);
	}
	if (!r) {
		r = remap_meta_begin(rc);
		*remapped = remap_table_totals(rc->table).remapped;
	}
	memalloc_noio_restore(noio);
	mutex_unlock(&rc->move_lock);
	if (!r) {
		remap_event(rc, REMAP_EVENT_METADATA, 0, 0);
		remap_health_update(rc);
	}
	return r;
}
