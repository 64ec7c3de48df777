# shellcheck shell=bash
# What gates a merge: the steps, in order, and how they are counted. Sourced by scripts/check and scripts/test, which differ
# only in what a fault does: check stops, test goes on and counts.
#
# A step that is no test run (a build, a check) counts as one test.

# shellcheck source=tests/support/surroundings.sh
. tests/support/surroundings.sh

# Tests that were killed, by their time limit or with all of this, left what they had started. It is known by where it works.
gate_place=$(new_place gate)
if [ "${#gate_place}" -gt 41 ]; then # too long for the sockets of what works in it
    rmdir "$gate_place"
    gate_place=$(TMPDIR=/tmp new_place gate)
fi
export TMPDIR=$gate_place
sudo_keeper=
gate_cleanup() {
    local status=$? signal
    trap - EXIT
    [ -z "$sudo_keeper" ] || kill "$sudo_keeper" 2>/dev/null
    for signal in TERM KILL; do
        pkill "-$signal" -f -- "$gate_place/" || break
        sleep 2
    done
    rm -rf "$gate_place" 2>/dev/null || sudo -n rm -rf "$gate_place"
    exit "$status"
}
trap gate_cleanup EXIT
trap 'echo interrupted >&2; exit 1' INT TERM HUP

passed=0
failed=0
stop_at_first_fault=${stop_at_first_fault:-no}
# Half of them wait, and one of the longest always does.
jobs=$(($(nproc) * 2 + 1))
logs=build/logs

faults=$gate_place/faults.log # what is said of each fault, once more, before the closing line

gate_finish() {
    [ ! -s "$faults" ] || cat "$faults"
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

fault() {
    failed=$((failed + $1))
    if [ "$stop_at_first_fault" = yes ]; then
        gate_finish
    fi
}

# Whatever ends in the middle of a line gets an end.
indented() {
    awk '{ print "    " $0 }'
}

# fault_said NAME: standard input, for the end of the run.
fault_said() {
    {
        printf '%s failed:\n' "$1"
        indented
    } >>"$faults"
}

log_of() {
    echo "$logs/${1//[^a-zA-Z0-9]/-}.log"
}

# quietly NAME COMMAND…: one line when it went well, the end of its output when it did not.
quietly() {
    local name=$1 log started=$SECONDS status=0
    shift
    log=$(log_of "$name")
    "$@" >"$log" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        printf '%-28s ok      %4d s\n' "$name" $((SECONDS - started))
    else
        printf '%-28s FAILED  %4d s   (%s)\n' "$name" $((SECONDS - started)) "$log"
        tail -n 60 "$log" | indented
    fi
    return "$status"
}

step() {
    if quietly "$@"; then
        passed=$((passed + 1))
    else
        tail -n 12 "$(log_of "$1")" | fault_said "$1"
        fault 1
    fi
}

# build PRESET [OPTION…]
build() {
    local preset=$1
    shift
    cmake --preset "$preset" && cmake --build --preset "$preset" "$@"
}

step_build() {
    step "build $1" build "$@"
}

# failing_tests REPORT: of each test that did not pass the name, its lines that speak of errors and the end of what it said.
failing_tests() {
    python3 - "$1" <<'PY'
import re, sys, xml.etree.ElementTree as tree
for test in tree.parse(sys.argv[1]).iter("testcase"):
    if test.get("status") != "run":
        said = (test.findtext("system-out") or "").rstrip().splitlines()
        telling = [line for line in said[:-6] if re.search("ERROR|error:|FAILED|^FAIL", line)]
        print(test.get("name"), *("    " + line[:300] for line in telling[:16] + said[-6:] or ["(said nothing)"]), sep="\n")
PY
}

# tests NAME PRESET [CTEST-OPTION…]: run them and count each one. A test that was skipped, disabled or not built has failed.
tests() {
    local name=$1 preset=$2 report ran good
    shift 2
    report=$PWD/build/$preset/report.xml
    rm -f "$report"
    quietly "$name" ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-tests=error \
        --output-junit "$report" "$@" || true
    ran=$(grep -c '<testcase ' "$report" 2>/dev/null) || ran=0
    good=$(grep -c '<testcase .*status="run"' "$report" 2>/dev/null) || good=0
    printf '%-28s %d of %d\n' '' "$good" "$ran"
    passed=$((passed + good))
    if [ "$ran" -eq 0 ]; then
        tail -n 12 "$(log_of "$name")" | fault_said "$name"
        fault 1
    elif [ "$good" -lt "$ran" ]; then
        { failing_tests "$report" 2>&1 || tail -n 40 "$(log_of "$name")"; } | fault_said "$name"
        fault $((ran - good))
    fi
}

scripts_are_sound() {
    local files
    mapfile -t files < <(grep -lE '^#!.*bash|^# shellcheck shell=bash' -r scripts .ci tests --include='*' 2>/dev/null)
    printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 4 shellcheck -x -P SCRIPTDIR:.
}

sources() {
    find base policy pkcs11 service tests -name '*.[ch]' | sort
}

formatted() {
    sources | xargs clang-format-14 --dry-run -Werror
}

# Every translation unit of the clang build, with that build's flags. One at a time: in the second of two files clang-tidy 14
# takes every va_list for uninitialised. tidy [NODES]: how far the analyzer follows a function (clang's own limit is 225000; 75000 takes
# half as long, 40000 a third).
tidy() {
    local files option depth=()
    if [ $# -gt 0 ]; then
        for option in -Xclang -analyzer-config -Xclang "max-nodes=$1"; do
            depth+=("--extra-arg=$option")
        done
    fi
    mapfile -t files < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' build/clang/compile_commands.json | grep -F "$PWD/" | sort -u)
    [ "${#files[@]}" -gt 0 ] || return 1
    printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 1 clang-tidy-14 -p build/clang --quiet "${depth[@]}"
}

# Some tests become other users, half an hour from here. Where sudo wants a password for that, whoever sits at the terminal is asked now,
# and sudo is kept from forgetting.
keep_sudo() {
    [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null || return 0
    if ! sudo -n true 2>/dev/null; then
        [ -t 0 ] && [ -t 2 ] && [ -z "${CI-}" ] || return 0
        echo 'asking sudo, for the tests that become other users'
        sudo -v || return 0
    fi
    while :; do
        read -r -t 60 _ <> <(:) || true # a sleep that leaves no process behind
        sudo -n -v
    done </dev/null >/dev/null 2>&1 &
    sudo_keeper=$!
}

gate() {
    keep_sudo
    build_is_ours || {
        fault 1
        gate_finish
    }
    mkdir -p "$logs"
    step 'scripts' scripts_are_sound
    step 'format' formatted
    step 'house rules' scripts/house-rules
    step_build dev
    tests 'tests dev' dev -LE '^full$'
    step_build clang
    step 'clang-tidy' tidy 40000
    step_build asan
    tests 'tests asan' asan -L '^(unit|token|service|fuzz)$' -LE '^waits$'
}

# What takes too long for every change.

# A minute. What it finds stays in build/fuzz/found, named after the target; what reached new code stays in build/fuzz/corpus for the next
# time (tests/README.md says how the best of it comes into tests/fuzz/corpus).
fuzz_target() {
    local program=$1 name corpus found=build/fuzz/found
    name=$(basename "$program")
    name=${name#fuzz_}
    corpus=build/fuzz/corpus/$name
    mkdir -p "$corpus" "$found"
    "$program" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found/$name-" -print_final_stats=1 \
        "$corpus" "tests/fuzz/corpus/$name" || {
        printf 'What it found is in %s. Once more, with the names of the functions: build/asan/tests/fuzz/replay_%s FILE\n' "$found" "$name"
        return 1
    }
}

# fuzz_quietly FOLDER PROGRAM: its output and its status into FOLDER.
fuzz_quietly() {
    local ended status=0
    ended=$1/$(basename "$2")
    fuzz_target "$2" >"$ended.log" 2>&1 || status=$?
    echo "$status" >"$ended"
}

# fuzz_said FOLDER PROGRAM: what it said, with its status.
fuzz_said() {
    local ended
    ended=$1/$(basename "$2")
    cat "$ended.log"
    return "$(cat "$ended")"
}

# As many at once as there are processors; then each is a step of its own.
fuzz_targets() {
    local programs=() program ended=build/fuzz/ended
    rm -rf "$ended"
    mkdir -p "$ended"
    for program in build/fuzz/tests/fuzz/fuzz_*; do
        [ ! -x "$program" ] || programs+=("$program")
    done
    if [ "${#programs[@]}" -eq 0 ]; then
        fault 1
        return
    fi
    export -f fuzz_quietly fuzz_target
    # shellcheck disable=SC2016 # for the other shell
    printf '%s\0' "${programs[@]}" | xargs -0 -P "$(nproc)" -n 1 bash -c 'fuzz_quietly "$@"' - "$ended"
    for program in "${programs[@]}"; do
        step "$(basename "$program")" fuzz_said "$ended" "$program"
    done
}

gate_full() {
    tests 'tests dev, full' dev -L '^full$'
    step '8 instances x 20' env SIGNET_BIN="$PWD/build/dev/service/cli/signet" SIGNETD_BIN="$PWD/build/dev/service/daemon/signetd" tests/consumers/dev_instances.sh 20
    step_build fuzz --target fuzzers
    fuzz_targets
    tests 'tests asan, consumers' asan -L '^consumers$'
    tests 'tests asan, waiting' asan -L '^waits$'
    step 'clang-tidy, in depth' tidy
}
