/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "journal/writer.h"

#define NSEC_PER_SEC 1000000000ULL

/* So much stack is plenty for SQLite, and most of it is never touched. */
#define STACK_SIZE (512UL << 10)

/* Records of one transaction: what waits is written in one, unless a lot does. */
#define BATCH_MAX 256

struct item {
	struct item *next;
	struct journal_record record; /* its sequence counts from 0 here, those dropped too */
	uint8_t bytes[];
};

struct store {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* Below the mutex. */
	struct item *first, **last;
	size_t queue;
	uint64_t put; /* records, those dropped too */
	struct journal_limits limits;
	struct store_counts counts;
	bool started;
	bool ends;
	bool abandoned; /* nobody waits for the thread any more, which frees everything */
	struct writer writer; /* the thread's own */
	char *directory;
	pthread_t thread;
};

static void free_items(struct item *item)
{
	while (item) {
		struct item *next = item->next;

		free(item);
		item = next;
	}
}

static void free_store(struct store *store)
{
	writer_end(&store->writer);
	free_items(store->first);
	pthread_cond_destroy(&store->changed);
	pthread_mutex_destroy(&store->mutex);
	free(store->directory);
	free(store);
}

/* ---- writing ---- */

static void account(struct store *store, bool written, size_t count, size_t bytes)
{
	uint64_t size = store->writer.journal ? journal_bytes(store->writer.journal) : 0;

	pthread_mutex_lock(&store->mutex);
	*(written ? &store->counts.kept : &store->counts.dropped) += count;
	store->counts.writes = written;
	store->counts.bytes = size;
	store->counts.waiting -= bytes;
	store->started = true;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->mutex);
}

static struct item *write_batch(struct store *store, struct item *items)
{
	struct journal_record records[BATCH_MAX];
	size_t count = 0, bytes = 0;
	int r;

	for (; items && count < BATCH_MAX; count++) {
		struct item *next = items->next;

		records[count] = items->record;
		bytes += items->record.size;
		items = next;
	}
	r = writer_write(&store->writer, records, count);
	account(store, r >= 0, count, bytes);
	return items;
}

static struct item *take(struct store *store)
{
	struct journal_limits limits;
	struct item *items;

	pthread_mutex_lock(&store->mutex);
	while (!store->first && !store->ends)
		pthread_cond_wait(&store->changed, &store->mutex);
	items = store->first;
	store->first = NULL;
	store->last = &store->first;
	limits = store->limits;
	pthread_mutex_unlock(&store->mutex);
	writer_limit(&store->writer, &limits);
	return items;
}

static void *run(void *userdata)
{
	struct store *store = userdata;
	struct item *items;
	bool abandoned;

	/* At once, so that what is wrong is said at the start. */
	writer_begin(&store->writer);
	account(store, store->writer.journal, 0, 0);
	while ((items = take(store))) {
		struct item *rest = items;

		while (rest)
			rest = write_batch(store, rest);
		free_items(items);
	}
	pthread_mutex_lock(&store->mutex);
	abandoned = store->abandoned;
	pthread_mutex_unlock(&store->mutex);
	if (abandoned)
		free_store(store);
	return NULL;
}

/* ---- the daemon's end ---- */

/* Signals are the loop's. */
static int start_thread(struct store *store)
{
	pthread_attr_t attributes;
	sigset_t all, mask;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	r = pthread_create(&store->thread, &attributes, run, store);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

int store_open(const struct store_options *options, struct store **ret_store)
{
	struct store *store = calloc(1, sizeof(*store));
	pthread_condattr_t attributes;
	int r;

	if (!store)
		return -ENOMEM;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&store->mutex, NULL);
	pthread_cond_init(&store->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	store->last = &store->first;
	store->queue = options->queue;
	store->limits = options->limits;
	store->directory = strdup(options->directory);
	store->writer = (struct writer){.directory = store->directory, .limits = options->limits};
	r = store->directory ? start_thread(store) : -ENOMEM;
	if (r < 0) {
		free_store(store);
		return r;
	}
	*ret_store = store;
	return 0;
}

static struct item *make_item(uint32_t kind, uint64_t time, const void *bytes, size_t size)
{
	struct item *item = malloc(sizeof(*item) + size);

	if (!item)
		return NULL;
	item->next = NULL;
	item->record = (struct journal_record){
		.time = time,
		.wall = clock_wall(),
		.kind = kind,
		.bytes = item->bytes,
		.size = size,
	};
	if (size)
		memcpy(item->bytes, bytes, size);
	return item;
}

int store_put(struct store *store, uint32_t kind, uint64_t time, const void *bytes, size_t size)
{
	struct item *item = make_item(kind, time, bytes, size);
	int r = item ? 0 : -ENOMEM;

	pthread_mutex_lock(&store->mutex);
	if (item && store->counts.waiting && store->counts.waiting + size > store->queue)
		r = -ENOBUFS;
	store->put++;
	if (r < 0) {
		store->counts.dropped++;
	} else {
		item->record.sequence = store->put - 1;
		store->counts.waiting += size;
		*store->last = item;
		store->last = &item->next;
		item = NULL;
		pthread_cond_broadcast(&store->changed);
	}
	pthread_mutex_unlock(&store->mutex);
	free(item);
	return r;
}

void store_limit(struct store *store, const struct journal_limits *limits)
{
	pthread_mutex_lock(&store->mutex);
	store->limits = *limits;
	pthread_mutex_unlock(&store->mutex);
}

void store_count(struct store *store, struct store_counts *ret_counts)
{
	pthread_mutex_lock(&store->mutex);
	*ret_counts = store->counts;
	pthread_mutex_unlock(&store->mutex);
}

static struct timespec after(unsigned milliseconds)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += milliseconds / 1000;
	until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	if (until.tv_nsec >= (long)NSEC_PER_SEC) {
		until.tv_nsec -= (long)NSEC_PER_SEC;
		until.tv_sec++;
	}
	return until;
}

static bool is_done(const struct store *store)
{
	return store->started && store->counts.kept + store->counts.dropped == store->put;
}

bool store_flush(struct store *store, unsigned milliseconds)
{
	const struct timespec until = after(milliseconds);
	bool done;

	pthread_mutex_lock(&store->mutex);
	while (!is_done(store) && !pthread_cond_timedwait(&store->changed, &store->mutex, &until))
		;
	done = is_done(store);
	pthread_mutex_unlock(&store->mutex);
	return done;
}

void store_close(struct store *store, unsigned milliseconds)
{
	pthread_t thread;
	bool done;

	if (!store)
		return;
	thread = store->thread;
	done = store_flush(store, milliseconds);
	pthread_mutex_lock(&store->mutex);
	store->ends = true;
	store->abandoned = !done;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->mutex);
	if (!done) {
		/* The thread that waits for a disk frees it all, if it ever comes to that. */
		pthread_detach(thread);
		return;
	}
	pthread_join(thread, NULL);
	free_store(store);
}
