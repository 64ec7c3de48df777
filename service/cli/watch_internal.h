/* The parts of signet watch. */
#ifndef SIGNET_CLI_WATCH_INTERNAL_H
#define SIGNET_CLI_WATCH_INTERNAL_H

#include <sys/types.h>

#include <signet/base/buffer.h>
#include <signet/cli/arguments.h>
#include <signet/cli/client.h>

#define SG_WATCH_COMMAND_S 600 /* seconds that a command may take */

/** Text for standard error: "signet: …". What cannot be written is lost. */
void sg_watch_say(const char *format, ...) SG_PRINTF(1, 2);

/* ---- signals (watch_signal.c): they end the process where nothing is half done, and wait
 * elsewhere ---- */

SG_CHECKED sg_status sg_watch_signals(struct sg_error *err);
/** Between these two SIGTERM and SIGINT end the process, status 0. */
void sg_watch_interruptible(void);
void sg_watch_uninterruptible(void);
void sg_watch_sleep(unsigned ms);

/* ---- files (watch_files.c) ---- */

#define SG_WATCH_FILE_MAX 16777216u /* bytes of one file */

enum sg_watch_which { SG_WATCH_CHAIN, SG_WATCH_KEY, SG_WATCH_TRUST, SG_WATCH_PAIR, SG_WATCH_FILES };

struct sg_watch_file {
    const char *path; /**< as it was given; NULL: not kept */
    struct sg_buffer content;
    bool nothing; /**< the ring has nothing for it: it stays as it is */
};
/** What the kept files shall hold. */
struct sg_watch_files {
    const struct sg_invocation *invocation;
    struct sg_watch_file file[SG_WATCH_FILES];
    char *named; /**< the chain's path in the content of --pair; owned */
    bool untidy; /**< there are chains that no pair names any more */
};

/** The paths of a command line; SG_E_USAGE "bad_usage" where one cannot be kept, or two are one. */
SG_CHECKED sg_status sg_watch_files_init(struct sg_watch_files *files,
                                         const struct sg_invocation *invocation,
                                         struct sg_error *err);
void sg_watch_files_done(struct sg_watch_files *files);
/** Ask the service what the files shall hold. What a ring has nothing for is left as it is, with a
 * warning; chain and key are one thing: both, or neither. */
SG_CHECKED sg_status sg_watch_fetch(struct sg_client *client, struct sg_watch_files *files,
                                    struct sg_error *err);
/** Bring the files up to date; a pair first, by one rename. *changed: one of them has another
 * content now. A symbolic link stays, and what it leads to is replaced; SG_E_STORAGE "cannot_write"
 * for one that leads nowhere, and for what is no regular file, "unsafe_link" for one that another
 * user could have made. */
SG_CHECKED sg_status sg_watch_put(struct sg_watch_files *files, bool *changed,
                                  struct sg_error *err);
/** One file, no link. One that is made takes mode and group of "like", where that is there. */
SG_CHECKED sg_status sg_watch_put_file(const char *path, const char *like,
                                       const struct sg_buffer *content, bool *changed,
                                       struct sg_error *err);
/** Where the bytes of a path are: links are followed, when they are to be trusted. */
SG_CHECKED sg_status sg_watch_follow(const char *path, char **out, struct sg_error *err);

/** Do both name one file, there already or not? */
bool sg_watch_same_file(const char *a, const char *b);
/** Read a regular file; anything else is SG_E_STORAGE "cannot_read", and not waited for. */
SG_CHECKED sg_status sg_watch_read(const char *path, struct sg_buffer *out, struct sg_error *err);

/* ---- chain and key by one name (watch_pair.c) ---- */

/** SG_E_USAGE "bad_usage" for a path that a server's configuration cannot hold. */
SG_CHECKED sg_status sg_watch_check_quotable(const char *path, struct sg_error *err);
/** Write the chain under a name of its own, then the lines that name it and the key. */
SG_CHECKED sg_status sg_watch_put_pair(struct sg_watch_files *files, bool *changed,
                                       struct sg_error *err);
/** Remove chains that were made for this pair and have not been named for a while, but the one that
 * was named last before the present one. */
void sg_watch_tidy(struct sg_watch_files *files);

/* ---- what has been done (watch_state.c) ---- */

#define SG_WATCH_UNKNOWN (-1) /* no state yet: nobody has watched here */
#define SG_WATCH_NOTHING 0    /* no sequence of a ring: the command has not run */

/** Where the last sequence is kept for which the command succeeded. */
struct sg_watch_state {
    char *path; /**< NULL: nowhere; owned */
    const char *ring;
    int64_t done; /**< as it was read or written last */
};

/** --state, or beside the first file that is kept; nowhere when there is no command. SG_E_USAGE
 * "bad_usage" when it names a file that is kept, or what is no regular file. */
SG_CHECKED sg_status sg_watch_state_init(struct sg_watch_state *state,
                                         const struct sg_watch_files *files, struct sg_error *err);
void sg_watch_state_done(struct sg_watch_state *state);
/** Read it; what cannot be read says that nothing has been done. */
void sg_watch_state_read(struct sg_watch_state *state);
SG_CHECKED sg_status sg_watch_state_write(struct sg_watch_state *state, int64_t done,
                                          struct sg_error *err);

/* ---- the command (watch_signal.c, watch_guard.c) ---- */

/** In a child of the process "watch": run the command, and end as it ends. SIGTERM, and the end of
 * the watch by whatever, end the command's process group: SIGTERM, after three seconds SIGKILL. */
_Noreturn void sg_watch_guard(pid_t watch, const char *command, const char *ring, int64_t sequence);

/** Run a command by /bin/sh, its output to standard error, with SIGNET_RING and SIGNET_SEQUENCE. A
 * failure of it is SG_E_UNSUPPORTED "command_failed". */
SG_CHECKED sg_status sg_watch_command(const char *command, const char *ring, int64_t sequence,
                                      struct sg_error *err);

#endif
