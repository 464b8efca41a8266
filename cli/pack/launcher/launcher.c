// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first part of a packed dmremap-ts.
 *
 *	+----------+-----------------+----------------+--------+------------+-------------+
 *	| launcher | deno executable | embedded files | script | code cache | boot script |
 *	+----------+-----------------+----------------+--------+------------+-------------+
 *	           page-aligned      page-aligned
 *
 * It maps the runtime from its own file, the way the kernel and ld.so would, and jumps into it:
 * nothing is copied, nothing is written anywhere, the pages are shared between all running
 * copies, and the process keeps its pid, name, signals and exit code. Handing 100 MB over in a
 * memfd costs 55 ms at each start and that much memory for each process; an unpacked copy in a
 * cache directory has to be trusted, cleaned up, and needs a place to write that is not noexec.
 *
 * Built without libc (gcc -nostdlib -static): the dynamic loader of the runtime sets the process
 * up from scratch, so no other libc may have done so before.
 */
#include "freestanding.h"
#include "image.h"
#include "xxh32.h"

#define FIRST_FREE_FD 3
#define PATH_SIZE 4096
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1U
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

/* Filled in by the packer, which finds it by its magic; all offsets are of the packed file. */
struct payload {
	char magic[16];
	uint64_t file_size;
	uint64_t runtime_offset;
	uint64_t boot_offset;
	uint64_t boot_size;
	uint32_t checksum; /* of everything from runtime_offset to the end */
	uint32_t reserved;
};

__attribute__((used, section(".data"))) static volatile struct payload payload = {
	.magic = { 'D', 'M', 'R', 'E', 'M', 'A', 'P', '-', 'P', 'A', 'Y', 'L', 'O', 'A', 'D', '1' },
};

/* How the runtime is called; the user's arguments follow. */
static const char *const runtime_args[] = {
	"run", "--quiet", "--allow-all", "--no-prompt", "--no-config", "--no-lock", "--no-npm",
	"--no-remote", "--cached-only", "--no-code-cache", "--ext=js",
};

/*
 * DENO_DIR: below a file, so that the runtime can neither find nor leave a cache there. On a terminal
 * it would say so at each start, whatever --quiet is: hence DENO_LOG.
 */
static const char *const extra_environment[] = {
	"DENO_DIR=/dev/null/deno", "DENO_LOG=error,deno::cache::cache_db=off",
	"DENO_NO_UPDATE_CHECK=1", "DENO_NO_PROMPT=1",
};

__attribute__((noreturn)) static void damaged(const char *how, uint64_t size)
{
	say("dmremap-ts: this file is damaged: ");
	say(how);
	say(" (it has ");
	say_number(size);
	say(" bytes of ");
	say_number(payload.file_size);
	say("); copy it again\n");
	for (;;)
		CALL1(SYS_exit_group, 1);
}

static int open_self(void)
{
	long fd = CALL2(SYS_open, "/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd == -EACCES)
		give_up("this file may be executed but not read: it needs both permissions", NULL, 0);
	if (fd < 0)
		give_up("cannot open /proc/self/exe: is /proc mounted?", NULL, fd);
	return (int)fd;
}

static void check_self(int fd)
{
	long size = CALL3(SYS_lseek, fd, 0, 2 /* SEEK_END */);
	uint64_t expected = payload.file_size;
	uint8_t *content;
	uint32_t sum;

	if (!expected)
		give_up("this launcher carries no program: use the file that `deno task pack` writes",
			NULL, 0);
	if (size < 0 || (uint64_t)size < expected)
		damaged("its end is missing", (uint64_t)size);
	if ((uint64_t)size > expected)
		damaged("something was added to its end", (uint64_t)size);
	expected -= payload.runtime_offset;
	content = map(NULL, expected, PROT_READ, MAP_PRIVATE, fd, payload.runtime_offset);
	sum = checksum_of(content, expected);
	CALL2(SYS_munmap, content, expected);
	if (sum != payload.checksum)
		damaged("its checksum does not match", (uint64_t)size);
}

/* The boot script gets a file of its own, in memory, which no child process inherits. */
static int open_boot_script(int self)
{
	uint64_t offset = payload.boot_offset, left = payload.boot_size;
	long fd = CALL2(SYS_memfd_create, "dmremap-ts.js", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	long high, sent;

	if (fd == -EINVAL) /* before Linux 6.3 */
		fd = CALL2(SYS_memfd_create, "dmremap-ts.js", MFD_CLOEXEC);
	if (fd < 0)
		give_up("cannot create a file in memory", NULL, fd);
	/* Started with stdin closed, it would be taken for stdin. */
	high = CALL3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	CALL1(SYS_close, fd);
	if (high < 0)
		give_up("cannot create a file in memory", NULL, high);
	while (left) {
		sent = CALL4(SYS_sendfile, high, self, &offset, left);
		if (sent <= 0)
			give_up("cannot fill a file in memory", NULL, sent);
		left -= (uint64_t)sent;
	}
	return (int)high;
}

static void load_interpreter(struct image *image, const char *name)
{
	long fd = CALL2(SYS_open, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		give_up("this system has no glibc, which the runtime needs: cannot open ", name, fd);
	load(image, (int)fd, 0, name);
	CALL1(SYS_close, fd);
}

/* ---- the new start ---- */

__attribute__((noreturn)) static void jump(uint64_t entry, uint64_t *stack)
{
	/* rdx: a function that ld.so would register to run at exit; none */
	__asm__ volatile("mov %1, %%rsp\n\txor %%edx, %%edx\n\txor %%ebp, %%ebp\n\tjmp *%0"
			 :
			 : "r"(entry), "r"(stack)
			 : "memory");
	__builtin_unreachable();
}

static uint64_t auxiliary_value(uint64_t type, uint64_t value, const struct image *runtime,
				const struct image *interpreter)
{
	switch (type) {
	case AT_PHDR:
		return runtime->headers;
	case AT_PHENT:
		return sizeof(Elf64_Phdr);
	case AT_PHNUM:
		return runtime->header_count;
	case AT_ENTRY:
		return runtime->entry;
	case AT_BASE:
		return (uint64_t)interpreter->bias;
	default:
		return value;
	}
}

/* What the user has set for a Deno of his own must not change how this program runs. */
static int is_for_another_deno(const char *variable)
{
	return starts_with(variable, "DENO_") || starts_with(variable, "OTEL_DENO") ||
	       starts_with(variable, "DMREMAP_SELF=") || starts_with(variable, "NODE_OPTIONS=");
}

/* Where the old stack has what, and how many words the new one takes. */
struct vectors {
	uint64_t argc;
	const uint64_t *arguments;
	const uint64_t *variables;
	const uint64_t *auxiliary;
	uint64_t words;
};

static struct vectors find_vectors(const uint64_t *stack)
{
	struct vectors found = { .argc = stack[0], .arguments = stack + 1 };
	const uint64_t *pair;

	found.variables = found.arguments + found.argc + 1;
	found.auxiliary = found.variables;
	while (*found.auxiliary++)
		;
	for (pair = found.auxiliary; pair[0] != AT_NULL; pair += 2)
		;
	/* One for argc, the name and the script, DMREMAP_SELF, and a zero after each vector. */
	found.words = (uint64_t)(pair + 2 - stack) + COUNT(runtime_args) + COUNT(extra_environment) +
		      6;
	return found;
}

/* argc, arguments, 0, environment, 0, auxiliary pairs to AT_NULL: as the kernel would lay it out. */
static void fill_stack(uint64_t *out, const struct vectors *in, const char *script,
		       const char *self_name, const struct image *runtime,
		       const struct image *interpreter)
{
	uint64_t *start = out++;
	const uint64_t *word;

	*out++ = in->argc ? in->arguments[0] : (uint64_t)"dmremap-ts";
	for (size_t i = 0; i < COUNT(runtime_args); i++)
		*out++ = (uint64_t)runtime_args[i];
	*out++ = (uint64_t)script;
	for (uint64_t i = 1; i < in->argc; i++)
		*out++ = in->arguments[i];
	*start = (uint64_t)(out - start - 1);
	*out++ = 0;
	for (word = in->variables; *word; word++)
		if (!is_for_another_deno((const char *)*word))
			*out++ = *word;
	for (size_t i = 0; i < COUNT(extra_environment); i++)
		*out++ = (uint64_t)extra_environment[i];
	*out++ = (uint64_t)self_name;
	*out++ = 0;
	word = in->auxiliary;
	do {
		*out++ = word[0];
		*out++ = auxiliary_value(word[0], word[1], runtime, interpreter);
		word += 2;
	} while (word[-2] != AT_NULL);
}

__attribute__((noreturn, used)) void launch(const uint64_t *stack)
{
	static const char self_prefix[] = "DMREMAP_SELF=";
	static char script[48] = "/proc/self/fd/";
	/* In .bss, not .data: the launcher itself stays small, so that hardly any cut hits it. */
	static char self_name[PATH_SIZE + 16];
	static struct image runtime, interpreter;
	struct vectors vectors = find_vectors(stack);
	char digits[24], *number;
	uint64_t *new_stack;
	int self = open_self();

	check_self(self);
	memcpy(self_name, self_prefix, sizeof(self_prefix));
	/* The buffer starts out as zeros and is longer than what is read into it. */
	if (CALL3(SYS_readlink, "/proc/self/exe", self_name + length_of(self_prefix), PATH_SIZE) < 0)
		give_up("cannot read /proc/self/exe: is /proc mounted?", NULL, 0);
	number = decimal(digits + sizeof(digits), (uint64_t)open_boot_script(self));
	memcpy(script + length_of(script), number, length_of(number) + 1);
	load(&runtime, self, payload.runtime_offset, "the runtime");
	load_interpreter(&interpreter, runtime.interpreter);
	CALL1(SYS_close, self);

	/* Below all that is in use, so that it stays the lowest of the stack after the jump. */
	new_stack = __builtin_alloca_with_align(vectors.words * sizeof(*new_stack), 128);
	fill_stack(new_stack, &vectors, script, self_name, &runtime, &interpreter);
	jump(interpreter.entry, new_stack);
}

__asm__(".globl _start\n"
	"_start:\n"
	"\tmov %rsp, %rdi\n"
	"\txor %ebp, %ebp\n"
	"\tand $-16, %rsp\n"
	"\tcall launch\n");
