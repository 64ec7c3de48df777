/* Where p11-kit's client finds the rings. */
#ifndef SIGNET_BASE_ADDRESS_H
#define SIGNET_BASE_ADDRESS_H

#include <limits.h>
#include <stddef.h>

/** Where the service is asked when nothing else is said. */
#define SG_SOCKET_DEFAULT "/run/signet/signet.sock"

/** "unix:path=" and a path of which every byte may be written as %XX. */
#define SG_ADDRESS_SIZE (sizeof "unix:path=" + 3 * (size_t)PATH_MAX)

struct sg_address {
    char text[SG_ADDRESS_SIZE];
};

/** A socket as p11-kit's client takes it, in the environment variable P11_KIT_SERVER_ADDRESS and
 * behind "remote:" in a module's configuration: "unix:path=" and the absolute path, less than
 * PATH_MAX bytes, percent-encoded but for what p11-kit leaves as it is (p11-kit 0.24, path.c). */
void sg_address_of_socket(const char *path, struct sg_address *out);

#endif
