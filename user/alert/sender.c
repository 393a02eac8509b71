/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/sender.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/log.h"

#define USEC_PER_MSEC 1000

/* Nobody has to say more than this; who does has no end, perhaps. */
#define ANSWER_MAX 65536

/* What is kept of an answer. */
#define TEXT_SIZE 200

/* For reading, libcurl's least: an answer is a few words. */
#define BUFFER_SIZE 1024L

struct sender {
	sd_event *event;
	sd_event_source *timer;
	CURLM *multi;
	struct curl_slist *headers;
	struct sender_limits limits;
};

struct transfer {
	struct sender *sender;
	CURL *easy;
	sender_done_fn done;
	void *userdata;
	size_t received;
	char text[TEXT_SIZE];
	char error[CURL_ERROR_SIZE];
};

/* ---- answers ---- */

/* libcurl's write function: keeps the beginning. */
static size_t take(const char *data, size_t size, size_t count, void *userdata)
{
	struct transfer *transfer = userdata;
	size_t length = size * count;

	for (size_t i = 0; i < length && transfer->received + i < TEXT_SIZE - 1; i++) {
		bool printable = data[i] >= 0x20 && data[i] <= 0x7e;

		transfer->text[transfer->received + i] = printable ? data[i] : ' ';
	}
	transfer->received += length;
	return transfer->received > ANSWER_MAX ? 0 : length;
}

static void free_transfer(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	free(transfer);
}

static void end_transfer(struct transfer *transfer, CURLcode result)
{
	struct sender_answer answer = {.text = transfer->text};

	if (result == CURLE_OK)
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	else if (transfer->received > ANSWER_MAX)
		answer.text = "the answer has no end";
	else
		answer.text = *transfer->error ? transfer->error : curl_easy_strerror(result);
	curl_multi_remove_handle(transfer->sender->multi, transfer->easy);
	transfer->done(transfer->userdata, &answer);
	free_transfer(transfer);
}

static void collect(struct sender *sender)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(sender->multi, &left))) {
		CURLcode result = message->data.result;
		char *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		end_transfer((struct transfer *)transfer, result);
	}
}

/* ---- the loop ---- */

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct sender *sender = userdata;
	int action = 0, running;

	(void)source;
	if (revents & EPOLLIN)
		action |= CURL_CSELECT_IN;
	if (revents & EPOLLOUT)
		action |= CURL_CSELECT_OUT;
	if (revents & (EPOLLERR | EPOLLHUP))
		action |= CURL_CSELECT_ERR;
	curl_multi_socket_action(sender->multi, fd, action, &running);
	collect(sender);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t due, void *userdata)
{
	struct sender *sender = userdata;
	int running;

	(void)source;
	(void)due;
	curl_multi_socket_action(sender->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(sender);
	return 0;
}

/* libcurl wants to know of a socket.  Where that cannot be, its timeouts end the transfer. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket)
{
	static const uint32_t events[] = {
		[CURL_POLL_IN] = EPOLLIN,
		[CURL_POLL_OUT] = EPOLLOUT,
		[CURL_POLL_INOUT] = EPOLLIN | EPOLLOUT,
	};
	struct sender *sender = userdata;
	sd_event_source *source = socket;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(source);
		curl_multi_assign(sender->multi, fd, NULL);
	} else if (source) {
		sd_event_source_set_io_events(source, events[what]);
	} else if (sd_event_add_io(sender->event, &source, fd, events[what], on_io, sender) >= 0) {
		curl_multi_assign(sender->multi, fd, source);
	}
	return 0;
}

/* libcurl wants to be called after so many ms; -1: not at all. */
static int on_timeout(CURLM *multi, long timeout, void *userdata)
{
	struct sender *sender = userdata;
	uint64_t now;

	(void)multi;
	if (timeout < 0)
		return sd_event_source_set_enabled(sender->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	sd_event_now(sender->event, CLOCK_MONOTONIC, &now);
	sd_event_source_set_time(sender->timer, now + (uint64_t)timeout * USEC_PER_MSEC);
	return sd_event_source_set_enabled(sender->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

/* ---- begin and end ---- */

static int add_header(struct sender *sender, const char *line)
{
	struct curl_slist *headers = curl_slist_append(sender->headers, line);

	if (!headers)
		return -ENOMEM;
	sender->headers = headers;
	return 0;
}

static int set_up(struct sender *sender)
{
	int r;

	sender->multi = curl_multi_init();
	if (!sender->multi)
		return -ENOMEM;
	curl_multi_setopt(sender->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(sender->multi, CURLMOPT_SOCKETDATA, sender);
	curl_multi_setopt(sender->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(sender->multi, CURLMOPT_TIMERDATA, sender);
	r = add_header(sender, "Content-Type: application/json");
	/* No waiting for "100 Continue" before the body. */
	if (r >= 0)
		r = add_header(sender, "Expect:");
	if (r >= 0)
		r = sd_event_add_time(sender->event, &sender->timer, CLOCK_MONOTONIC, 0, 1,
				      on_timer, sender);
	if (r >= 0)
		r = sd_event_source_set_enabled(sender->timer, SD_EVENT_OFF);
	return r;
}

int sender_new(sd_event *event, const struct sender_limits *limits, struct sender **ret_sender)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	int r;

	if (!sender)
		return -ENOMEM;
	sender->limits = *limits;
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(sender);
		return -ENOMEM;
	}
	sender->event = sd_event_ref(event);
	r = set_up(sender);
	if (r < 0) {
		sender_free(sender);
		return r;
	}
	if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
		log_warning("alerts: this libcurl waits for name servers (no AsynchDNS): "
			    "give addresses instead of names");
	/* libcurl's TLS may write to a peer that has gone. */
	signal(SIGPIPE, SIG_IGN);
	*ret_sender = sender;
	return 0;
}

void sender_free(struct sender *sender)
{
	if (!sender)
		return;
	curl_multi_cleanup(sender->multi);
	curl_slist_free_all(sender->headers);
	sd_event_source_disable_unref(sender->timer);
	sd_event_unref(sender->event);
	curl_global_cleanup();
	free(sender);
}

static CURLcode describe(const struct transfer *transfer, const char *url, const char *body)
{
	const struct sender_limits *limits = &transfer->sender->limits;
	CURL *easy = transfer->easy;
	CURLcode r;

	r = curl_easy_setopt(easy, CURLOPT_URL, url);
	if (!r)
		r = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	if (!r)
		r = curl_easy_setopt(easy, CURLOPT_USERAGENT, "shunt");
	if (!r)
		r = curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
	if (r)
		return r;
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->sender->headers);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(limits->connect_timeout / USEC_PER_MSEC));
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(limits->timeout / USEC_PER_MSEC));
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/*
	 * To read the system's bundle of certificates takes 20 ms.  libcurl does it once a
	 * day instead of for each connection if there is no directory of them besides.
	 */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	/* A thread that still waits for a name server is left to itself, and not waited for. */
	return curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}

static void listen_to(struct transfer *transfer)
{
	curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
}

int sender_post(struct sender *sender, const char *url, const char *body, sender_done_fn done,
		void *userdata, struct transfer **ret_transfer)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));

	if (!transfer)
		return -ENOMEM;
	*transfer = (struct transfer){.sender = sender, .done = done, .userdata = userdata};
	transfer->easy = curl_easy_init();
	if (!transfer->easy || describe(transfer, url, body))
		goto fail;
	listen_to(transfer);
	if (curl_multi_add_handle(sender->multi, transfer->easy))
		goto fail;
	*ret_transfer = transfer;
	return 0;
fail:
	free_transfer(transfer);
	return -ENOMEM;
}

void sender_cancel(struct transfer *transfer)
{
	curl_multi_remove_handle(transfer->sender->multi, transfer->easy);
	free_transfer(transfer);
}
