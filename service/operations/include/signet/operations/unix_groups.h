/* The groups of a Unix user, from the system's database, and how fast that answers. */
#ifndef SIGNET_OPERATIONS_UNIX_GROUPS_H
#define SIGNET_OPERATIONS_UNIX_GROUPS_H

#include <sys/types.h>

#include <signet/base/error.h>

/** What was known of a user's groups. A name service that fails looks like one that knows less: a
 * group that is missing now is lost when it is found without the user; when it, or the user, is not
 * found at all, the service is held to have failed. */
struct sg_groups_before {
    const gid_t *list; /**< sorted */
    size_t count;
    bool overdue; /**< that was so for too long: what is not found is gone */
    bool unfound; /**< set when something was not found */
};

/** The groups that the system's database gives the user, and gid, sorted: malloc'd. A user that it
 * does not know has gid alone; at most 1,025 are heeded. before: NULL when nothing was known. May
 * block as long as the name service does. SG_E_SERVICE "name_service", "name_service_slow" (it
 * rests). */
SG_CHECKED sg_status sg_unix_groups(uid_t uid, gid_t gid, struct sg_groups_before *before,
                                    gid_t **out, size_t *count, struct sg_error *err);

/** Whoever asks the name service waits for it, and so does everybody else whom this process serves:
 * after a look-up that took longer than SG_NAMES_SLOW_MS nobody is looked up for ten times as long,
 * SG_NAMES_REST_MAX_MS at most. */
#define SG_NAMES_SLOW_MS 1000
#define SG_NAMES_FIRST_MS 1000
#define SG_NAMES_REST_MAX_MS 120000

/** How it answers; zero: nobody has asked. Times of a monotonic clock, in ms. */
struct sg_name_pace {
    int64_t took_ms; /**< the last look-up, when that was slow; else 0 */
    int64_t rests_until_ms;
    int64_t logged_ms; /**< when the log was last told that it is slow; 0: never */
    bool logged;       /**< and not yet that it answers again */
    char asked[80];    /**< whom the slow one was about: "user 33" */
};
enum sg_name_news { SG_NAMES_NO_NEWS, SG_NAMES_ARE_SLOW, SG_NAMES_ANSWER };
/** A look-up has ended. What the log is to be told: that it is slow every five minutes at most. */
enum sg_name_news sg_name_pace_note(struct sg_name_pace *pace, const char *asked, int64_t began_ms,
                                    int64_t ended_ms);
/** Of this process. */
const struct sg_name_pace *sg_name_pace_now(void);
/** True while nobody is to be looked up. */
bool sg_names_rest(void);
/** The same for those of whom something is known: SG_NAMES_FIRST_MS longer, so that whoever waits
 * for a first answer comes before them. */
bool sg_names_rest_for_known(void);
/** How long to leave it alone after having waited for it so long. */
int64_t sg_names_rest_ms(int64_t took_ms);
/** Is this the name service's failure to tell ("name_service", "name_service_slow")? */
bool sg_names_failed(const struct sg_error *err);

/** Who is told when a look-up begins, and when it has ended: nobody else knows why the process says
 * nothing meanwhile. NULL: nobody. One for the process. */
typedef void (*sg_names_listener)(void *context, bool begins);
void sg_names_tell(sg_names_listener listener, void *context);

#endif
