// SPDX-License-Identifier: GPL-2.0-only
/* What the launcher would have from libc: system calls, strings, messages. */
#ifndef FREESTANDING_H
#define FREESTANDING_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "the launcher is written for x86-64"
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define CALL1(n, a) syscall6(n, (long)(a), 0, 0, 0, 0, 0)
#define CALL2(n, a, b) syscall6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define CALL3(n, a, b, c) syscall6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CALL4(n, a, b, c, d) syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

/* gcc may emit calls of these two even in freestanding code. */
void *memset(void *to, int value, size_t count)
{
	for (unsigned char *byte = to; count--; byte++)
		*(volatile unsigned char *)byte = (unsigned char)value;
	return to;
}

void *memcpy(void *to, const void *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
	return to;
}

static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

static int starts_with(const char *text, const char *prefix)
{
	while (*prefix)
		if (*text++ != *prefix++)
			return 0;
	return 1;
}

static char *decimal(char *end, uint64_t number)
{
	*--end = 0;
	do
		*--end = (char)('0' + number % 10);
	while (number /= 10);
	return end;
}

static void say(const char *text)
{
	CALL3(SYS_write, 2, text, length_of(text));
}

static void say_number(uint64_t number)
{
	char digits[24];

	say(decimal(digits + sizeof(digits), number));
}

__attribute__((noreturn)) static void give_up(const char *what, const char *name, long error)
{
	say("dmremap-ts: ");
	say(what);
	if (name)
		say(name);
	if (error < 0) {
		say(" (errno ");
		say_number((uint64_t)-error);
		say(")");
	}
	say("\n");
	for (;;)
		CALL1(SYS_exit_group, 1);
}

static uint8_t *map(void *where, size_t size, int protection, int flags, int fd, uint64_t offset)
{
	long address = syscall6(SYS_mmap, (long)where, (long)size, protection, flags, fd, (long)offset);

	if (address < 0 && address > -4096)
		give_up("out of memory, or mapping is forbidden", NULL, address);
	return (uint8_t *)address;
}

#endif
