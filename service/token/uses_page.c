#include <signet/token/uses.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <signet/base/file.h>

sg_status sg_uses_page_new(struct sg_uses_page **out, int *out_fd, struct sg_error *err)
{
    SG_FD int fd = memfd_create("signet-uses", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, sizeof(struct sg_uses_page)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return sg_fail_errno(err, SG_E_NO_MEMORY, "no_memory", "cannot make a page of uses");
    }
    void *page = mmap(NULL, sizeof **out, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return sg_fail_errno(err, SG_E_NO_MEMORY, "no_memory", "cannot map a page of uses");
    }
    *out = page;
    *out_fd = sg_fd_steal(&fd);
    return SG_OK;
}

void sg_uses_page_free(struct sg_uses_page *page)
{
    (void)munmap(page, sizeof *page);
}
