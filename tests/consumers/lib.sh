# shellcheck shell=bash
# What every consumer test needs: a scratch directory, a throw-away instance, an outside CA, servers on free ports. Sourced.
# ctest sets SIGNET_BIN and SIGNETD_BIN. Everything that was started ends with the test.
set -euo pipefail

: "${SIGNET_BIN:?set it to the signet program under test}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/surroundings.sh
. "$here/../support/surroundings.sh"
# shellcheck source=tests/support/outside-ca.sh
. "$here/../support/outside-ca.sh"
# shellcheck source=tests/support/ports.sh
. "$here/../support/ports.sh"
# shellcheck source=tests/support/provision.sh
. "$here/../support/provision.sh"

scratch=$(new_place test) # servers drop their rights and must reach their files
instance=$scratch/instance

# The build that the program is of, for what it installs.
# shellcheck disable=SC2034 # for the tests
build=${SIGNET_BIN%/service/cli/signet}

# What is built in a home, or a place with a blank or a quote in its name, is run from here: other users run it, configuration files name it.
programs_within_reach() {
    local name
    for name in SIGNET_BIN SIGNETD_BIN DAEMON_CLIENT; do
        if [ -e "${!name-}" ] && ! may_be_named "${!name}"; then
            mkdir -p "$scratch/programs"
            cp "${!name}" "$scratch/programs/"
            export "$name=$scratch/programs/$(basename "${!name}")"
        fi
    done
}
programs_within_reach

# Java for a moment: it starts with half the work. The second is for the environments that set the first themselves.
export JAVA_TOOL_OPTIONS='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
export JDK_JAVA_OPTIONS=$JAVA_TOOL_OPTIONS
children=()
# shellcheck disable=SC2034 # for the tests
client_module=$(pkg-config --variable=p11_module_path p11-kit-1)/p11-kit-client.so

signet() {
    "$SIGNET_BIN" "$@"
}

said=()
say() {
    printf '== %s\n' "$*"
    said+=("$*")
}

# consumer PROGRAM PACKAGE WHAT: the row of docs/consumers.md that this script stands for. Written by scripts/consumers from what was said.
row=
consumer() {
    row="$1|$(dpkg-query -W -f '${Version}' "$2" 2>/dev/null)|$3"
}

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# A child may be a shell that runs the program.
end_tree() {
    local pids
    mapfile -t pids < <(tree_of "$1")
    kill "${pids[@]}" 2>/dev/null || true
}

# tree_of PID: what it has started, and it.
tree_of() {
    local child
    for child in $(pgrep -P "$1"); do
        tree_of "$child"
    done
    echo "$1"
}

has_ended() {
    [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"
}

# end_server PID: and wait until all of it has gone; the port it listened on is free then. A shell of ours that had started it may end first.
end_server() {
    local pid pids
    mapfile -t pids < <(tree_of "$1")
    end_tree "$1"
    wait "$1" 2>/dev/null || true
    for pid in "${pids[@]}"; do
        wait_for 10 has_ended "$pid"
    done
}

# A process that crashed is replaced before anybody notices: its last words are looked for.
crashes() {
    find "$scratch" -name signetd.log -exec grep -aE 'Sanitizer|runtime error:|signal=(4|6|7|8|11|31) ' {} + || true
}

finish() {
    local status=$? child
    trap - EXIT
    for child in "${children[@]}"; do
        end_tree "$child"
    done
    for child in "${children[@]}"; do
        wait "$child" 2>/dev/null || true
    done
    for child in "$scratch"/*/{apache,nginx}.pid; do # started again by a watch, or in the background
        if [ -s "$child" ]; then kill "$(cat "$child")" 2>/dev/null || true; fi
    done
    if [ -d "$instance" ]; then
        signet dev down "$instance" >/dev/null 2>&1 || true
    fi
    if [ -n "$(crashes)" ]; then
        echo 'FAILED: a process crashed'
        crashes
        status=1
    fi
    if [ "$status" -ne 0 ]; then
        find "$scratch" -name '*log' -size +0 2>/dev/null | while read -r log; do
            echo "-- the end of $log"
            tail -n 25 "$log"
        done
    fi
    if [ "$status" -eq 0 ] && [ -n "${SIGNET_RESULTS-}" ] && [ -n "$row" ]; then
        printf '%s\n' "$row" "${said[@]}" >"$SIGNET_RESULTS/$(basename "$0" .sh)"
    fi
    rm -rf "$scratch"
    give_ports_back
    exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || fail "$program is not installed; scripts/setup installs it"
    done
}

# expect_failure STATUS[|STATUS] TEXT COMMAND…: it must exit with this status and say this (extended regular expression).
expect_failure() {
    local status=$1 text=$2 got=0
    shift 2
    "$@" >"$scratch/out" 2>&1 || got=$?
    [[ "|$status|" == *"|$got|"* ]] || fail "'$*' ended with $got, not $status: $(head -c 400 "$scratch/out")"
    grep -qE "$text" "$scratch/out" || fail "'$*' did not say '$text': $(head -c 400 "$scratch/out")"
}

# expect_text TEXT COMMAND…: it must succeed and say this.
expect_text() {
    local text=$1
    shift
    "$@" >"$scratch/out" 2>&1 || fail "'$*' ended with $?: $(tail -c 600 "$scratch/out")"
    grep -qE -- "$text" "$scratch/out" || fail "'$*' did not say '$text': $(head -c 600 "$scratch/out")"
}

# finds OPTION… PATTERN: what grep -q says of a pipe, which is read to its end: who writes into it must not fail (pipefail) because a match
# came early.
finds() {
    local status=0
    grep -q "$@" || status=$?
    cat >/dev/null
    return "$status"
}

# patiently NUMBER: what takes so long at most on a machine that does nothing else, with programs that are not slowed down by sanitizers, takes
# so long here. Every upper bound on time goes through this, or through the two below.
patiently() {
    echo $(($1 * ${SIGNET_PATIENCE:-1}))
}

# in_time SECONDS BEGIN: less than that has passed since $SECONDS was BEGIN.
in_time() {
    [ $((SECONDS - $2)) -lt "$(patiently "$1")" ]
}

# wait_for SECONDS COMMAND…: so long at most, and some more: whoever shares a machine stands still now and then. The command is run again and
# again as it stands here: a substitution in its words was made once, before.
wait_for() {
    local end=$((SECONDS + $(patiently "$1") + 10))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "waited too long for: $*"
        sleep 0.1
    done
}

instance_up() {
    signet dev up "$instance" >"$scratch/up.log" 2>&1 || {
        cat "$scratch/up.log"
        fail 'signet dev up'
    }
    eval "$(signet dev env "$instance")"
}

# The Unix user that servers run as once they have dropped root's rights; ourselves when we are not root.
server_user() {
    if [ "$(id -u)" -eq 0 ]; then echo www-data; else id -un; fi
}

owner_up() {
    signet owner add START1 >/dev/null
    signet owner attach START1 "$(server_user)" >/dev/null
}

# server_certificate LABEL KEYTYPE: START1/LABEL with a key in the token and a chain from the outside CA, for localhost.
server_certificate() {
    local label=$1 type=$2
    signet cert generate "START1/$label" --subject "CN=localhost,O=Example" --key "$type" \
        --san dns:localhost --san ip:127.0.0.1 >/dev/null
    signet cert request "START1/$label" --out "$scratch/$label.csr" >/dev/null
    outside_ca_sign "$scratch/ca" "$scratch/$label.csr" "$scratch/$label.pem"
    signet cert add "START1/$label" "$scratch/$label.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem" >/dev/null
}

# server_ring RING LABEL: the certificate as default with the outside CA's certificates.
server_ring() {
    signet ring add "START1/$1" >/dev/null
    signet ring connect "START1/$1" "START1/$2" --default >/dev/null
    signet ring connect "START1/$1" 'CERTAUTH/Outside Intermediate' >/dev/null
    signet ring connect "START1/$1" 'CERTAUTH/Outside Root' >/dev/null
}

# roll_over LABEL NEW: START1/LABEL, as far as the switch, with the outside CA's answer.
roll_over() {
    signet rollover start "START1/$1" --label "$2" >/dev/null 2>&1
    signet cert request "START1/$2" --out "$scratch/$2.csr" >/dev/null
    outside_ca_sign "$scratch/ca" "$scratch/$2.csr" "$scratch/$2.pem"
    signet cert add "START1/$2" "$scratch/$2.pem" >/dev/null
    signet rollover switch "START1/$1" >/dev/null
}

# to_and_fro LABEL TIMES: a roll-over that was switched, back and switched again, while programs follow.
to_and_fro() {
    local step
    for _ in $(seq "$2"); do
        for step in undo switch; do
            sleep "0.$((RANDOM % 8 + 1))"
            signet rollover "$step" "START1/$1" >/dev/null
        done
    done
}

# connect_for_ever FILE COMMAND…: every 100 ms, a line for each into FILE: "ok", or what went wrong.
connect_for_ever() {
    local file=$1
    shift
    while :; do
        if "$@" >"$file.out" 2>&1; then echo ok; else echo "FAILED $(date +%T) $(tr '\n' ' ' <"$file.out")"; fi
        sleep 0.1
    done >>"$file"
}

# all_connected FILE COUNT: of connect_for_ever, so many at least, and none failed.
all_connected() {
    local ok
    ok=$(grep -c '^ok' "$1" || true)
    [ "$ok" -ge "$2" ] || fail "only $ok connections: $(tail -n 3 "$1")"
    [ "$ok" -eq "$(wc -l <"$1")" ] || fail "$(grep -c FAILED "$1") of $(wc -l <"$1") connections failed: $(grep -m 3 FAILED "$1")"
}

# holds_certificate FILE PEM: the first certificate of the file is this one.
holds_certificate() {
    [ "$(openssl x509 -in "$1" -noout -fingerprint)" = "$(openssl x509 -in "$2" -noout -fingerprint)" ]
}

(umask 077 && echo changeit >"$scratch/password")

# ---- nginx, unmodified, with the lines that Signet prints ----

# The printed configuration as it stands, a snippet of nginx.conf.
provisioned_nginx_lines() {
    local root=$scratch/provisioned/nginx-$1
    [ -e "$root/provision.json" ] || provision nginx "START1/$1" "$root" || fail "provision nginx --ring START1/$1"
    provisioned_main "$root"
}

# What is printed for /etc/nginx/signet-openssl.cnf.
provisioned_openssl_conf() {
    provisioned_nginx_lines "$1" >/dev/null
    cat "$scratch/provisioned/nginx-$1/etc/nginx/signet-openssl.cnf"
}

# nginx_start DIR [on]: run nginx on DIR/nginx.conf with DIR/openssl.cnf and the rest of the printed environment, alone; "on": in the
# background of its own, as Debian's unit does.
nginx_start() {
    local dir=$1 roots environment starts
    roots=("$scratch"/provisioned/nginx-*)
    mapfile -t environment < <(provisioned_environment "${roots[0]}")
    starts=(env -u P11_KIT_SERVER_ADDRESS "${environment[@]}" OPENSSL_CONF="$dir/openssl.cnf" nginx -p "$dir" -c "$dir/nginx.conf" -g)
    if [ "${2-}" = on ]; then
        "${starts[@]}" 'daemon on;' >>"$dir/nginx.out.log" 2>&1 || fail "nginx: $(tail -n 5 "$dir/nginx.out.log")"
        return
    fi
    "${starts[@]}" 'daemon off;' >"$dir/nginx.out.log" 2>&1 &
    children+=("$!")
}

# nginx_top DIR: everything of nginx.conf that is not about a ring.
nginx_top() {
    local dir=$1 user=''
    [ "$(id -u)" -ne 0 ] || user="user $(server_user);"
    cat <<CONFIG
$user
worker_processes 2;
pid $dir/nginx.pid;
error_log $dir/error.log notice;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
CONFIG
}

# nginx_server PORT RING [LINE]…: one server that uses START1/RING, by the lines of "signet provision".
nginx_server() {
    local port=$1 ring=$2
    shift 2
    echo "    server {"
    echo "        listen 127.0.0.1:$port ssl;"
    echo "        server_name localhost;"
    echo "        ssl_protocols TLSv1.2 TLSv1.3;"
    provisioned_nginx_lines "$ring"
    printf '        %s\n' "$@"
    echo "        location / { return 200 'served from $ring'; }"
    echo "    }"
}

# nginx_up DIR PORT RING [LINE]…: the whole of it.
nginx_up() {
    local dir=$1 port=$2 ring=$3
    shift 3
    mkdir -p "$dir"
    {
        nginx_top "$dir"
        nginx_server "$port" "$ring" "$@"
        echo "}"
    } >"$dir/nginx.conf"
    provisioned_openssl_conf "$ring" >"$dir/openssl.cnf"
    nginx_start "$dir"
    wait_for 15 listening "$port"
}

# ---- signet watch, as printed ----

# watch_as_printed ROOT: what the printed service runs, in the background; its words go to ROOT/watch.out and ROOT/watch.log. systemctl
# is what the test has put into $scratch/bin.
watch_as_printed() {
    local root=$1 unit command
    unit=("$root"/etc/systemd/system/signet-watch-*.service)
    if [ -e "${unit[0]}" ]; then
        read -ra command < <(sed -n 's/^ExecStart=//p' "${unit[0]}")
    else
        command=(sh -c "exec $(jq -r .watch "$root/provision.json")")
    fi
    (cd "$root" && PATH="$scratch/bin:$(dirname "$SIGNET_BIN"):$PATH" exec env -u SIGNET_SOCKET "${command[@]}") >>"$root/watch.out" 2>>"$root/watch.log" &
    children+=("$!")
}

# ---- Apache and stunnel, likewise, as provisioned below DIR ----

# apache_up DIR PORT [LINE]…
apache_up() {
    local dir=$1 port=$2 user='' modules
    modules=$(dirname "$(dpkg -L apache2-bin | grep '/mod_ssl\.so$')")
    shift 2
    mkdir -p "$dir/docs"
    echo "served by $(basename "$dir")" >"$dir/docs/index.html"
    [ "$(id -u)" -ne 0 ] || user="User $(server_user)"$'\n'"Group $(id -gn "$(server_user)")"
    cat >"$dir/apache.conf" <<CONFIG
ServerRoot $dir
ServerName localhost
DefaultRuntimeDir $dir
PidFile $dir/apache.pid
ErrorLog $dir/error.log
Listen 127.0.0.1:$port
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule dir_module $modules/mod_dir.so
LoadModule ssl_module $modules/mod_ssl.so
$user
DocumentRoot $dir/docs
DirectoryIndex index.html
SSLEngine on
Include $dir/etc/apache2/conf-available/signet.conf
$(printf '%s\n' "$@")
CONFIG
    mapfile -t environment < <(provisioned_environment "$dir")
    env -u P11_KIT_SERVER_ADDRESS "${environment[@]}" apache2 -f "$dir/apache.conf" -D FOREGROUND >"$dir/apache.out.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
}

# stunnel_up DIR PORT [LINE]…: ports and users are the test's own; in front of the port $plain.
stunnel_up() {
    local dir=$1 port=$2 own=/etc/stunnel/signet.conf user
    shift 2
    own=$dir$own
    user="s/^(setuid|setgid) = .*/\1 = $(server_user)/"
    [ "$(id -u)" -eq 0 ] || user='/^set[ug]id = /d'
    {
        printf 'foreground = yes\npid =\n'
        sed -E "$user; s/^accept = .*/accept = 127.0.0.1:$port/; s/^connect = .*/connect = 127.0.0.1:${plain:?}/" "$own"
        printf '%s\n' "$@"
    } >"$dir/stunnel.conf"
    mapfile -t environment < <(provisioned_environment "$dir")
    env -u P11_KIT_SERVER_ADDRESS "${environment[@]}" stunnel4 "$dir/stunnel.conf" >"$dir/stunnel.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
}

# ---- Jetty and Tomcat, likewise ----

jetty_home=/usr/share/jetty9
need_jetty() {
    [ -e "$jetty_home/start.jar" ] || fail 'jetty9 is not installed; scripts/setup installs it'
}
# jetty_up DIR PORT [LINE OF ssl.ini]…: a jetty.base with nothing in it but TLS. Java says in its log what it thinks of handshakes.
jetty_up() {
    local dir=$1 port=$2 environment
    shift 2
    sed -i "s/^jetty.ssl.port=.*/jetty.ssl.port=$port/" "$dir/start.d/ssl.ini"
    printf '%s\n' jetty.ssl.host=127.0.0.1 "$@" >>"$dir/start.d/ssl.ini"
    mapfile -t environment < <(provisioned_environment "$dir")
    (cd "$dir" && exec env -u P11_KIT_SERVER_ADDRESS "${environment[@]}" java -Djavax.net.debug=ssl:handshake -jar "$jetty_home/start.jar" "jetty.home=$jetty_home" "jetty.base=$dir") >"$dir/jetty.log" 2>&1 &
    children+=("$!")
}

tomcat_home=/usr/share/tomcat10
need_tomcat() {
    [ -e "$tomcat_home/bin/bootstrap.jar" ] || fail 'tomcat10-common is not installed; scripts/setup installs it'
}
# tomcat_up DIR PORT [SED SCRIPT ON THE CONNECTOR]
tomcat_up() {
    local dir=$1 port=$2 change=${3-} environment
    mkdir -p "$dir/conf" "$dir/logs" "$dir/temp" "$dir/work" "$dir/webapps/ROOT"
    echo "served by $(basename "$dir")" >"$dir/webapps/ROOT/index.txt"
    cat >"$dir/conf/server.xml" <<CONFIG
<Server port="-1">
  <Service name="Catalina">
$(sed -e "s/ port=\"8443\"/ port=\"$port\" address=\"127.0.0.1\"/; $change" "$dir/etc/tomcat10/signet-connector.xml")
    <Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps"/></Engine>
  </Service>
</Server>
CONFIG
    cat >"$dir/conf/web.xml" <<'CONFIG'
<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
  <servlet><servlet-name>default</servlet-name><servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class></servlet>
  <servlet-mapping><servlet-name>default</servlet-name><url-pattern>/</url-pattern></servlet-mapping>
</web-app>
CONFIG
    xmllint --noout "$dir/conf/server.xml"
    mapfile -t environment < <(provisioned_environment "$dir")
    env -u P11_KIT_SERVER_ADDRESS "${environment[@]}" CATALINA_OPTS=-Djavax.net.debug=ssl:handshake CATALINA_BASE="$dir" CATALINA_HOME="$tomcat_home" bash "$tomcat_home/bin/catalina.sh" run >"$dir/tomcat.log" 2>&1 &
    children+=("$!")
}

# ---- a client whose certificate is in the ring START1/CLIENT ----

# client_certificate KEYTYPE [LABEL]: another LABEL, the ring of that name in capitals; below $scratch/LABEL, what is printed for openssl.
client_certificate() {
    local label=${2-client}
    signet cert generate "START1/$label" --subject 'CN=client,O=Example' --key "$1" --eku clientAuth >/dev/null
    signet cert request "START1/$label" --out "$scratch/$label.csr" >/dev/null
    outside_ca_sign "$scratch/ca" "$scratch/$label.csr" "$scratch/$label.pem"
    signet cert add "START1/$label" "$scratch/$label.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem" >/dev/null
    server_ring "${label^^}" "$label"
    provision openssl "START1/${label^^}" "$scratch/$label"
}

# is_said_more_often TEXT FILE COUNT
is_said_more_often() {
    [ "$(grep -cF -- "$1" "$2")" -gt "$3" ]
}

# What curl says when it is refused for want of a certificate: the alert, or, with TLS 1.3, that the connection has ended.
refused_text='alert|certificate required|bad certificate|handshake failure|getpeername|reset'

# expect_refused_without_certificate LOG COMMAND…: the client hears an alert, or that the connection has ended; Java says in its log why it
# refused it, and says so once more than before.
expect_refused_without_certificate() {
    local log=$1 before
    shift
    before=$(grep -cF 'Empty client certificate chain' "$log" || true)
    expect_failure '35|55|56' "$refused_text" "$@"
    wait_for 10 is_said_more_often 'Empty client certificate chain' "$log" "$before"
}

# curl_with_client_certificate [OPTION]… URL: the command that is printed for curl, with its environment.
curl_with_client_certificate() {
    local url=${!#} environment command
    mapfile -t environment < <(provisioned_environment "$scratch/client")
    command=$(provisioned_example "$scratch/client" '. ./signet-pair.sh && curl')
    (cd "$scratch/client" && export "${environment[@]}" && eval "${command/https:\/\/HOST:PORT\//$(printf '%q ' "$url" -sS "${@:1:$#-1}")}")
}

# ---- a local sshd ----

need_sshd() {
    sshd=$(command -v sshd) || fail 'openssh-server is not installed; scripts/setup installs it'
}

# sshd_up DIR PORT PUBLIC-KEY: lets ourselves in, with that key only.
sshd_up() {
    local dir=$1 port=$2
    mkdir -p "$dir"
    ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
    cp "$3" "$dir/authorized"
    cat >"$dir/sshd.conf" <<CONFIG
Port $port
ListenAddress 127.0.0.1
HostKey $dir/host
PidFile none
AuthorizedKeysFile $dir/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
LogLevel VERBOSE
CONFIG
    if [ "$(id -u)" -eq 0 ] && [ ! -d /run/sshd ]; then # where a service manager would have made it
        mkdir -m 755 /run/sshd
    fi
    "${sshd:?}" -D -e -f "$dir/sshd.conf" >"$dir/sshd.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
    sed "s/^/[localhost]:$port /" "$dir/host.pub" >"$dir/known"
}
