/* The command racdcert. */
#ifndef SIGNET_CLI_RACDCERT_H
#define SIGNET_CLI_RACDCERT_H

/** Run the command line: one command as arguments, or a deck on standard input. Returns the exit
 * status: 0, 4, 8 or 12. */
int sg_racdcert_main(int argc, const char *const *argv);

#endif
