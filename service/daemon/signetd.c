/* signetd: reads the configuration and becomes the master. */
#include <fcntl.h>
#include <getopt.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/daemon/config.h>
#include <signet/daemon/control.h>
#include <signet/daemon/master.h>
#include <signet/rings/process.h>
#include <signet/token/process.h>

#define DEFAULT_CONFIGURATION "/etc/signet/signet.conf"

static const char usage[] =
    "usage: signetd [--config FILE] [--check]\n"
    "  --config FILE  configuration (default " DEFAULT_CONFIGURATION ")\n"
    "  --check        read the configuration, say what is wrong with it, and end\n"
    "  --version      print the version, and end\n"
    "  --help         print this, and end\n";

struct options {
    const char *config;
    bool check;
};

enum parsed { PARSED_RUN, PARSED_DONE, PARSED_WRONG };

static enum parsed wrong(void)
{
    fputs(usage, stderr);
    return PARSED_WRONG;
}

static enum parsed parse(int argc, char **argv, struct options *out)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (;;) {
        switch (getopt_long(argc, argv, "c:h", known, NULL)) {
        case 'c':
            out->config = optarg;
            break;
        case 'k':
            out->check = true;
            break;
        case 'V':
            puts("signetd " SIGNET_VERSION);
            return PARSED_DONE;
        case 'h':
            fputs(usage, stdout);
            return PARSED_DONE;
        case -1:
            return optind == argc ? PARSED_RUN : wrong();
        default:
            return wrong();
        }
    }
}

static int complain(const struct sg_error *err)
{
    fprintf(stderr, "signetd: %s\n", err->text);
    if (err->hint[0] != '\0') {
        fprintf(stderr, "  %s\n", err->hint);
    }
    return 1;
}

/* 0, 1 and 2 exist, and nothing else of whoever started us does. */
static bool tidy_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO) {
        fd = open("/dev/null", O_RDWR);
    }
    return fd >= 0 && close_range(STDERR_FILENO + 1, ~0u, 0) == 0;
}

static int run(const struct options *options, struct sg_config *config)
{
    static const struct sg_master_roles roles = {
        .control = sg_control_run,
        .rings = sg_rings_process_run,
        .token = sg_token_process_run,
    };
    struct sg_error err = SG_ERROR_INIT;
    if (sg_config_read(options->config, config, &err) != SG_OK ||
        sg_master_check(config, &err) != SG_OK) {
        return complain(&err);
    }
    if (options->check) {
        printf("%s: no fault found\n", options->config);
        return 0;
    }
    sg_log_init("master", config->log);
    return sg_master_run(config, &roles, &err) == SG_OK ? 0 : complain(&err);
}

int main(int argc, char **argv)
{
    struct options options = {.config = DEFAULT_CONFIGURATION};
    if (!tidy_descriptors()) {
        return 1;
    }
    switch (parse(argc, argv, &options)) {
    case PARSED_DONE:
        return 0;
    case PARSED_WRONG:
        return 1;
    case PARSED_RUN:
        break;
    }
    struct sg_config config;
    memset(&config, 0, sizeof config);
    int status = run(&options, &config);
    sg_config_done(&config);
    return status;
}
