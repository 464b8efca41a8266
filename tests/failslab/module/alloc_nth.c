// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lets the Nth allocation fail that a place in one module makes, in whatever task: probes sit where the allocators ask whether a failure is wanted, and look up the stack for a return address
 * in that module. The innermost such address is the allocation's site.
 *
 * All by way of debugfs, /sys/kernel/debug/alloc_nth/:
 *   control   "range <start> <bytes>": the module's text
 *             "below <start> <bytes>": a function below which it is other drivers' business
 *             "arm <n> once|site <site>": count from 1 what is made there; the Nth fails, or it
 *             and all later ones. Of site 0 there is none.
 *             "disarm"
 *   state     "count=<all that were made since it was armed> fired=<failed>"
 *   sites     a line a site: "<address> <seen> <failed>", since the module was loaded
 *   order     the sites of the allocations since it was armed, one after the other
 */
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/linkage.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/seq_file.h>
#include <linux/stacktrace.h>
#include <linux/uaccess.h>

#define ALLOC_NTH_DEPTH 40
#define ALLOC_NTH_SITES 512
#define ALLOC_NTH_ORDER 4096

struct alloc_nth_site {
	unsigned long address;
	atomic_t seen, failed;
};

static struct alloc_nth_site alloc_nth_sites[ALLOC_NTH_SITES];
static unsigned long alloc_nth_order[ALLOC_NTH_ORDER];
static struct alloc_nth_range {
	unsigned long start, bytes;
} alloc_nth_module, alloc_nth_below;
static bool alloc_nth_armed, alloc_nth_sticky;
static unsigned int alloc_nth_wanted;
static atomic_t alloc_nth_count, alloc_nth_met, alloc_nth_fired;
static unsigned long alloc_nth_victim;
static struct dentry *alloc_nth_dir;

static bool alloc_nth_is_in(const struct alloc_nth_range *range, unsigned long address)
{
	return address - range->start < range->bytes;
}

/* The innermost return address in the module; 0: the allocation is somebody else's. */
static unsigned long alloc_nth_caller(const struct pt_regs *regs)
{
	unsigned long entries[ALLOC_NTH_DEPTH], direct = *(unsigned long *)regs->sp;
	unsigned int n, nr;

	/* Its frame is not there yet when a function begins. */
	if (alloc_nth_is_in(&alloc_nth_module, direct))
		return direct;
	nr = stack_trace_save(entries, ALLOC_NTH_DEPTH, 0);
	for (n = 0; n < nr && !alloc_nth_is_in(&alloc_nth_below, entries[n]); n++)
		if (alloc_nth_is_in(&alloc_nth_module, entries[n]))
			return entries[n];
	return 0;
}

/* Probes interrupt each other, and anybody: no locks. */
static struct alloc_nth_site *alloc_nth_site(unsigned long address)
{
	unsigned int n;

	for (n = 0; n < ALLOC_NTH_SITES; n++) {
		unsigned long there = READ_ONCE(alloc_nth_sites[n].address);

		if (!there)
			there = cmpxchg(&alloc_nth_sites[n].address, 0, address) ?: address;
		if (there == address)
			return &alloc_nth_sites[n];
	}
	return NULL;
}

static bool alloc_nth_is_due(unsigned long address)
{
	unsigned int count = atomic_inc_return(&alloc_nth_count), met;

	if (count <= ALLOC_NTH_ORDER)
		WRITE_ONCE(alloc_nth_order[count - 1], address);
	if (address != alloc_nth_victim)
		return false;
	met = atomic_inc_return(&alloc_nth_met);
	return alloc_nth_sticky ? met >= alloc_nth_wanted : met == alloc_nth_wanted;
}

static bool alloc_nth_should_fail(const struct pt_regs *regs, gfp_t gfp)
{
	struct alloc_nth_site *site;
	unsigned long address;

	/* The probe itself counts as an interrupt. What interrupts the module is not its doing. */
	if (!READ_ONCE(alloc_nth_armed) || (preempt_count() & HARDIRQ_MASK) > HARDIRQ_OFFSET ||
	    in_serving_softirq() || gfp & __GFP_NOFAIL)
		return false;
	address = alloc_nth_caller(regs);
	site = address ? alloc_nth_site(address) : NULL;
	if (!site)
		return false;
	atomic_inc(&site->seen);
	if (!alloc_nth_is_due(address))
		return false;
	atomic_inc(&site->failed);
	atomic_inc(&alloc_nth_fired);
	/* Who reads the log knows by this that a trace which follows was asked for. */
	pr_notice("FAULT_INJECTION: no memory for %pS\n", (void *)address);
	return true;
}

/* As just_return_func() in arch/x86/lib/error-inject.c, which modules cannot have. */
void alloc_nth_just_return(void);
asm(".pushsection .text, \"ax\"\n"
    ".type alloc_nth_just_return, @function\n"
    "alloc_nth_just_return:\n"
    ASM_RET
    ".size alloc_nth_just_return, .-alloc_nth_just_return\n"
    ".popsection\n");

/* The probed function returns at once, as if it had come to its end. */
static int alloc_nth_return(struct pt_regs *regs, unsigned long value)
{
	regs->ax = value;
	regs->ip = (unsigned long)alloc_nth_just_return;
	return 1;
}

/* int should_failslab(struct kmem_cache *s, gfp_t gfpflags) */
static int alloc_nth_slab(struct kprobe *probe, struct pt_regs *regs)
{
	return alloc_nth_should_fail(regs, regs->si) ? alloc_nth_return(regs, -ENOMEM) : 0;
}

/* bool should_fail_alloc_page(gfp_t gfp_mask, unsigned int order) */
static int alloc_nth_page(struct kprobe *probe, struct pt_regs *regs)
{
	return alloc_nth_should_fail(regs, regs->di) ? alloc_nth_return(regs, true) : 0;
}

/* void __percpu *__alloc_percpu(size_t size, size_t align) */
static int alloc_nth_percpu(struct kprobe *probe, struct pt_regs *regs)
{
	return alloc_nth_should_fail(regs, GFP_KERNEL) ? alloc_nth_return(regs, 0) : 0;
}

/* A probe that has one is not optimized; of an optimized one the kernel would ignore the return. */
static void alloc_nth_post(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

#define ALLOC_NTH_PROBE(function, handler) \
	{ .symbol_name = function, .pre_handler = handler, .post_handler = alloc_nth_post }

static struct kprobe alloc_nth_probes[] = {
	ALLOC_NTH_PROBE("should_failslab", alloc_nth_slab),
	ALLOC_NTH_PROBE("should_fail_alloc_page", alloc_nth_page),
	ALLOC_NTH_PROBE("__alloc_percpu", alloc_nth_percpu),
};

static int alloc_nth_arm(unsigned int nth, const char *mode, unsigned long site)
{
	if (strcmp(mode, "once") && strcmp(mode, "site"))
		return -EINVAL;
	WRITE_ONCE(alloc_nth_armed, false);
	alloc_nth_sticky = !strcmp(mode, "site");
	alloc_nth_wanted = nth;
	alloc_nth_victim = site;
	atomic_set(&alloc_nth_count, 0);
	atomic_set(&alloc_nth_met, 0);
	atomic_set(&alloc_nth_fired, 0);
	/* Whoever sees it armed sees what for. */
	smp_store_release(&alloc_nth_armed, true);
	return 0;
}

static bool alloc_nth_parse(const char *text, const char *format, struct alloc_nth_range *range)
{
	unsigned long start, bytes;

	if (sscanf(text, format, &start, &bytes) != 2)
		return false;
	*range = (struct alloc_nth_range) { .start = start, .bytes = bytes };
	return true;
}

static ssize_t alloc_nth_control(struct file *file, const char __user *buf, size_t len,
				 loff_t *pos)
{
	unsigned long site;
	unsigned int nth;
	char text[80] = "", mode[8] = "";
	int r = 0;

	if (len >= sizeof(text) || copy_from_user(text, buf, len))
		return -EINVAL;
	if (alloc_nth_parse(text, "range %lx %lu", &alloc_nth_module) ||
	    alloc_nth_parse(text, "below %lx %lu", &alloc_nth_below))
		return len;
	if (sscanf(text, "arm %u %7s %lx", &nth, mode, &site) == 3)
		r = alloc_nth_arm(nth, mode, site);
	else if (!strncmp(text, "disarm", 6))
		WRITE_ONCE(alloc_nth_armed, false);
	else
		r = -EINVAL;
	return r ?: len;
}

static const struct file_operations alloc_nth_control_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = alloc_nth_control,
};

static int alloc_nth_state_show(struct seq_file *seq, void *unused)
{
	seq_printf(seq, "count=%d fired=%d\n", atomic_read(&alloc_nth_count),
		   atomic_read(&alloc_nth_fired));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(alloc_nth_state);

static int alloc_nth_sites_show(struct seq_file *seq, void *unused)
{
	unsigned int n;

	for (n = 0; n < ALLOC_NTH_SITES && alloc_nth_sites[n].address; n++)
		seq_printf(seq, "%lx %d %d\n", alloc_nth_sites[n].address,
			   atomic_read(&alloc_nth_sites[n].seen),
			   atomic_read(&alloc_nth_sites[n].failed));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(alloc_nth_sites);

static int alloc_nth_order_show(struct seq_file *seq, void *unused)
{
	unsigned int n, count = min(atomic_read(&alloc_nth_count), ALLOC_NTH_ORDER);

	for (n = 0; n < count; n++)
		seq_printf(seq, "%lx\n", READ_ONCE(alloc_nth_order[n]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(alloc_nth_order);

static int __init alloc_nth_init(void)
{
	unsigned int n;
	int r;

	for (n = 0; n < ARRAY_SIZE(alloc_nth_probes); n++) {
		r = register_kprobe(&alloc_nth_probes[n]);
		if (r) {
			while (n--)
				unregister_kprobe(&alloc_nth_probes[n]);
			return r;
		}
	}
	alloc_nth_dir = debugfs_create_dir("alloc_nth", NULL);
	debugfs_create_file("control", 0200, alloc_nth_dir, NULL, &alloc_nth_control_fops);
	debugfs_create_file("state", 0400, alloc_nth_dir, NULL, &alloc_nth_state_fops);
	debugfs_create_file("sites", 0400, alloc_nth_dir, NULL, &alloc_nth_sites_fops);
	debugfs_create_file("order", 0400, alloc_nth_dir, NULL, &alloc_nth_order_fops);
	return 0;
}

static void __exit alloc_nth_exit(void)
{
	unsigned int n;

	debugfs_remove(alloc_nth_dir);
	for (n = 0; n < ARRAY_SIZE(alloc_nth_probes); n++)
		unregister_kprobe(&alloc_nth_probes[n]);
}

module_init(alloc_nth_init);
module_exit(alloc_nth_exit);

MODULE_DESCRIPTION("Lets the Nth allocation of a module fail");
MODULE_LICENSE("GPL");
