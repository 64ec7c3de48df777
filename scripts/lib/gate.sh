# shellcheck shell=bash
# What gates a merge: the steps, in order, and how they are counted. Sourced by scripts/check and scripts/test, which differ
# only in what a fault does: check stops, test goes on and counts.
#
# A step that is no test run (a build, a check) counts as one test.

passed=0
failed=0
stop_at_first_fault=${stop_at_first_fault:-no}
jobs=$(($(nproc) * 2))
logs=build/logs

gate_finish() {
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

# quietly NAME COMMAND…: one line when it went well, the end of its output when it did not.
quietly() {
    local name=$1 log started=$SECONDS status=0
    shift
    log="$logs/${name//[^a-zA-Z0-9]/-}.log"
    "$@" >"$log" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        printf '%-28s ok      %4d s\n' "$name" $((SECONDS - started))
    else
        printf '%-28s FAILED  %4d s   (%s)\n' "$name" $((SECONDS - started)) "$log"
        tail -n 60 "$log" | sed 's/^/    /'
    fi
    return "$status"
}

step() {
    if quietly "$@"; then
        passed=$((passed + 1))
    else
        fault 1
    fi
}

build() {
    cmake --preset "$1" && cmake --build --preset "$1"
}

step_build() {
    step "build $1" build "$1"
}

# tests PRESET [CTEST-OPTION…]: run them and count each one. A test that was skipped, disabled or not built has failed.
tests() {
    local preset=$1 report ran good
    shift
    report=$PWD/build/$preset/report.xml
    rm -f "$report"
    quietly "tests $preset" ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-tests=error \
        --output-junit "$report" "$@" || true
    ran=$(grep -c '<testcase ' "$report" 2>/dev/null) || ran=0
    good=$(grep -c '<testcase .*status="run"' "$report" 2>/dev/null) || good=0
    printf '%-28s %d of %d\n' '' "$good" "$ran"
    passed=$((passed + good))
    if [ "$ran" -eq 0 ]; then
        fault 1
    elif [ "$good" -lt "$ran" ]; then
        fault $((ran - good))
    fi
}

scripts_are_sound() {
    local files
    mapfile -t files < <(grep -lE '^#!.*bash|^# shellcheck shell=bash' -r scripts .ci tests --include='*' 2>/dev/null)
    shellcheck -x -P SCRIPTDIR:. "${files[@]}"
}

sources() {
    find base policy pkcs11 service tests -name '*.[ch]' | sort
}

formatted() {
    sources | xargs clang-format-14 --dry-run -Werror
}

# Every translation unit of the clang build, with that build's flags. One at a time: in the second of two files clang-tidy 14
# takes every va_list for uninitialised. tidy [NODES]: how far the analyzer follows a function (clang's own limit is 225000 and takes
# twice as long as 75000).
tidy() {
    local files option depth=()
    if [ $# -gt 0 ]; then
        for option in -Xclang -analyzer-config -Xclang "max-nodes=$1"; do
            depth+=("--extra-arg=$option")
        done
    fi
    mapfile -t files < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' build/clang/compile_commands.json | grep "^$PWD/" | sort -u)
    [ "${#files[@]}" -gt 0 ] || return 1
    printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 1 clang-tidy-14 -p build/clang --quiet "${depth[@]}"
}

gate() {
    mkdir -p "$logs"
    step 'scripts' scripts_are_sound
    step 'format' formatted
    step 'house rules' scripts/house-rules
    step_build dev
    tests dev -LE '^full$'
    step_build clang
    step 'clang-tidy' tidy 75000
    step_build asan
    tests asan -L '^(unit|token|service|fuzz)$'
}

# What takes too long for every change.
fuzz_target() {
    local program=$1 name corpus
    name=$(basename "$program")
    corpus=build/fuzz/corpus/${name#fuzz_}
    mkdir -p "$corpus"
    cp -r "tests/fuzz/corpus/${name#fuzz_}/." "$corpus/" 2>/dev/null || true
    "$program" -max_total_time=60 -timeout=10 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/" -print_final_stats=1 "$corpus"
}

gate_full() {
    local program
    step 'clang-tidy, in depth' tidy
    tests dev -L '^full$'
    tests asan -L '^consumers$'
    step_build fuzz
    for program in build/fuzz/tests/fuzz/fuzz_*; do
        [ -x "$program" ] && step "$(basename "$program")" fuzz_target "$program"
    done
    step '8 instances x 20' env SIGNET_BIN=build/dev/service/cli/signet tests/consumers/dev_instances.sh 20
}
