/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames as they come in by Ethernet: made from a description, and read again by other means
 * than the program under test: byte by byte.
 */
#ifndef SHUNT_TESTS_BPF_FRAMES_H
#define SHUNT_TESTS_BPF_FRAMES_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FRAME_MAX 1514

#define OUR_ADDRESS   "\x02\x00\x00\x00\x00\x05"
#define THEIR_ADDRESS "\x02\x00\x00\x00\x00\x01"

#define FIN 1
#define SYN 2
#define RST 4
#define PSH 8
#define ACK 16
#define URG 32
#define ECE 64
#define CWR 128

#define SEQUENCE 0xfffffff0u /* near its end: what follows wraps */
#define ACKED	 0x01020304u

/* What is not said is a plain SYN without options, of 60 or 74 bytes. */
struct shape {
	const char *from, *to; /* addresses, which tell the family */
	uint16_t port;
	uint8_t flags; /* of TCP */
	uint8_t tags; /* VLAN */
	uint16_t outer_type; /* of the first tag; 0: 802.1Q */
	uint8_t ip_options; /* bytes */
	uint16_t fragment; /* IPv4's flags and offset */
	const char *extensions; /* their kinds, a letter each: see extension_kind() */
	uint8_t tcp_options; /* bytes */
	uint16_t data; /* bytes */
	uint16_t padding; /* bytes behind the packet */
	uint8_t traffic_class;
	const char *mac; /* whom it is for; NULL: us */
	uint16_t from_port; /* 0: 40000 */
	uint16_t mss; /* the first of the TCP options; 0: none */
	uint8_t ttl; /* 0: 63 */
};

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t length;
};

/* ---- making ---- */

static inline void put(struct frame *frame, const void *bytes, size_t length)
{
	cr_assert_leq(frame->length + length, sizeof(frame->bytes));
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length += length;
}

static inline void put_byte(struct frame *frame, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	put(frame, &byte, 1);
}

static inline void put_short(struct frame *frame, unsigned value)
{
	put_byte(frame, value >> 8);
	put_byte(frame, value & 0xff);
}

static inline void put_long(struct frame *frame, uint32_t value)
{
	put_short(frame, value >> 16);
	put_short(frame, value & 0xffff);
}

static inline void put_many(struct frame *frame, unsigned value, size_t count)
{
	while (count--)
		put_byte(frame, value);
}

static inline void set_short(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline unsigned get_short(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static inline uint32_t get_long(const uint8_t *at)
{
	return (uint32_t)get_short(at) << 16 | get_short(at + 2);
}

/* RFC 1071, as it is written there: 16 bits at a time; `sum` is what came before. */
static inline uint32_t add_up(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2) {
		sum += get_short(bytes + i);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (length & 1) {
		sum += (uint32_t)bytes[length - 1] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* The sum over a TCP packet and its pseudo-header; 0xffff where its checksum is right. */
static inline uint32_t tcp_sum(const uint8_t *from, const uint8_t *to, size_t address,
			       const uint8_t *tcp, size_t length)
{
	uint8_t rest[4] = {0, 6, (uint8_t)(length >> 8), (uint8_t)length};
	uint32_t sum = add_up(0, from, address);

	sum = add_up(sum, to, address);
	sum = add_up(sum, rest, sizeof(rest));
	return add_up(sum, tcp, length);
}

static inline void put_ethernet(struct frame *frame, const struct shape *shape, unsigned type)
{
	put(frame, shape->mac ? shape->mac : OUR_ADDRESS, 6);
	put(frame, THEIR_ADDRESS, 6);
	for (unsigned i = 0; i < shape->tags; i++) {
		put_short(frame, !i && shape->outer_type ? shape->outer_type : 0x8100);
		put_short(frame, 0x2064 + i); /* priority 1, network 100 and so on */
	}
	put_short(frame, type);
}

static inline void put_tcp(struct frame *frame, const struct shape *shape)
{
	put_short(frame, shape->from_port ? shape->from_port : 40000);
	put_short(frame, shape->port);
	put_long(frame, SEQUENCE);
	put_long(frame, shape->flags & ACK ? ACKED : 0);
	put_byte(frame, (20 + shape->tcp_options) / 4 << 4);
	put_byte(frame, shape->flags);
	put_short(frame, 64240);
	put_long(frame, 0);
	if (shape->mss)
		put_long(frame, 0x02040000u | shape->mss);
	put_many(frame, 1, shape->tcp_options - (shape->mss ? 4 : 0)); /* no operation */
	put_many(frame, 'x', shape->data);
}

static inline size_t tcp_length(const struct shape *shape)
{
	return 20 + shape->tcp_options + shape->data;
}

static inline void make_ipv4(struct frame *frame, const struct shape *shape)
{
	size_t at, header = 20 + shape->ip_options, sum;
	uint8_t from[4], to[4];

	cr_assert_eq(inet_pton(AF_INET, shape->from, from), 1);
	cr_assert_eq(inet_pton(AF_INET, shape->to, to), 1);
	put_ethernet(frame, shape, 0x0800);
	at = frame->length;
	put_byte(frame, 0x40 | header / 4);
	put_byte(frame, shape->traffic_class);
	put_short(frame, header + tcp_length(shape));
	put_short(frame, 0x1234);
	put_short(frame, shape->fragment);
	put_short(frame, (shape->ttl ? shape->ttl : 63) << 8 | 6);
	put_short(frame, 0);
	put(frame, from, 4);
	put(frame, to, 4);
	put_many(frame, 1, shape->ip_options);
	set_short(frame->bytes + at + 10, ~add_up(0, frame->bytes + at, header));
	put_tcp(frame, shape);
	sum = tcp_sum(from, to, 4, frame->bytes + at + header, tcp_length(shape));
	set_short(frame->bytes + at + header + 16, ~sum);
}

static inline unsigned extension_kind(char letter)
{
	switch (letter) {
	case 'h':
		return 0; /* hop by hop */
	case 'r': /* routing, at its end */
	case 'R': /* …and on its way */
		return 43;
	case 'f':
		return 44; /* fragment */
	case 'a':
		return 51; /* authentication */
	case 'd': /* destination */
	case 'D': /* …of 24 bytes */
		return 60;
	case 'u':
		return 17; /* UDP */
	default:
		return 6;
	}
}

static inline size_t extension_length(char letter)
{
	return letter == 'D' ? 24 : 8;
}

static inline void put_extension(struct frame *frame, char letter, char next)
{
	put_byte(frame, extension_kind(next));
	put_byte(frame, extension_length(letter) / 8 - 1);
	put_byte(frame, 0);
	put_byte(frame, letter == 'R');
	put_many(frame, 0, extension_length(letter) - 4);
}

static inline void make_ipv6(struct frame *frame, const struct shape *shape)
{
	const char *extensions = shape->extensions ? shape->extensions : "";
	size_t space = tcp_length(shape), sum;
	uint8_t from[16], to[16];

	cr_assert_eq(inet_pton(AF_INET6, shape->from, from), 1);
	cr_assert_eq(inet_pton(AF_INET6, shape->to, to), 1);
	for (const char *c = extensions; *c; c++)
		space += extension_length(*c);
	put_ethernet(frame, shape, 0x86dd);
	put_long(frame, 6u << 28 | (uint32_t)shape->traffic_class << 20 | 0x12345);
	put_short(frame, space);
	put_byte(frame, extension_kind(*extensions));
	put_byte(frame, shape->ttl ? shape->ttl : 63);
	put(frame, from, 16);
	put(frame, to, 16);
	for (const char *c = extensions; *c; c++)
		put_extension(frame, *c, c[1]);
	put_tcp(frame, shape);
	sum = tcp_sum(from, to, 16, frame->bytes + frame->length - tcp_length(shape),
		      tcp_length(shape));
	set_short(frame->bytes + frame->length - tcp_length(shape) + 16, ~sum);
}

static inline void make_frame(const struct shape *shape, struct frame *ret_frame)
{
	ret_frame->length = 0;
	if (strchr(shape->from, ':'))
		make_ipv6(ret_frame, shape);
	else
		make_ipv4(ret_frame, shape);
	put_many(ret_frame, 0, shape->padding);
}

/* ---- reading ---- */

/* A SYN that may be refused, as the frame tells. */
struct seen {
	size_t network_at;
	size_t address; /* bytes of one: 4 or 16 */
	const uint8_t *from, *to;
	unsigned from_port, port;
	uint32_t follows;
	uint8_t traffic_class;
};

static inline bool see_tcp(const uint8_t *tcp, size_t space, struct seen *ret_seen)
{
	size_t header;

	if (space < 20)
		return false;
	header = (size_t)(tcp[12] >> 4) * 4;
	if ((tcp[13] & (SYN | ACK | RST | FIN)) != SYN || header < 20 || header > space)
		return false;
	ret_seen->from_port = get_short(tcp);
	ret_seen->port = get_short(tcp + 2);
	ret_seen->follows = get_long(tcp + 4) + 1 + (uint32_t)(space - header);
	return true;
}

static inline bool see_ipv4(const uint8_t *ip, size_t there, struct seen *ret_seen)
{
	size_t header, total;

	if (there < 20 || ip[0] >> 4 != 4 || ip[9] != 6 || get_short(ip + 6) & 0x3fff)
		return false;
	header = (size_t)(ip[0] & 15) * 4;
	total = get_short(ip + 2);
	if (header < 20 || total < header || total > there || add_up(0, ip, header) != 0xffff)
		return false;
	ret_seen->address = 4;
	ret_seen->from = ip + 12;
	ret_seen->to = ip + 16;
	ret_seen->traffic_class = ip[1];
	for (const uint8_t *address = ip + 12; address < ip + 20; address += 4) {
		if (address[0] == 0 || address[0] == 127 || address[0] >= 224)
			return false;
	}
	return see_tcp(ip + header, total - header, ret_seen);
}

static inline bool is_plain6(const uint8_t *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, zero[15];

	return address[0] != 0xff && memcmp(address, mapped, 12) != 0 &&
	       (memcmp(address, zero, 15) != 0 || address[15] > 1);
}

static inline bool see_ipv6(const uint8_t *ip, size_t there, struct seen *ret_seen)
{
	size_t at = 40, end;
	unsigned next;

	if (there < 40 || ip[0] >> 4 != 6 || !is_plain6(ip + 8) || !is_plain6(ip + 24))
		return false;
	end = 40 + get_short(ip + 4);
	if (end > there)
		return false;
	next = ip[6];
	for (unsigned i = 0; i < 6 && next != 6; i++) {
		if ((next != 0 && next != 43 && next != 60) || at + 8 > end ||
		    at + ((size_t)ip[at + 1] + 1) * 8 > end || (next == 43 && ip[at + 3]))
			return false;
		next = ip[at];
		at += ((size_t)ip[at + 1] + 1) * 8;
	}
	ret_seen->address = 16;
	ret_seen->from = ip + 8;
	ret_seen->to = ip + 24;
	ret_seen->traffic_class = (uint8_t)(get_short(ip) >> 4);
	return next == 6 && see_tcp(ip + at, end - at, ret_seen);
}

/* Whether a frame is for us and brings a SYN that is understood. */
static inline bool see_frame(const struct frame *frame, struct seen *ret_seen)
{
	const uint8_t *bytes = frame->bytes;
	size_t at = 12;

	if (frame->length < 14 || memcmp(bytes, OUR_ADDRESS, 6) != 0)
		return false;
	for (unsigned i = 0;
	     i < 2 && (get_short(bytes + at) == 0x8100 || get_short(bytes + at) == 0x88a8); i++) {
		at += 4;
		if (at + 2 > frame->length)
			return false;
	}
	ret_seen->network_at = at + 2;
	if (get_short(bytes + at) == 0x0800)
		return see_ipv4(bytes + at + 2, frame->length - at - 2, ret_seen);
	if (get_short(bytes + at) == 0x86dd)
		return see_ipv6(bytes + at + 2, frame->length - at - 2, ret_seen);
	return false;
}

/* ---- the answer ---- */

/* The reset that a SYN wants, after RFC 9293, 3.10.7.1, from the frame it came in. */
static inline void make_answer(const struct frame *frame, const struct seen *seen,
			       struct frame *ret_answer)
{
	size_t at = seen->network_at, header = seen->address == 4 ? 20 : 40;
	uint8_t *ip = ret_answer->bytes + at;
	unsigned class = seen->traffic_class & 0xfc;

	ret_answer->length = 0;
	put(ret_answer, frame->bytes + 6, 6);
	put(ret_answer, frame->bytes, 6);
	put(ret_answer, frame->bytes + 12, at - 12);
	if (seen->address == 4) {
		put_short(ret_answer, 0x4500 | class);
		put_short(ret_answer, 40);
		put_long(ret_answer, 0x4000);
		put_long(ret_answer, 64u << 24 | 6 << 16);
	} else {
		put_long(ret_answer, 6u << 28 | class << 20);
		put_long(ret_answer, 20u << 16 | 6 << 8 | 64);
	}
	put(ret_answer, seen->to, seen->address);
	put(ret_answer, seen->from, seen->address);
	if (seen->address == 4)
		set_short(ip + 10, ~add_up(0, ip, 20));
	put_short(ret_answer, seen->port);
	put_short(ret_answer, seen->from_port);
	put_long(ret_answer, 0);
	put_long(ret_answer, seen->follows);
	put_short(ret_answer, 0x5000 | RST | ACK);
	put_many(ret_answer, 0, 6);
	set_short(ip + header + 16, ~tcp_sum(seen->to, seen->from, seen->address, ip + header, 20));
}

#endif
