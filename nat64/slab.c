/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slab.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif
#ifdef SLAB_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum {
	PAGE = 4096,		/* an object's page is found by masking its address */
	BLOCK_PAGES = 64,
	HEADER = 48,
};

/* At the start of each page */
struct slab_page {
	struct slab_page *next, *prev;	/* in its slab's list; next: among free pages */
	struct slab_page *next_block;	/* of the first page of a block */
	void *free;			/* objects given back; the first word links them */
	uint16_t used;			/* objects in use */
	uint16_t fresh;			/* objects ever given out */
};

_Static_assert(sizeof(struct slab_page) <= HEADER, "the header has room");

struct pages {
	pthread_mutex_t mutex;
	struct slab_page *free, *blocks;
	_Atomic int64_t bytes;
};

/* ---- pages ------------------------------------------------------------------ */

struct pages *pages_new(void)
{
	struct pages *pages = calloc(1, sizeof(*pages));

	if (pages)
		pthread_mutex_init(&pages->mutex, NULL);
	return pages;
}

void pages_free(struct pages *pages)
{
	struct slab_page *block, *next;

	if (!pages)
		return;
	for (block = pages->blocks; block; block = next) {
		next = block->next_block;
		ASAN_UNPOISON_MEMORY_REGION(block, BLOCK_PAGES * PAGE);
		free(block);
	}
	pthread_mutex_destroy(&pages->mutex);
	free(pages);
}

uint64_t pages_bytes(const struct pages *pages)
{
	return (uint64_t)atomic_load_explicit(&pages->bytes, memory_order_relaxed);
}

void pages_account(struct pages *pages, int64_t bytes)
{
	atomic_fetch_add_explicit(&pages->bytes, bytes, memory_order_relaxed);
}

static void add_block(struct pages *pages)
{
	uint8_t *memory = aligned_alloc(PAGE, BLOCK_PAGES * PAGE);

	if (!memory)
		return;
	for (int i = BLOCK_PAGES - 1; i >= 0; i--) {
		struct slab_page *page = (void *)(memory + i * PAGE);

		page->next = pages->free;
		pages->free = page;
	}
	pages->free->next_block = pages->blocks;
	pages->blocks = pages->free;
	pages_account(pages, BLOCK_PAGES * PAGE);
}

static struct slab_page *page_take(struct pages *pages)
{
	struct slab_page *page;

	pthread_mutex_lock(&pages->mutex);
	if (!pages->free)
		add_block(pages);
	page = pages->free;
	if (page)
		pages->free = page->next;
	pthread_mutex_unlock(&pages->mutex);
	return page;
}

static void page_give_back(struct pages *pages, struct slab_page *page)
{
	pthread_mutex_lock(&pages->mutex);
	page->next = pages->free;
	pages->free = page;
	pthread_mutex_unlock(&pages->mutex);
}

/* ---- slabs ------------------------------------------------------------------ */

void slab_init(struct slab *slab, struct pages *pages, size_t size)
{
	size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	*slab = (struct slab){
		.pages = pages,
		.size = (uint16_t)size,
		.per_page = (uint16_t)((PAGE - HEADER) / size),
	};
}

static void link_roomy(struct slab *slab, struct slab_page *page)
{
	page->prev = NULL;
	page->next = slab->roomy;
	if (slab->roomy)
		slab->roomy->prev = page;
	slab->roomy = page;
}

static void unlink_roomy(struct slab *slab, struct slab_page *page)
{
	if (page->prev)
		page->prev->next = page->next;
	else
		slab->roomy = page->next;
	if (page->next)
		page->next->prev = page->prev;
}

static void *object_of(struct slab *slab, struct slab_page *page)
{
	void *object = page->free;

	if (object)
		memcpy(&page->free, object, sizeof(page->free));
	else
		object = (uint8_t *)page + HEADER + (size_t)page->fresh++ * slab->size;
	page->used++;
	if (page->used == slab->per_page)
		unlink_roomy(slab, page);
	return object;
}

void *slab_alloc(struct slab *slab)
{
	void *object;

	if (!slab->roomy) {
		struct slab_page *page = page_take(slab->pages);

		if (!page)
			return NULL;
		page->free = NULL;
		page->used = page->fresh = 0;
		link_roomy(slab, page);
	}
	object = object_of(slab, slab->roomy);
	ASAN_UNPOISON_MEMORY_REGION(object, slab->size);
	return memset(object, 0, slab->size);
}

void slab_release(struct slab *slab)
{
	if (!slab->roomy)
		return;
	ASAN_UNPOISON_MEMORY_REGION(slab->roomy, PAGE);
	page_give_back(slab->pages, slab->roomy);
	slab->roomy = NULL;
}

void slab_free(struct slab *slab, void *object)
{
	struct slab_page *page = (void *)((uintptr_t)object & ~((uintptr_t)PAGE - 1));

	if (page->used == slab->per_page)
		link_roomy(slab, page);
	memcpy(object, &page->free, sizeof(page->free));
	page->free = object;
	ASAN_POISON_MEMORY_REGION((uint8_t *)object + sizeof(page->free),
				  slab->size - sizeof(page->free));
	page->used--;
	/* The last page with room stays, so that one object coming and going moves none. */
	if (page->used == 0 && (page->next || page->prev)) {
		unlink_roomy(slab, page);
		ASAN_UNPOISON_MEMORY_REGION(page, PAGE);
		page_give_back(slab->pages, page);
	}
}
