# Flags for every target of ours, as an interface target that is linked PRIVATE.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

add_library(sg_flags INTERFACE)
# No path of the machine that built it in messages, logs or debugging information.
set(sg_prefix_map -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
option(SIGNET_WERROR "warnings are errors" OFF)
set(SIGNET_SANITIZE "" CACHE STRING "value for -fsanitize=, or empty")

target_compile_options(sg_flags INTERFACE
    -Wall -Wextra -Wshadow -Wformat=2 -Wundef -Wvla -Wconversion -Wsign-conversion -Wcast-qual
    -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wnull-dereference -Wwrite-strings
    -Wpointer-arith -Wredundant-decls -fno-strict-aliasing -fstack-protector-strong
    ${sg_prefix_map}
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op;-Wduplicated-cond;-Wduplicated-branches;-Wjump-misses-init;-ftrivial-auto-var-init=zero>
    $<$<C_COMPILER_ID:Clang>:-Wassign-enum;-Wunreachable-code>
    $<$<BOOL:${SIGNET_WERROR}>:-Werror>)
target_compile_definitions(sg_flags INTERFACE _GNU_SOURCE SIGNET_VERSION="${PROJECT_VERSION}")
target_link_options(sg_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(sg_flags INTERFACE -fcf-protection=full -fstack-clash-protection)
endif()
if(SIGNET_SANITIZE)
    target_compile_options(sg_flags INTERFACE
        -fsanitize=${SIGNET_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(sg_flags INTERFACE -fsanitize=${SIGNET_SANITIZE})
    target_compile_definitions(sg_flags INTERFACE SIGNET_SANITIZED=1)
else()
    target_compile_options(sg_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>)
    target_compile_definitions(sg_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
