/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/streams.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What the library asks for at once; a connection's memory has no room for more. */
#define PIECE ((size_t)16 << 10)

/* Never changes once it is made. */
struct event {
	unsigned int readers; /* and one for being the latest */
	struct buffer text;
};

struct stream {
	TAILQ_ENTRY(stream) link;
	struct streams *streams;
	struct MHD_Connection *connection;
	struct client *client;
	struct event *event; /* NULL: none yet */
	size_t sent; /* bytes of it */
	bool suspended;
	bool ending;
};

static void event_put(struct event *event)
{
	if (!event || --event->readers)
		return;
	buffer_free(&event->text);
	free(event);
}

static struct event *event_new(const struct buffer *json)
{
	static const char head[] = "data: ";
	struct event *event = calloc(1, sizeof(*event));
	size_t length = json->length;

	if (!event)
		return NULL;
	event->readers = 1;
	while (length && json->data[length - 1] == '\n')
		length--;
	buffer_string(&event->text, head);
	buffer_append(&event->text, json->data, length);
	buffer_string(&event->text, "\n\n");
	if (event->text.error) {
		event_put(event);
		return NULL;
	}
	return event;
}

void streams_init(struct streams *streams, struct clients *clients,
		  uint64_t (*now)(const void *userdata), const void *userdata)
{
	*streams = (struct streams){.clients = clients, .now = now, .userdata = userdata};
	TAILQ_INIT(&streams->list);
}

/* Goes on to the latest event; false where that is the one it has read. */
static bool stream_advance(struct stream *stream)
{
	struct streams *streams = stream->streams;

	if (!streams->latest || stream->event == streams->latest)
		return false;
	event_put(stream->event);
	stream->event = streams->latest;
	stream->event->readers++;
	stream->sent = 0;
	clients_answer(streams->clients, stream->client, stream->event->text.length,
		       streams->now(streams->userdata));
	return true;
}

static void stream_sleep(struct stream *stream)
{
	struct streams *streams = stream->streams;

	clients_idle(streams->clients, stream->client, streams->now(streams->userdata));
	stream->suspended = true;
	MHD_suspend_connection(stream->connection);
}

static ssize_t stream_read(void *userdata, uint64_t position, char *buf, size_t size)
{
	struct stream *stream = userdata;
	const struct buffer *text;
	size_t length;

	(void)position;
	if (stream->ending || stream->client->phase == CLIENT_CLOSING)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if ((!stream->event || stream->sent == stream->event->text.length) &&
	    !stream_advance(stream)) {
		stream_sleep(stream);
		return 0;
	}
	text = &stream->event->text;
	length = text->length - stream->sent;
	length = length < size ? length : size;
	memcpy(buf, text->data + stream->sent, length);
	stream->sent += length;
	return (ssize_t)length;
}

static void stream_free(void *userdata)
{
	struct stream *stream = userdata;
	struct streams *streams = stream->streams;

	TAILQ_REMOVE(&streams->list, stream, link);
	event_put(stream->event);
	free(stream);
	if (--streams->count)
		return;
	event_put(streams->latest);
	streams->latest = NULL;
}

int streams_open(struct streams *streams, struct MHD_Connection *connection, struct client *client,
		 struct MHD_Response **ret_response)
{
	struct MHD_Response *response;
	struct stream *stream;

	if (streams->count >= STREAMS_MAX)
		return -EBUSY;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	*stream = (struct stream){
		.streams = streams,
		.connection = connection,
		.client = client,
	};
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, stream_read, stream,
						     stream_free);
	if (!response) {
		free(stream);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&streams->list, stream, link);
	streams->count++;
	*ret_response = response;
	return 0;
}

static void streams_wake(struct streams *streams)
{
	struct stream *stream;

	for (stream = TAILQ_FIRST(&streams->list); stream; stream = TAILQ_NEXT(stream, link)) {
		if (!stream->suspended)
			continue;
		stream->suspended = false;
		MHD_resume_connection(stream->connection);
	}
}

int streams_publish(struct streams *streams, const struct buffer *json)
{
	struct event *event = event_new(json);

	if (!event)
		return -ENOMEM;
	event_put(streams->latest);
	streams->latest = event;
	streams_wake(streams);
	return 0;
}

void streams_end(struct streams *streams)
{
	struct stream *stream;

	for (stream = TAILQ_FIRST(&streams->list); stream; stream = TAILQ_NEXT(stream, link))
		stream->ending = true;
	streams_wake(streams);
}
