/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/way.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/nexthop.h"
#include "shunt/address.h"

#define ETHERTYPE_IPV4 "\x08\x00"
#define ETHERTYPE_IPV6 "\x86\xdd"

static const struct shunt_interface *find_interface(const struct way_interfaces *interfaces,
						    uint32_t index)
{
	for (uint32_t i = 0; i < interfaces->count; i++) {
		if (interfaces->all[i].index == index)
			return &interfaces->all[i].about;
	}
	return NULL;
}

int way_find(const struct shunt_target *target, const struct way_interfaces *interfaces,
	     bool *ret_local, struct shunt_way *ret_way)
{
	const struct shunt_interface *interface;
	struct shunt_way way = {0};
	struct nexthop route;
	int r;

	r = nexthop_find(target->addr, &route);
	if (r < 0)
		return r;
	*ret_local = route.local;
	if (route.local)
		return 0;
	interface = find_interface(interfaces, route.interface);
	if (!interface || !interface->mtu)
		return -EADDRNOTAVAIL;
	r = nexthop_neighbour(route.interface, route.next, way.ethernet);
	if (r < 0)
		return r;
	memcpy(way.ethernet + 6, interface->address, 6);
	memcpy(way.ethernet + 12, address_is_ipv4(target->addr) ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6,
	       2);
	memcpy(way.source, route.source, sizeof(way.source));
	way.interface = route.interface;
	way.mtu = interface->mtu;
	*ret_way = way;
	return 0;
}

void way_ask(const struct shunt_target *target)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(target->port)};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	/* An IPv4-mapped address goes by IPv4. */
	memcpy(&to.sin6_addr, target->addr, 16);
	sendto(fd, "", 0, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to));
	close(fd);
}
