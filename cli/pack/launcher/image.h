// SPDX-License-Identifier: GPL-2.0-only
/* Maps an ELF file, which may lie inside another file, as the kernel would. */
#ifndef IMAGE_H
#define IMAGE_H

#include <elf.h>

#include "freestanding.h"

#define PAGE 4096UL
#define PAGE_DOWN(x) ((x) & ~(PAGE - 1))
#define PAGE_UP(x) PAGE_DOWN((x) + PAGE - 1)

struct image {
	uint8_t *bias; /* what to add to an address in the file */
	uint64_t entry;
	uint64_t headers;
	uint16_t header_count;
	char interpreter[256];
};

static void read_at(int fd, void *buffer, size_t size, uint64_t offset, const char *name)
{
	long got = CALL4(SYS_pread64, fd, buffer, size, offset);

	if (got != (long)size)
		give_up("cannot read ", name, got);
}

static int protection_of(const Elf64_Phdr *header)
{
	return (header->p_flags & PF_R ? PROT_READ : 0) | (header->p_flags & PF_W ? PROT_WRITE : 0) |
	       (header->p_flags & PF_X ? PROT_EXEC : 0);
}

static void map_segment(uint8_t *bias, const Elf64_Phdr *header, int fd, uint64_t base)
{
	uint8_t *start = bias + PAGE_DOWN(header->p_vaddr);
	uint8_t *file_end = bias + header->p_vaddr + header->p_filesz;
	uint8_t *file_page_end = (uint8_t *)PAGE_UP((uint64_t)file_end);
	uint8_t *end = (uint8_t *)PAGE_UP((uint64_t)(bias + header->p_vaddr + header->p_memsz));
	int protection = protection_of(header);

	if (header->p_filesz)
		map(start, (size_t)(file_end - start), protection, MAP_PRIVATE | MAP_FIXED, fd,
		    base + PAGE_DOWN(header->p_offset));
	else
		file_page_end = start;
	if (header->p_memsz == header->p_filesz)
		return;
	if (header->p_filesz)
		memset(file_end, 0, (size_t)(file_page_end - file_end));
	if (end > file_page_end)
		map(file_page_end, (size_t)(end - file_page_end), protection,
		    MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
}

/* @base: where the ELF file starts inside the file behind @fd */
static void load(struct image *image, int fd, uint64_t base, const char *name)
{
	Elf64_Phdr headers[32];
	uint64_t low = UINT64_MAX, high = 0;
	Elf64_Ehdr elf;

	read_at(fd, &elf, sizeof(elf), base, name);
	if (!starts_with((const char *)elf.e_ident, ELFMAG) || elf.e_type != ET_DYN ||
	    elf.e_machine != EM_X86_64 || elf.e_phnum > COUNT(headers))
		give_up("not an executable of this machine: ", name, 0);
	read_at(fd, headers, elf.e_phnum * sizeof(*headers), base + elf.e_phoff, name);

	for (int i = 0; i < elf.e_phnum; i++) {
		const Elf64_Phdr *header = &headers[i];

		if (header->p_type == PT_LOAD && header->p_vaddr < low)
			low = header->p_vaddr;
		if (header->p_type == PT_LOAD && header->p_vaddr + header->p_memsz > high)
			high = header->p_vaddr + header->p_memsz;
		if (header->p_type == PT_INTERP && header->p_filesz < sizeof(image->interpreter))
			read_at(fd, image->interpreter, header->p_filesz, base + header->p_offset, name);
	}
	if (low >= high)
		give_up("not an executable of this machine: ", name, 0);
	low = PAGE_DOWN(low);
	/* One reservation keeps the segments at their distances; they replace it piece by piece. */
	image->bias = map(NULL, PAGE_UP(high) - low, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) - low;
	for (int i = 0; i < elf.e_phnum; i++)
		if (headers[i].p_type == PT_LOAD)
			map_segment(image->bias, &headers[i], fd, base);
	image->entry = (uint64_t)image->bias + elf.e_entry;
	image->headers = (uint64_t)image->bias + elf.e_phoff;
	image->header_count = elf.e_phnum;
}

#endif
