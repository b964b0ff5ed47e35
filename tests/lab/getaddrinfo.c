/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For each argument, what getaddrinfo() has for it in both families: a line "name address ...",
 * or "name !code". Compiled against more than one C library. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void print_addresses(const struct addrinfo *list)
{
	char text[INET6_ADDRSTRLEN];

	for (; list; list = list->ai_next) {
		const void *addr = list->ai_family == AF_INET ?
			(const void *)&((const struct sockaddr_in *)list->ai_addr)->sin_addr :
			(const void *)&((const struct sockaddr_in6 *)list->ai_addr)->sin6_addr;

		printf(" %s", inet_ntop(list->ai_family, addr, text, sizeof(text)));
	}
}

int main(int argc, char **argv)
{
	struct addrinfo hints, *list;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	for (int i = 1; i < argc; i++) {
		int err = getaddrinfo(argv[i], NULL, &hints, &list);

		printf("%s", argv[i]);
		if (err == 0) {
			print_addresses(list);
			freeaddrinfo(list);
		} else {
			printf(" !%d", err);
		}
		printf("\n");
	}
	return 0;
}
