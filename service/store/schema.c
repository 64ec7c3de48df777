#include "store_internal.h"

/* SQL, a column a line. Controls in a name are the model's (policy/name.h) in GLOB's terms: C0,
 * DEL, C1, U+2028 and U+2029. */
/* clang-format off */
static const char version_1[] =
    /* Owners. CERTAUTH and SITE are there from the start and stay. */
    "CREATE TABLE owner ("
    " name TEXT NOT NULL PRIMARY KEY"
    "  CHECK (length(name) BETWEEN 1 AND 32)"
    "  CHECK (name GLOB '[A-Z@#$]*' AND name NOT GLOB '*[^-A-Z0-9@#$_.]*')"
    "  CONSTRAINT owner_not_reserved"
    "   CHECK (name NOT IN ('MULTIID', 'IRRCERTA', 'IRRSITEC', 'IRRMULTI'))"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO owner (name) VALUES ('CERTAUTH'), ('SITE');"
    "CREATE TRIGGER owner_anchor_stays BEFORE DELETE ON owner"
    " WHEN OLD.name IN ('CERTAUTH', 'SITE')"
    " BEGIN SELECT RAISE(ABORT, 'CERTAUTH and SITE stay'); END;"
    "CREATE TRIGGER owner_keeps_name BEFORE UPDATE ON owner"
    " BEGIN SELECT RAISE(ABORT, 'an owner keeps its name'); END;"
    /* Unix users that act as an owner: by uid, never the overflow uid nor (uid_t)-1, never as
       CERTAUTH or SITE. */
    "CREATE TABLE attachment ("
    " uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967294 AND uid <> 65534),"
    " owner TEXT NOT NULL REFERENCES owner (name) ON DELETE CASCADE"
    "  CHECK (owner NOT IN ('CERTAUTH', 'SITE')),"
    " PRIMARY KEY (uid, owner)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX attachment_owner ON attachment (owner, uid);"
    /* Keys in tokens. */
    "CREATE TABLE key ("
    " id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),"
    " token TEXT NOT NULL CHECK (length(CAST(token AS BLOB)) BETWEEN 1 AND 32),"
    " type TEXT NOT NULL CHECK (length(CAST(type AS BLOB)) BETWEEN 1 AND 31),"
    " may_decrypt INTEGER NOT NULL CHECK (may_decrypt IN (0, 1)),"
    " may_derive INTEGER NOT NULL CHECK (may_derive IN (0, 1)),"
    " extractable INTEGER NOT NULL CHECK (extractable IN (0, 1))"
    ") STRICT, WITHOUT ROWID;"
    /* Certificates. A number is never used again. */
    "CREATE TABLE certificate ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " owner TEXT NOT NULL REFERENCES owner (name) ON DELETE RESTRICT,"
    " label TEXT NOT NULL"
    "  CHECK (length(label) BETWEEN 1 AND 32 AND length(CAST(label AS BLOB)) <= 128)"
    "  CHECK (label = trim(label, ' ') AND"
    "   (label NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) ||"
    "    char(8232) || char(8233) || ']*')),"
    " serial TEXT NOT NULL CHECK (length(serial) BETWEEN 1 AND 131 AND serial NOT GLOB '*[^-0-9A-F]*'),"
    " issuer BLOB NOT NULL CHECK (length(issuer) BETWEEN 2 AND 65536),"
    " subject BLOB NOT NULL CHECK (length(subject) BETWEEN 2 AND 65536),"
    " issuer_text TEXT NOT NULL CHECK (length(CAST(issuer_text AS BLOB)) <= 2047),"
    " subject_text TEXT NOT NULL CHECK (length(CAST(subject_text AS BLOB)) <= 2047),"
    " spki_sha256 BLOB NOT NULL CHECK (length(spki_sha256) = 32),"
    " not_before INTEGER NOT NULL,"
    " not_after INTEGER NOT NULL,"
    " trust INTEGER NOT NULL CHECK (trust IN (0, 1, 2)),"
    " placeholder INTEGER NOT NULL CHECK (placeholder IN (0, 1)),"
    " requested INTEGER NOT NULL CHECK (requested IN (0, 1)),"
    " usage INTEGER NOT NULL CHECK (usage BETWEEN 0 AND 4294967295),"
    " key BLOB REFERENCES key (id) ON DELETE RESTRICT,"
    " key_type TEXT NOT NULL CHECK (length(CAST(key_type AS BLOB)) <= 31)," /* of a key that is not ours */
    " der BLOB NOT NULL CHECK (length(der) BETWEEN 2 AND 65536),"
    " UNIQUE (owner, label),"
    " UNIQUE (issuer, serial)"
    ") STRICT;"
    "CREATE INDEX certificate_spki ON certificate (spki_sha256);"
    "CREATE INDEX certificate_subject ON certificate (subject);"
    "CREATE INDEX certificate_key ON certificate (key);"
    /* A key has one public half: its certificates may change everything else. */
    "CREATE TRIGGER certificate_fits_key BEFORE INSERT ON certificate"
    " WHEN NEW.key IS NOT NULL AND EXISTS (SELECT 1 FROM certificate"
    "  WHERE key = NEW.key AND spki_sha256 <> NEW.spki_sha256)"
    " BEGIN SELECT RAISE(ABORT, 'key_mismatch'); END;"
    "CREATE TRIGGER certificate_keeps_key BEFORE UPDATE ON certificate"
    " WHEN NEW.key IS NOT OLD.key OR NEW.owner <> OLD.owner"
    "  OR (OLD.key IS NOT NULL AND NEW.spki_sha256 <> OLD.spki_sha256)"
    " BEGIN SELECT RAISE(ABORT, 'key_mismatch'); END;"
    /* Rings. Their number is the slot's: never used for another name. */
    "CREATE TABLE ring ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " owner TEXT NOT NULL REFERENCES owner (name) ON DELETE RESTRICT"
    "  CONSTRAINT ring_of_user CHECK (owner NOT IN ('CERTAUTH', 'SITE')),"
    " name TEXT NOT NULL"
    "  CHECK (length(name) BETWEEN 1 AND 237 AND length(CAST(name AS BLOB)) <= 948)"
    "  CHECK (name <> '*' AND name = trim(name, ' ') AND"
    "   (name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) ||"
    "    char(8232) || char(8233) || ']*')),"
    " sequence INTEGER NOT NULL DEFAULT 1 CHECK (sequence >= 1),"
    " UNIQUE (owner, name)"
    ") STRICT;"
    "CREATE TRIGGER ring_counts_up BEFORE UPDATE ON ring WHEN NEW.sequence <= OLD.sequence"
    " BEGIN SELECT RAISE(ABORT, 'a ring counts upwards'); END;"
    /* Connections, in the order they were made. */
    "CREATE TABLE connection ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " ring INTEGER NOT NULL REFERENCES ring (id) ON DELETE CASCADE,"
    " certificate INTEGER NOT NULL REFERENCES certificate (id) ON DELETE CASCADE,"
    " usage INTEGER NOT NULL CHECK (usage IN (0, 1, 2)),"
    " is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),"
    " UNIQUE (ring, certificate)"
    ") STRICT;"
    "CREATE INDEX connection_certificate ON connection (certificate);"
    "CREATE INDEX connection_order ON connection (ring, is_default DESC, id);"
    "CREATE UNIQUE INDEX connection_default ON connection (ring) WHERE is_default;"
    /* Whatever a reader of a ring could see changes the ring's sequence, whoever changed it. */
    "CREATE TRIGGER connection_made AFTER INSERT ON connection"
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id = NEW.ring; END;"
    "CREATE TRIGGER connection_changed AFTER UPDATE ON connection"
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id = NEW.ring; END;"
    "CREATE TRIGGER connection_gone AFTER DELETE ON connection"
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id = OLD.ring; END;"
    "CREATE TRIGGER certificate_changed AFTER UPDATE OF label, trust, der ON certificate"
    " BEGIN UPDATE ring SET sequence = sequence + 1"
    "  WHERE id IN (SELECT ring FROM connection WHERE certificate = NEW.id); END;"
    /* What was about to be done in a token. */
    "CREATE TABLE intent ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " kind INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),"
    " token TEXT NOT NULL CHECK (length(CAST(token AS BLOB)) BETWEEN 1 AND 32),"
    " key BLOB NOT NULL CHECK (length(key) = 16),"
    " operation TEXT NOT NULL CHECK (length(CAST(operation AS BLOB)) <= 63),"
    " created INTEGER NOT NULL"
    ") STRICT;"
    /* A PIN is tried once. */
    "CREATE TABLE login ("
    " token TEXT NOT NULL PRIMARY KEY CHECK (length(CAST(token AS BLOB)) BETWEEN 1 AND 32),"
    " state INTEGER NOT NULL CHECK (state IN (0, 1, 2, 3)),"
    " pin_version INTEGER NOT NULL," /* 64 bits, as they are */
    " accepted_before INTEGER NOT NULL CHECK (accepted_before IN (0, 1)),"
    " changed INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;";
/* Certificate name filters. MULTIID is no owner of anything else and stands in no table. */
static const char version_2[] =
    "CREATE TABLE map ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " owner TEXT NOT NULL CHECK (owner NOT IN ('CERTAUTH', 'SITE')),"
    " user TEXT GENERATED ALWAYS AS (nullif(owner, 'MULTIID')) STORED"
    "  REFERENCES owner (name) ON DELETE RESTRICT,"
    " label TEXT NOT NULL"
    "  CHECK (length(label) BETWEEN 1 AND 32 AND length(CAST(label AS BLOB)) <= 128)"
    "  CHECK (label = trim(label, ' ') AND"
    "   (label NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) ||"
    "    char(8232) || char(8233) || ']*')),"
    " trusted INTEGER NOT NULL CHECK (trusted IN (0, 1)),"
    " subject TEXT NOT NULL CHECK (length(subject) <= 255),"
    " issuer TEXT NOT NULL CHECK (length(issuer) <= 255),"
    " criteria TEXT NOT NULL CHECK (length(criteria) <= 255),"
    " CHECK (subject <> '' OR issuer <> ''),"
    " CHECK ((owner = 'MULTIID') = (criteria <> '')),"
    " UNIQUE (owner, label),"
    " UNIQUE (subject, issuer)"
    ") STRICT;"
    "CREATE INDEX map_user ON map (user);"
    /* A filter is made anew, not changed: what it matched stays what it matches. */
    "CREATE TRIGGER map_keeps_filter BEFORE UPDATE OF owner, subject, issuer ON map"
    " BEGIN SELECT RAISE(ABORT, 'a filter keeps what it matches'); END;";
/* Keys that were rolled over. */
static const char version_3[] =
    /* A key that was rolled over may stay to decrypt what was encrypted for it: it signs no more. */
    "ALTER TABLE key ADD COLUMN may_sign INTEGER NOT NULL DEFAULT 1 CHECK (may_sign IN (0, 1));"
    /* A key that signs no more may be taken from its certificates, before it is destroyed. */
    "DROP TRIGGER certificate_keeps_key;"
    "CREATE TRIGGER certificate_keeps_key BEFORE UPDATE ON certificate"
    " WHEN NEW.owner <> OLD.owner OR (NEW.key IS NOT OLD.key AND (NEW.key IS NOT NULL OR"
    "  NOT EXISTS (SELECT 1 FROM key WHERE id = OLD.key AND may_sign = 0)))"
    "  OR (OLD.key IS NOT NULL AND NEW.spki_sha256 <> OLD.spki_sha256)"
    " BEGIN SELECT RAISE(ABORT, 'key_mismatch'); END;";

/* Authority: profiles of a class, and whom each permits what. */
static const char version_4[] =
    "CREATE TABLE profile ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " class INTEGER NOT NULL CHECK (class IN (0, 1, 2))," /* FACILITY, RDATALIB, DIGTCRIT */
    " name TEXT NOT NULL"
    "  CHECK (length(name) BETWEEN 1 AND 280 AND length(CAST(name AS BLOB)) <= 1000)"
    "  CHECK (name NOT GLOB '*[' || char(1) || '-' || char(32) || char(127) || '-' || char(159) ||"
    "    char(8232) || char(8233) || '&a-z]*'),"
    " uacc INTEGER NOT NULL CHECK (uacc IN (0, 1, 2, 3)),"
    " appldata TEXT NOT NULL CHECK (length(CAST(appldata AS BLOB)) <= 255),"
    " UNIQUE (class, name)"
    ") STRICT;"
    /* Kinds: 0 an owner's users, 1 a uid, 2 a gid, 3 everybody. */
    "CREATE TABLE permit ("
    " profile INTEGER NOT NULL REFERENCES profile (id) ON DELETE CASCADE,"
    " kind INTEGER NOT NULL CHECK (kind IN (0, 1, 2, 3)),"
    " owner TEXT REFERENCES owner (name) ON DELETE CASCADE"
    "  CHECK (owner NOT IN ('CERTAUTH', 'SITE')),"
    " number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 4294967294),"
    " level INTEGER NOT NULL CHECK (level IN (0, 1, 2, 3)),"
    " CHECK ((kind = 0) = (owner IS NOT NULL)),"
    " CHECK (kind IN (1, 2) OR number = 0)"
    ") STRICT;"
    "CREATE UNIQUE INDEX permit_subject ON permit (profile, kind, ifnull(owner, ''), number);"
    "CREATE INDEX permit_owner ON permit (owner);"
    /* Another number after each change, drawn and not counted: what was rolled back never looks
       like what comes next. */
    "CREATE TABLE authority ("
    " one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),"
    " stamp INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO authority (one, stamp) VALUES (1, random());"
    "CREATE TRIGGER profile_made AFTER INSERT ON profile"
    " BEGIN UPDATE authority SET stamp = random(); END;"
    "CREATE TRIGGER profile_changed AFTER UPDATE ON profile"
    " BEGIN UPDATE authority SET stamp = random(); END;"
    "CREATE TRIGGER profile_gone AFTER DELETE ON profile"
    " BEGIN UPDATE authority SET stamp = random(); END;"
    "CREATE TRIGGER permit_made AFTER INSERT ON permit"
    " BEGIN UPDATE authority SET stamp = random(); END;"
    "CREATE TRIGGER permit_changed AFTER UPDATE ON permit"
    " BEGIN UPDATE authority SET stamp = random(); END;"
    "CREATE TRIGGER permit_gone AFTER DELETE ON permit"
    " BEGIN UPDATE authority SET stamp = random(); END;";

/* Served tokens are rings of IRRTOKEN, which owns nothing else and is nobody. */
static const char version_5[] =
    "INSERT INTO owner (name) VALUES ('IRRTOKEN');"
    "CREATE TRIGGER owner_of_tokens_stays BEFORE DELETE ON owner WHEN OLD.name = 'IRRTOKEN'"
    " BEGIN SELECT RAISE(ABORT, 'IRRTOKEN stays'); END;"
    "CREATE TRIGGER owner_of_tokens_is_nobody BEFORE INSERT ON attachment"
    " WHEN NEW.owner = 'IRRTOKEN' BEGIN SELECT RAISE(ABORT, 'IRRTOKEN is nobody'); END;"
    "CREATE TRIGGER owner_of_tokens_has_no_certificate BEFORE INSERT ON certificate"
    " WHEN NEW.owner = 'IRRTOKEN' BEGIN SELECT RAISE(ABORT, 'IRRTOKEN owns tokens'); END;"
    "CREATE TRIGGER owner_of_tokens_has_no_filter BEFORE INSERT ON map"
    " WHEN NEW.owner = 'IRRTOKEN' BEGIN SELECT RAISE(ABORT, 'IRRTOKEN owns tokens'); END;"
    "CREATE TRIGGER token_name BEFORE INSERT ON ring WHEN NEW.owner = 'IRRTOKEN' AND"
    " (length(NEW.name) > 32 OR NEW.name NOT GLOB '[A-Z@#$]*'"
    "  OR NEW.name GLOB '*[^A-Z0-9@#$.]*')"
    " BEGIN SELECT RAISE(ABORT, 'not a token name'); END;";
/* Staged roll-overs. A certificate is in one of them only. */
static const char version_6[] =
    "CREATE TABLE rollover ("
    " old INTEGER NOT NULL PRIMARY KEY REFERENCES certificate (id) ON DELETE CASCADE,"
    " successor INTEGER NOT NULL UNIQUE REFERENCES certificate (id) ON DELETE CASCADE,"
    " made INTEGER NOT NULL CHECK (made IN (0, 1)),"
    " started INTEGER NOT NULL,"
    " switched INTEGER CHECK (switched > 0)," /* NULL: not yet */
    " CHECK (old <> successor)"
    ") STRICT;"
    "CREATE TRIGGER rollover_of_one BEFORE INSERT ON rollover WHEN EXISTS"
    " (SELECT 1 FROM rollover WHERE old = NEW.successor) OR EXISTS"
    " (SELECT 1 FROM rollover WHERE successor = NEW.old)"
    " BEGIN SELECT RAISE(ABORT, 'a certificate is in one roll-over'); END;"
    "CREATE TRIGGER rollover_keeps_pair BEFORE UPDATE OF old, successor ON rollover"
    " BEGIN SELECT RAISE(ABORT, 'a roll-over keeps its certificates'); END;"
    /* What was done in a ring: 1 the successor connected beside, 2 put in the old one's place, 3
       the old one put back. own_*: the successor's connection from before. */
    "CREATE TABLE rollover_ring ("
    " rollover INTEGER NOT NULL REFERENCES rollover (old) ON DELETE CASCADE,"
    " ring INTEGER NOT NULL REFERENCES ring (id) ON DELETE CASCADE,"
    " note INTEGER NOT NULL CHECK (note IN (1, 2, 3)),"
    " own_usage INTEGER CHECK (own_usage IN (0, 1, 2)),"
    " own_default INTEGER NOT NULL CHECK (own_default IN (0, 1)),"
    " PRIMARY KEY (rollover, ring)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX rollover_ring_ring ON rollover_ring (ring);";
/* Who has used a key through which ring, how often, and when last. */
static const char version_7[] =
    "CREATE TABLE key_use ("
    " key BLOB NOT NULL REFERENCES key (id) ON DELETE CASCADE,"
    " ring INTEGER NOT NULL REFERENCES ring (id) ON DELETE CASCADE,"
    " uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),"
    " count INTEGER NOT NULL CHECK (count > 0),"
    " last INTEGER NOT NULL,"
    " PRIMARY KEY (key, ring, uid)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX key_use_ring ON key_use (ring);";
/* Keys that came from outside: the token says of them that they were not made in it. */
static const char version_8[] =
    "ALTER TABLE key ADD COLUMN imported INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1));";
/* A ring that is made anew under its name gets its number and goes on counting: programs that know its slot find it there again, and
 * watchers see that it has changed. The last thousand of an owner are remembered. */
static const char version_9[] =
    "CREATE TABLE former_ring ("
    " gone INTEGER PRIMARY KEY AUTOINCREMENT,"
    " owner TEXT NOT NULL REFERENCES owner (name) ON DELETE CASCADE,"
    " name TEXT NOT NULL,"
    " id INTEGER NOT NULL UNIQUE,"
    " sequence INTEGER NOT NULL,"
    " UNIQUE (owner, name)"
    ") STRICT;"
    "CREATE TRIGGER ring_leaves AFTER DELETE ON ring BEGIN"
    " INSERT INTO former_ring (owner, name, id, sequence) VALUES (OLD.owner, OLD.name, OLD.id, OLD.sequence);"
    " DELETE FROM former_ring WHERE owner = OLD.owner AND gone <= (SELECT gone FROM former_ring"
    "  WHERE owner = OLD.owner ORDER BY gone DESC LIMIT 1 OFFSET 1000); END;"
    "CREATE TRIGGER ring_returns AFTER INSERT ON ring BEGIN"
    " DELETE FROM former_ring WHERE owner = NEW.owner AND name = NEW.name; END;";
/* clang-format on */

/* Whoever writes a ring's chain into a file follows issuers (operations/chain_find.c): from a
 * certificate to those of its owner and CERTAUTH that have its issuer's name. The other way, from
 * the names of what has changed: all rings whose keys' chains could go through it. A name and an
 * owner are walked once, so that cross-certificates end. What signed itself is its own chain,
 * however many have its name. */
#define COUNT_BELOW(changed)                                                                       \
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id IN ("                                 \
    "  WITH RECURSIVE above (subject, owner) AS (" changed                                         \
    "   UNION SELECT c.subject, iif(a.owner = 'CERTAUTH', c.owner, a.owner)"                       \
    "    FROM above a CROSS JOIN certificate c ON c.issuer = a.subject"                            \
    "     AND c.self_signed = 0"                                                                   \
    "     AND (a.owner = 'CERTAUTH' OR c.owner IN (a.owner, 'CERTAUTH')))"                         \
    "  SELECT n.ring FROM above a CROSS JOIN certificate c ON c.issuer = a.subject"                \
    "    AND c.self_signed = 0 AND (a.owner = 'CERTAUTH' OR c.owner = a.owner)"                    \
    "   CROSS JOIN connection n ON n.certificate = c.id AND n.usage = 0); END;"
/* clang-format off */
static const char version_10[] =
    /* Unknown, and taken for no, of certificates from before: they count too often, if ever. */
    "ALTER TABLE certificate ADD COLUMN self_signed INTEGER NOT NULL DEFAULT 0"
    " CHECK (self_signed IN (0, 1));"
    "CREATE INDEX certificate_issued ON certificate (issuer, self_signed, owner, subject);"
    "CREATE TRIGGER issuer_made AFTER INSERT ON certificate"
    COUNT_BELOW("SELECT NEW.subject, NEW.owner")
    "CREATE TRIGGER issuer_changed AFTER UPDATE OF label, trust, der ON certificate"
    COUNT_BELOW("SELECT OLD.subject, OLD.owner UNION SELECT NEW.subject, NEW.owner")
    "CREATE TRIGGER issuer_gone AFTER DELETE ON certificate"
    COUNT_BELOW("SELECT OLD.subject, OLD.owner")
    /* A key that signs no more, or is gone, is no server's: another is exported. */
    "CREATE TRIGGER key_changed AFTER UPDATE OF may_sign ON key"
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id IN (SELECT n.ring FROM certificate c"
    "  CROSS JOIN connection n ON n.certificate = c.id WHERE c.key = NEW.id); END;"
    "CREATE TRIGGER certificate_lost_key AFTER UPDATE OF key ON certificate"
    " WHEN NEW.key IS NOT OLD.key BEGIN UPDATE ring SET sequence = sequence + 1"
    "  WHERE id IN (SELECT ring FROM connection WHERE certificate = NEW.id); END;";
/* clang-format on */

/* As version 10, but each owner's certificates are looked up by their owner: a hundred owners that
 * keep a certificate of one name do not read everything that this name issued a hundred times. */
#define OF_OWNERS_BELOW(result)                                                                    \
    " SELECT " result " FROM above a CROSS JOIN certificate c ON c.issuer = a.subject"             \
    "  AND c.self_signed = 0 AND c.owner = a.owner AND a.owner <> 'CERTAUTH'"
#define OF_ALL_BELOW(result)                                                                       \
    " SELECT " result " FROM above a CROSS JOIN certificate c ON c.issuer = a.subject"             \
    "  AND c.self_signed = 0 AND a.owner = 'CERTAUTH'"
#define OF_AUTHORITIES_BELOW(result)                                                               \
    " SELECT " result " FROM above a CROSS JOIN certificate c ON c.issuer = a.subject"             \
    "  AND c.self_signed = 0 AND c.owner = 'CERTAUTH' AND a.owner <> 'CERTAUTH'"
/* clang-format off */
#define COUNT_BELOW_BY_OWNER(changed)                                                              \
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id IN ("                                 \
    "  WITH RECURSIVE above (subject, owner) AS (" changed                                         \
    "   UNION" OF_ALL_BELOW("c.subject, c.owner")                                                  \
    "   UNION" OF_OWNERS_BELOW("c.subject, a.owner")                                               \
    "   UNION" OF_AUTHORITIES_BELOW("c.subject, a.owner") "),"                                     \
    "  below (id) AS (" OF_ALL_BELOW("c.id") " UNION" OF_OWNERS_BELOW("c.id") ")"                  \
    "  SELECT n.ring FROM below b CROSS JOIN connection n"                                         \
    "   ON n.certificate = b.id AND n.usage = 0); END;"
static const char version_11[] =
    "DROP TRIGGER issuer_made; DROP TRIGGER issuer_changed; DROP TRIGGER issuer_gone;"
    "CREATE TRIGGER issuer_made AFTER INSERT ON certificate"
    COUNT_BELOW_BY_OWNER("SELECT NEW.subject, NEW.owner")
    "CREATE TRIGGER issuer_changed AFTER UPDATE OF label, trust, der ON certificate"
    COUNT_BELOW_BY_OWNER("SELECT OLD.subject, OLD.owner UNION SELECT NEW.subject, NEW.owner")
    "CREATE TRIGGER issuer_gone AFTER DELETE ON certificate"
    COUNT_BELOW_BY_OWNER("SELECT OLD.subject, OLD.owner")
    /* What version 10 did not know of the certificates that stood there: each of these signed itself. */
    "UPDATE certificate SET self_signed = 1 WHERE placeholder = 1;";
/* clang-format on */

/* The rings that go on offering a key whose place another has taken: that of the old certificate
 * while the successor stands there (note 2), that of the successor once the old one is back (3). */
#define COUNT_HELD(certificates)                                                                   \
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id IN ("                                 \
    "  SELECT n.ring FROM certificate c CROSS JOIN rollover r ON r.old = c.id"                     \
    "   CROSS JOIN rollover_ring n ON n.rollover = r.old AND n.note = 2 WHERE " certificates       \
    "  UNION SELECT n.ring FROM certificate c CROSS JOIN rollover r ON r.successor = c.id"         \
    "   CROSS JOIN rollover_ring n ON n.rollover = r.old AND n.note = 3 WHERE " certificates       \
    " ); END;"
/* clang-format off */
static const char version_12[] =
    "CREATE TRIGGER held_made AFTER INSERT ON rollover_ring WHEN NEW.note IN (2, 3)"
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id = NEW.ring; END;"
    "CREATE TRIGGER held_turned AFTER UPDATE ON rollover_ring WHEN NEW.note IS NOT OLD.note"
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id = NEW.ring; END;"
    "CREATE TRIGGER held_gone AFTER DELETE ON rollover_ring WHEN OLD.note IN (2, 3)"
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id = OLD.ring; END;"
    "CREATE TRIGGER held_changed AFTER UPDATE OF label, trust, der, key ON certificate"
    COUNT_HELD("c.id = NEW.id")
    "CREATE TRIGGER held_key_changed AFTER UPDATE OF may_sign ON key"
    COUNT_HELD("c.key = NEW.id");
/* clang-format on */

/* As version 11, but a name that many certificates bear is followed once, for all owners, and not
 * for each of them that keeps one: what CERTAUTH issued below it would be read as often. */
#define BORNE_BY_MANY                                                                              \
    "EXISTS (SELECT 1 FROM certificate k WHERE k.subject = c.subject LIMIT 1 OFFSET 4)"
/* clang-format off */
#define COUNT_BELOW_BY_NAME(changed)                                                               \
    " BEGIN UPDATE ring SET sequence = sequence + 1 WHERE id IN ("                                 \
    "  WITH RECURSIVE above (subject, owner) AS (" changed                                         \
    "   UNION" OF_ALL_BELOW("c.subject, iif(" BORNE_BY_MANY ", 'CERTAUTH', c.owner)")              \
    "   UNION" OF_OWNERS_BELOW("c.subject, a.owner")                                               \
    "   UNION" OF_AUTHORITIES_BELOW("c.subject, a.owner") "),"                                     \
    "  below (id) AS (" OF_ALL_BELOW("c.id") " UNION" OF_OWNERS_BELOW("c.id") ")"                  \
    "  SELECT n.ring FROM below b CROSS JOIN connection n"                                         \
    "   ON n.certificate = b.id AND n.usage = 0); END;"
static const char version_13[] =
    "DROP TRIGGER issuer_made; DROP TRIGGER issuer_changed; DROP TRIGGER issuer_gone;"
    "CREATE TRIGGER issuer_made AFTER INSERT ON certificate"
    COUNT_BELOW_BY_NAME("SELECT NEW.subject, NEW.owner")
    "CREATE TRIGGER issuer_changed AFTER UPDATE OF label, trust, der ON certificate"
    COUNT_BELOW_BY_NAME("SELECT OLD.subject, OLD.owner UNION SELECT NEW.subject, NEW.owner")
    "CREATE TRIGGER issuer_gone AFTER DELETE ON certificate"
    COUNT_BELOW_BY_NAME("SELECT OLD.subject, OLD.owner");
/* clang-format on */

/* When a key was last used with success; 0: never. Of uses from before nobody knows, so that a
 * roll-over that is under way wants one more of its new key. */
static const char version_14[] =
    "ALTER TABLE key_use ADD COLUMN done INTEGER NOT NULL DEFAULT 0 CHECK (done >= 0);";

static const char *const migrations[] = {version_1,  version_2,  version_3,  version_4, version_5,
                                         version_6,  version_7,  version_8,  version_9, version_10,
                                         version_11, version_12, version_13, version_14};
_Static_assert(SG_COUNT(migrations) == SG_STORE_VERSION, "one migration for each version");

const char *const *sg_store_migrations(size_t *count)
{
    *count = SG_COUNT(migrations);
    return migrations;
}
