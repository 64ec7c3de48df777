/* Certificates that are named by serial number and issuer, as LIST prints them. */
#include <signet/racdcert/command.h>

#include <string.h>
#include <strings.h>

/* Leading zeros and case do not count. */
bool sg_rac_selects_serial(const struct sg_rac_selection *selection, const char *serial)
{
    return selection->serial == NULL ||
           (serial != NULL && strcasecmp(selection->serial, serial + strspn(serial, "0")) == 0);
}

bool sg_rac_selects_issuer(const struct sg_rac_selection *selection, const char *issuer)
{
    return selection->issuer == NULL || (issuer != NULL && strcmp(selection->issuer, issuer) == 0);
}
