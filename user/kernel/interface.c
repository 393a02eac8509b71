/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/interface.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int interface_read(const char *name, struct shunt_interface *ret_interface)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq address = {0}, mtu;
	int r = 0;

	if (fd < 0)
		return -errno;
	strncpy(address.ifr_name, name, sizeof(address.ifr_name) - 1);
	mtu = address;
	if (ioctl(fd, SIOCGIFHWADDR, &address) || ioctl(fd, SIOCGIFMTU, &mtu))
		r = -errno;
	else if (address.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		r = -EOPNOTSUPP;
	close(fd);
	if (r < 0)
		return r;
	memcpy(ret_interface->address, address.ifr_hwaddr.sa_data, sizeof(ret_interface->address));
	ret_interface->mtu = mtu.ifr_mtu < UINT16_MAX ? (uint16_t)mtu.ifr_mtu : UINT16_MAX;
	return 0;
}

/*
 * A link in the driver, or else a generic one; not just whichever the kernel takes, which
 * would not say which it is.  A program that is there already is -EBUSY if it is attached in
 * the same way and -EEXIST if in the other (net/core/dev.c, dev_xdp_attach()).
 */
int interface_attach(uint32_t index, int program, bool *ret_native)
{
	bool native = true;
	struct bpf_link_create_opts options = {.sz = sizeof(options), .flags = XDP_FLAGS_DRV_MODE};
	int link = bpf_link_create(program, (int)index, BPF_XDP, &options);

	if (link < 0 && link != -EBUSY && link != -EEXIST) {
		native = false;
		options.flags = XDP_FLAGS_SKB_MODE;
		link = bpf_link_create(program, (int)index, BPF_XDP, &options);
	}
	if (link < 0)
		return link == -EEXIST ? -EBUSY : link;
	*ret_native = native;
	return link;
}
