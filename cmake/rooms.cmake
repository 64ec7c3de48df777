# sg_room(NAME SOURCES … USES …): one static library per room. Its public headers are in include/, and a room sees the
# headers of those it names in USES (and of what they use) and of nothing else: that is what keeps the layers apart.
function(sg_room name)
    cmake_parse_arguments(arg "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
    add_library(sg_${name} STATIC ${arg_SOURCES})
    target_include_directories(sg_${name} PUBLIC include PRIVATE .)
    target_link_libraries(sg_${name} PRIVATE sg_flags)
    foreach(used IN LISTS arg_USES)
        target_link_libraries(sg_${name} PUBLIC sg_${used})
    endforeach()
    target_link_libraries(sg_${name} PRIVATE ${arg_LIBRARIES})
endfunction()
