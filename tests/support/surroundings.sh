# shellcheck shell=bash
# What a caller's environment may not change about tests and the demonstration. Sourced before anything else.

umask 022
export LC_ALL=C.UTF-8
case :$PATH: in # an ordinary user's leaves out where nginx, apache2, sshd and haproxy are
*:/usr/sbin:*) ;;
*) export PATH=$PATH:/usr/sbin:/sbin ;;
esac
case ,${no_proxy-}, in # our servers are here
*,localhost,127.0.0.1,*) ;;
*) export no_proxy="localhost,127.0.0.1${no_proxy:+,$no_proxy}" ;;
esac
unset CDPATH SIGNET_SOCKET OPENSSL_CONF SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE SOFTHSM2_CONF JAVA_TOOL_OPTIONS DESTDIR
# shellcheck disable=SC2086 # names
unset ${!P11_KIT_*}

# may_be_named FILE: other users enter it, or run it, and every configuration file can hold its name without quoting.
may_be_named() {
    local file
    [[ $1 =~ ^/[A-Za-z0-9/._+-]+$ ]] && file=$(realpath -- "$1" 2>/dev/null) || return 1
    while [ "$file" != / ]; do
        case $(stat -c %a "$file" 2>/dev/null) in *[1357]) ;; *) return 1 ;; esac
        file=$(dirname "$file")
    done
}

# Programs must start there, and the name of a socket ends at 107 bytes.
may_hold_places() {
    local place=$1 probe status=0
    [ "${#place}" -le 41 ] && may_be_named "$place" || return 1
    probe=$(mktemp -d "$place/signet-probe.XXXXXX" 2>/dev/null) || return 1
    { printf '#!/bin/sh\n' >"$probe/program" && chmod 755 "$probe/program" && "$probe/program"; } 2>/dev/null || status=1
    rm -rf "$probe"
    return "$status"
}

choose_places() {
    local place
    for place in "${TMPDIR-}" /tmp /var/tmp; do
        if may_hold_places "$place"; then
            export TMPDIR=$place
            return
        fi
    done
    echo "there is no place to work in: neither TMPDIR (${TMPDIR-not set}) nor /tmp nor /var/tmp is a directory that one may write to," \
        'start programs in, and that all users may enter (with a short name without blanks or quotes)' >&2
    return 1
}
choose_places || exit 1

# new_place NAME: makes a directory that all may enter, and prints its name.
new_place() {
    local place
    place=$(mktemp -d "$TMPDIR/signet-$1.XXXXXX") && chmod 755 "$place" && echo "$place"
}

# Whoever ran this as root before has left files that we may not replace.
build_is_ours() {
    local foreign
    [ -d build ] || return 0
    foreign=$(find build -maxdepth 2 ! -writable ! -type l -print -quit)
    [ -z "$foreign" ] || {
        echo "$PWD/$foreign belongs to $(stat -c %U "$foreign"): remove $PWD/build first, or go on as that user" >&2
        return 1
    }
}
