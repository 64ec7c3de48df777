/* Distinguished names as RACF writes them: most specific first, components joined by periods,
 * nothing escaped (docs/racf-compatibility.md, names in listings). Only for showing and for name
 * filters: a period within a value looks like a separator, so DER stays the truth. Pure. */
#ifndef SIGNET_POLICY_DOTTED_NAME_H
#define SIGNET_POLICY_DOTTED_NAME_H

/** Write an RFC 4514 text ("CN=web\\, 2,ST=Kent,C=GB") as RACF does ("CN=web, 2.SP=Kent.C=GB").
 * Types that RACF calls differently: SP, T, STREET, PC, MAIL. What cannot be shown (escaped
 * controls, escaped bytes outside ASCII) becomes "?". out needs strlen(name) + 1 bytes; it may be
 * name itself. */
void sg_dotted_name(const char *name, char *out);

#endif
