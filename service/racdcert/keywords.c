/* The table of the language (docs/racf-compatibility.md has a row for each of these). */
#include <signet/racdcert/keywords.h>

#include <signet/base/cleanup.h>

#define OPTIONAL .optional = true
#define FUNCTION .function = true
#define IN(levels) .content = SG_CONTENT_LEVEL, .inner = SG_RAC_IN_##levels
#define VALUE .content = SG_CONTENT_VALUE
#define VALUES .content = SG_CONTENT_VALUES
#define NOTHING .content = SG_CONTENT_NONE

/* clang-format off */
static const struct sg_rac_keyword rows[] = {
    {SG_RAC_IN_COMMANDS, "RACDCERT", IN(RACDCERT)},
    {SG_RAC_IN_COMMANDS, "SETROPTS", IN(SETROPTS)},
    {SG_RAC_IN_COMMANDS, "SETR", IN(SETROPTS)},

    {SG_RAC_IN_RACDCERT, "ID", VALUE},
    {SG_RAC_IN_RACDCERT, "CERTAUTH", NOTHING},
    {SG_RAC_IN_RACDCERT, "SITE", NOTHING},

    {SG_RAC_IN_RACDCERT, "ADD", VALUE, FUNCTION},
    {SG_RAC_IN_RACDCERT, "ADDRING", VALUE, FUNCTION},
    {SG_RAC_IN_RACDCERT, "ALTER", IN(SELECTOR), OPTIONAL, FUNCTION},
    {SG_RAC_IN_RACDCERT, "CONNECT", IN(CONNECT), FUNCTION},
    {SG_RAC_IN_RACDCERT, "DELETE", IN(SELECTOR), OPTIONAL, FUNCTION},
    {SG_RAC_IN_RACDCERT, "DELRING", VALUE, FUNCTION},
    {SG_RAC_IN_RACDCERT, "EXPORT", IN(LABEL), FUNCTION},
    {SG_RAC_IN_RACDCERT, "GENCERT", VALUE, OPTIONAL, FUNCTION},
    {SG_RAC_IN_RACDCERT, "GENREQ", IN(LABEL), FUNCTION},
    {SG_RAC_IN_RACDCERT, "LIST", IN(SELECTOR), OPTIONAL, FUNCTION},
    {SG_RAC_IN_RACDCERT, "LISTRING", VALUE, FUNCTION},
    {SG_RAC_IN_RACDCERT, "REMOVE", IN(REMOVE), FUNCTION},

    {SG_RAC_IN_RACDCERT, "TRUST", NOTHING, .belongs_to = "ADD ALTER"},
    {SG_RAC_IN_RACDCERT, "NOTRUST", NOTHING, .belongs_to = "ADD ALTER"},
    {SG_RAC_IN_RACDCERT, "HIGHTRUST", NOTHING, .belongs_to = "ADD ALTER"},
    {SG_RAC_IN_RACDCERT, "WITHLABEL", VALUE, .belongs_to = "ADD GENCERT"},
    {SG_RAC_IN_RACDCERT, "NEWLABEL", VALUE, .belongs_to = "ALTER"},
    {SG_RAC_IN_RACDCERT, "FORCE", NOTHING, .belongs_to = "DELETE ADD"},
    {SG_RAC_IN_RACDCERT, "DSN", VALUE, .belongs_to = "GENREQ EXPORT"},
    {SG_RAC_IN_RACDCERT, "FORMAT", IN(FORMAT), .belongs_to = "EXPORT"},
    {SG_RAC_IN_RACDCERT, "PASSWORD", VALUE, .belongs_to = "ADD EXPORT"},
    {SG_RAC_IN_RACDCERT, "SUBJECTSDN", IN(SUBJECT), .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "NOTBEFORE", IN(DATE), .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "NOTAFTER", IN(DATE), .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "SIGNWITH", IN(SIGNER), .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "KEYUSAGE", IN(KEY_USAGE), .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "ALTNAME", IN(ALTNAME), .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "EKU", VALUES, .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "SIZE", VALUE, .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "RSA", IN(KEY_PLACE), OPTIONAL, .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "NISTECC", IN(KEY_PLACE), OPTIONAL, .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "BPECC", IN(KEY_PLACE), OPTIONAL, .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "DSA", NOTHING, .belongs_to = "GENCERT"},
    {SG_RAC_IN_RACDCERT, "PKDS", VALUE, OPTIONAL, .belongs_to = "ADD GENCERT"},
    {SG_RAC_IN_RACDCERT, "PCICC", VALUE, OPTIONAL, .belongs_to = "ADD GENCERT"},
    {SG_RAC_IN_RACDCERT, "ICSF", VALUE, OPTIONAL, .belongs_to = "ADD GENCERT"},
    {SG_RAC_IN_RACDCERT, "FROMICSF", VALUE, .belongs_to = "GENCERT"},

    {SG_RAC_IN_SELECTOR, "LABEL", VALUE},
    {SG_RAC_IN_SELECTOR, "SERIALNUMBER", VALUE},
    {SG_RAC_IN_SELECTOR, "ISSUERSDN", VALUE},

    {SG_RAC_IN_LABEL, "LABEL", VALUE},

    {SG_RAC_IN_CONNECT, "ID", VALUE},
    {SG_RAC_IN_CONNECT, "CERTAUTH", NOTHING},
    {SG_RAC_IN_CONNECT, "SITE", NOTHING},
    {SG_RAC_IN_CONNECT, "LABEL", VALUE},
    {SG_RAC_IN_CONNECT, "RING", VALUE},
    {SG_RAC_IN_CONNECT, "DEFAULT", NOTHING},
    {SG_RAC_IN_CONNECT, "USAGE", IN(USAGE)},

    {SG_RAC_IN_REMOVE, "ID", VALUE},
    {SG_RAC_IN_REMOVE, "CERTAUTH", NOTHING},
    {SG_RAC_IN_REMOVE, "SITE", NOTHING},
    {SG_RAC_IN_REMOVE, "LABEL", VALUE},
    {SG_RAC_IN_REMOVE, "RING", VALUE},

    {SG_RAC_IN_SUBJECT, "CN", VALUE},
    {SG_RAC_IN_SUBJECT, "T", VALUE},
    {SG_RAC_IN_SUBJECT, "OU", VALUES},
    {SG_RAC_IN_SUBJECT, "O", VALUE},
    {SG_RAC_IN_SUBJECT, "L", VALUE},
    {SG_RAC_IN_SUBJECT, "SP", VALUE},
    {SG_RAC_IN_SUBJECT, "C", VALUE},

    {SG_RAC_IN_DATE, "DATE", VALUE},
    {SG_RAC_IN_DATE, "TIME", VALUE},

    {SG_RAC_IN_SIGNER, "CERTAUTH", NOTHING},
    {SG_RAC_IN_SIGNER, "SITE", NOTHING},
    {SG_RAC_IN_SIGNER, "LABEL", VALUE},

    {SG_RAC_IN_KEY_USAGE, "HANDSHAKE", NOTHING},
    {SG_RAC_IN_KEY_USAGE, "DATAENCRYPT", NOTHING},
    {SG_RAC_IN_KEY_USAGE, "DOCSIGN", NOTHING},
    {SG_RAC_IN_KEY_USAGE, "CERTSIGN", NOTHING},
    {SG_RAC_IN_KEY_USAGE, "KEYAGREE", NOTHING},

    {SG_RAC_IN_ALTNAME, "IP", VALUES},
    {SG_RAC_IN_ALTNAME, "DOMAIN", VALUES},
    {SG_RAC_IN_ALTNAME, "EMAIL", VALUES},
    {SG_RAC_IN_ALTNAME, "URI", VALUES},
    {SG_RAC_IN_ALTNAME, "AIP", VALUES},
    {SG_RAC_IN_ALTNAME, "ADOMAIN", VALUES},
    {SG_RAC_IN_ALTNAME, "AEMAIL", VALUES},
    {SG_RAC_IN_ALTNAME, "AURI", VALUES},

    {SG_RAC_IN_KEY_PLACE, "PKDS", VALUE, OPTIONAL},
    {SG_RAC_IN_KEY_PLACE, "TOKEN", VALUE},

    {SG_RAC_IN_FORMAT, "CERTDER", NOTHING},
    {SG_RAC_IN_FORMAT, "CERTB64", NOTHING},
    {SG_RAC_IN_FORMAT, "PKCS7DER", NOTHING},
    {SG_RAC_IN_FORMAT, "PKCS7B64", NOTHING},
    {SG_RAC_IN_FORMAT, "PKCS12DER", NOTHING},
    {SG_RAC_IN_FORMAT, "PKCS12B64", NOTHING},

    {SG_RAC_IN_USAGE, "PERSONAL", NOTHING},
    {SG_RAC_IN_USAGE, "CERTAUTH", NOTHING},
    {SG_RAC_IN_USAGE, "SITE", NOTHING},

    {SG_RAC_IN_SETROPTS, "RACLIST", VALUES},
    {SG_RAC_IN_SETROPTS, "GENERIC", VALUES, OPTIONAL},
    {SG_RAC_IN_SETROPTS, "CLASSACT", VALUES},
    {SG_RAC_IN_SETROPTS, "REFRESH", NOTHING},
};
/* clang-format on */

const struct sg_rac_keyword *sg_rac_keywords(size_t *count)
{
    *count = SG_COUNT(rows);
    return rows;
}

const char *sg_rac_level_name(enum sg_rac_level level)
{
    switch (level) {
    case SG_RAC_IN_NONE:
        break;
    case SG_RAC_IN_COMMANDS:
        return "commands";
    case SG_RAC_IN_RACDCERT:
        return "RACDCERT";
    case SG_RAC_IN_SELECTOR:
    case SG_RAC_IN_LABEL:
        return "a certificate's selection";
    case SG_RAC_IN_CONNECT:
        return "CONNECT";
    case SG_RAC_IN_REMOVE:
        return "REMOVE";
    case SG_RAC_IN_SUBJECT:
        return "SUBJECTSDN";
    case SG_RAC_IN_DATE:
        return "NOTBEFORE and NOTAFTER";
    case SG_RAC_IN_SIGNER:
        return "SIGNWITH";
    case SG_RAC_IN_KEY_USAGE:
        return "KEYUSAGE";
    case SG_RAC_IN_ALTNAME:
        return "ALTNAME";
    case SG_RAC_IN_KEY_PLACE:
        return "a key's place";
    case SG_RAC_IN_FORMAT:
        return "FORMAT";
    case SG_RAC_IN_USAGE:
        return "USAGE";
    case SG_RAC_IN_SETROPTS:
        return "SETROPTS";
    }
    return "nothing";
}
