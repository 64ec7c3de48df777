# shellcheck shell=bash
# For tests that must become somebody else, or mount something. Sourced before anything else.

# as_root SCRIPT WORD…: go on as root, by way of sudo where it asks nothing. Who has neither cannot run the test: that is a failure.
as_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    if ! sudo -n true 2>/dev/null; then
        echo 'FAILED: this test becomes other users: run it as root, or with sudo that asks for no password (sudo -v before it)'
        exit 1
    fi
    # Whoever started the test may not end what is root's: it ends by itself.
    exec sudo -n --preserve-env=SIGNET_BIN,SIGNETD_BIN,DAEMON_CLIENT,WRAP_MODULE,SLOW_NAMES,SIGNET_PATIENCE,TMPDIR,ASAN_OPTIONS,UBSAN_OPTIONS,LSAN_OPTIONS \
        timeout -k 10 "$((${AS_ROOT_SECONDS:-170} * ${SIGNET_PATIENCE:-1}))" "$@"
}
