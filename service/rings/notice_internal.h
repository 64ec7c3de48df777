/* What the log says of clients, a line a second for each user at most. */
#ifndef SIGNET_RINGS_NOTICE_INTERNAL_H
#define SIGNET_RINGS_NOTICE_INTERNAL_H

#include <signet/rings/link.h>

/** The first ones are enum sg_rings_refusal; those up to SG_NOTICE_END end a connection, as the
 * exit status of its process; the others are what rings sees or hears of one. */
enum sg_rings_notice {
    SG_NOTICE_TOO_MANY = SG_RINGS_TOO_MANY,
    SG_NOTICE_TOO_MANY_OF_USER = SG_RINGS_TOO_MANY_OF_USER,
    SG_NOTICE_FIRST_END = 16,
    SG_NOTICE_REQUEST_TOO_LONG = SG_NOTICE_FIRST_END,
    SG_NOTICE_REQUEST_TOO_LATE,
    SG_NOTICE_ANSWER_NOT_READ,
    SG_NOTICE_NOT_THE_PROTOCOL, /**< or a request so long that there is no memory for it */
    SG_NOTICE_END,
    SG_NOTICE_DIED = SG_NOTICE_END,
    SG_NOTICE_MISBEHAVED,
    SG_NOTICE_USE_FAILED,
    SG_NOTICE_CONNECTION_FAILED,
};

#endif
