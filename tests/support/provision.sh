# shellcheck shell=bash
# What "signet provision" says, done: its files written, its commands run, its environment at hand. Nothing is read out of the text for
# people. Only places differ: what belongs below /etc goes below a directory of the test's own, in names and in contents.
#
#   provision PROGRAM OWNER/RING ROOT [TRUST-RING]      leaves ROOT/provision.json, ROOT/etc/…, and relative files in ROOT
#   provisioned_environment ROOT                        NAME=VALUE, a line each: mapfile -t environment < <(…)
#   provisioned_example ROOT WORD                       the first example command that begins with these words
#   provisioned_main ROOT                               path of the program's own configuration

provision() {
    local program=$1 ring=$2 root=$3 trust=${4:-$2} count number path mode command
    mkdir -p "$root"
    "$SIGNET_BIN" provision "$program" --ring "$ring" --trust-ring "$trust" --json >"$root/printed.json" || return 1
    jq --arg root "$root" 'walk(if type == "string" then gsub("(?<![a-z])/etc/"; $root + "/etc/") else . end)' \
        "$root/printed.json" >"$root/provision.json" || return 1
    count=$(jq '.files | length' "$root/provision.json")
    for number in $(seq 0 $((count - 1))); do
        path=$(jq -r ".files[$number].path" "$root/provision.json")
        mode=$(jq -r ".files[$number].mode" "$root/provision.json")
        case $path in /*) ;; *) path=$root/$path ;; esac
        mkdir -p "$(dirname "$path")"
        jq -j ".files[$number].content" "$root/provision.json" >"$path" && chmod "$mode" "$path" || return 1
    done
    while IFS= read -r command; do
        # The servers' users of a Debian package that is not there, or of a test that is not root, are ours.
        command=$(sed -E "s/^(signet owner attach .*) [a-z0-9_]+$/\1 $(server_user)/" <<<"$command")
        (cd "$root" && PATH="$(dirname "$SIGNET_BIN"):$PATH" bash -c "$command" >"$root/command.log" 2>&1) ||
            grep -q 'attached to owner .* already' "$root/command.log" || {
            echo "$command: $(cat "$root/command.log")" >&2
            return 1
        }
    done < <(jq -r '.commands[]' "$root/provision.json")
}

provisioned_environment() {
    jq -r '.environment | to_entries[] | "\(.key)=\(.value)"' "$1/provision.json"
}

provisioned_example() {
    jq -r --arg word "$2" 'first(.examples[] | select(startswith($word)))' "$1/provision.json"
}

# The lines of the program's own configuration, as printed: all that is no comment.
provisioned_main() {
    jq -r '.text' "$1/provision.json" | grep -v '^#'
}
