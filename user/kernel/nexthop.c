/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/nexthop.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shunt/address.h"

#define MESSAGE_SIZE 4096

/* A question and room for its answer. */
struct message {
	union {
		struct nlmsghdr header;
		char bytes[MESSAGE_SIZE];
	};
};

/* Appends an attribute to a message that has room. */
static void put(struct message *message, unsigned short type, const void *value, size_t size)
{
	struct rtattr *attribute = (struct rtattr *)(message->bytes +
						     NLMSG_ALIGN(message->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), value, size);
	message->header.nlmsg_len = NLMSG_ALIGN(message->header.nlmsg_len) + RTA_LENGTH(size);
}

static void put_address(struct message *message, unsigned short type, const uint8_t addr[16])
{
	if (address_is_ipv4(addr))
		put(message, type, addr + ADDRESS_IPV4_BYTES, 4);
	else
		put(message, type, addr, 16);
}

static void take_address(const struct rtattr *attribute, uint8_t ret_addr[16])
{
	size_t size = RTA_PAYLOAD(attribute);

	if (size == 16) {
		memcpy(ret_addr, RTA_DATA(attribute), 16);
	} else if (size == 4) {
		memcpy(ret_addr, address_any_ipv4, ADDRESS_IPV4_BYTES);
		memcpy(ret_addr + ADDRESS_IPV4_BYTES, RTA_DATA(attribute), 4);
	}
}

/* Sends a question and leaves its answer, of that type, in its place. */
static int ask(struct message *message, unsigned short type)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct nlmsghdr *header = &message->header;
	ssize_t length = -1;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (send(fd, message->bytes, header->nlmsg_len, 0) < 0 ||
	    (length = recv(fd, message->bytes, sizeof(message->bytes), 0)) < 0)
		r = -errno;
	else if (NLMSG_OK(header, (size_t)length) && header->nlmsg_type == NLMSG_ERROR)
		r = ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	else if (!NLMSG_OK(header, (size_t)length) || header->nlmsg_type != type)
		r = -EBADMSG;
	close(fd);
	return r;
}

static void read_nexthop(const struct message *message, struct nexthop *route)
{
	const struct rtmsg *body = NLMSG_DATA(&message->header);
	size_t left = RTM_PAYLOAD(&message->header);

	route->local = body->rtm_type == RTN_LOCAL;
	for (const struct rtattr *attribute = RTM_RTA(body); RTA_OK(attribute, left);
	     attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type == RTA_OIF)
			memcpy(&route->interface, RTA_DATA(attribute), sizeof(route->interface));
		else if (attribute->rta_type == RTA_PREFSRC)
			take_address(attribute, route->source);
		else if (attribute->rta_type == RTA_GATEWAY)
			take_address(attribute, route->next);
	}
}

int nexthop_find(const uint8_t addr[16], struct nexthop *ret_nexthop)
{
	struct message message = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
					     .nlmsg_type = RTM_GETROUTE,
					     .nlmsg_flags = NLM_F_REQUEST}};
	struct rtmsg *body = NLMSG_DATA(&message.header);
	struct nexthop route = {0};
	int r;

	body->rtm_family = address_is_ipv4(addr) ? AF_INET : AF_INET6;
	body->rtm_dst_len = address_is_ipv4(addr) ? 32 : 128;
	put_address(&message, RTA_DST, addr);
	r = ask(&message, RTM_NEWROUTE);
	if (r < 0)
		return r;
	memcpy(route.next, addr, sizeof(route.next));
	read_nexthop(&message, &route);
	*ret_nexthop = route;
	return 0;
}

int nexthop_neighbour(uint32_t interface, const uint8_t addr[16], uint8_t ret_address[6])
{
	struct message message = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)),
					     .nlmsg_type = RTM_GETNEIGH,
					     .nlmsg_flags = NLM_F_REQUEST}};
	struct ndmsg *body = NLMSG_DATA(&message.header);
	size_t left;
	int r;

	body->ndm_family = address_is_ipv4(addr) ? AF_INET : AF_INET6;
	body->ndm_ifindex = (int)interface;
	put_address(&message, NDA_DST, addr);
	r = ask(&message, RTM_NEWNEIGH);
	if (r < 0)
		return r;
	if (body->ndm_state & NUD_FAILED)
		return -EHOSTUNREACH;
	left = NLMSG_PAYLOAD(&message.header, sizeof(*body));
	for (const struct rtattr *attribute =
		     (const struct rtattr *)((char *)body + NLMSG_ALIGN(sizeof(*body)));
	     RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type != NDA_LLADDR || RTA_PAYLOAD(attribute) != 6)
			continue;
		memcpy(ret_address, RTA_DATA(attribute), 6);
		return 0;
	}
	return -ENOENT;
}
