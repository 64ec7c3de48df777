#include "store_internal.h"

/* The columns that sg_certificate_from_query reads, in its order. */
#define CERTIFICATE                                                                                 \
    "SELECT c.id, c.owner, c.label, c.trust, c.serial, c.der, c.subject, c.issuer, c.subject_text," \
    " c.issuer_text, c.spki_sha256, c.not_before, c.not_after, c.placeholder, c.requested,"         \
    " c.usage, c.key, k.token, coalesce(k.type, c.key_type), k.may_decrypt, k.may_derive,"          \
    " k.extractable, k.may_sign, k.imported FROM certificate c LEFT JOIN key k ON k.id = c.key"
#define RING                                                                                       \
    "SELECT r.id, r.owner, r.name, r.sequence,"                                                    \
    " (SELECT count(*) FROM connection WHERE ring = r.id) FROM ring r"

#define MAP "SELECT id, owner, label, trusted, subject, issuer, criteria FROM map"

/* Every value is bound: nothing from outside ever becomes part of a text here. */
static const char *const texts[SG_QUERY_COUNT] = {
    [SG_Q_BEGIN] = "BEGIN IMMEDIATE",
    [SG_Q_COMMIT] = "COMMIT",
    [SG_Q_ROLLBACK] = "ROLLBACK",
    [SG_Q_SCOPE_OPEN] = "SAVEPOINT scope",
    [SG_Q_SCOPE_KEEP] = "RELEASE scope",
    [SG_Q_SCOPE_UNDO] = "ROLLBACK TO scope",

    [SG_Q_OWNER_ADD] = "INSERT INTO owner (name) VALUES (?)",
    [SG_Q_OWNER_EXISTS] = "SELECT 1 FROM owner WHERE name = ?",
    [SG_Q_OWNER_NAMES] = "SELECT name FROM owner WHERE name <> 'IRRTOKEN' ORDER BY name",
    [SG_Q_OWNER_COUNTS] = "SELECT (SELECT count(*) FROM certificate WHERE owner = ?1),"
                          " (SELECT count(*) FROM ring WHERE owner = ?1)",
    [SG_Q_OWNER_UIDS] = "SELECT uid FROM attachment WHERE owner = ? ORDER BY uid",
    [SG_Q_ATTACH] = "INSERT INTO attachment (owner, uid) VALUES (?, ?)",
    [SG_Q_DETACH] = "DELETE FROM attachment WHERE owner = ? AND uid = ?",
    [SG_Q_OWNERS_OF_UID] = "SELECT owner FROM attachment WHERE uid = ? ORDER BY owner",

    [SG_Q_KEY_ADD] = "INSERT INTO key (id, token, type, may_decrypt, may_derive, extractable,"
                     " imported) VALUES (?, ?, ?, ?, ?, ?, ?)",
    [SG_Q_KEY_EXISTS] = "SELECT 1 FROM key WHERE id = ?",
    [SG_Q_KEY_DELETE_UNUSED] = "DELETE FROM key WHERE id = ?1"
                               " AND NOT EXISTS (SELECT 1 FROM certificate WHERE key = ?1)",

    [SG_Q_KEY_RETIRE] = "UPDATE key SET may_sign = 0 WHERE id = ?",
    /* A ring that has lost the key since is still the one through which it was used. */
    [SG_Q_KEY_USE_ADD] = "INSERT INTO key_use (key, ring, uid, count, last, done)"
                         " SELECT k.id, r.id, ?3, ?4, ?5, ?6 FROM key k CROSS JOIN ring r"
                         " WHERE k.id = ?1 AND r.id = ?2"
                         " ON CONFLICT (key, ring, uid) DO UPDATE SET"
                         " count = count + excluded.count, last = max(last, excluded.last),"
                         " done = max(done, excluded.done)",
    [SG_Q_KEY_USES] = "SELECT uid, count, last, done FROM key_use WHERE key = ? AND ring = ?"
                      " ORDER BY last DESC, count DESC, uid",
    [SG_Q_KEY_USE_TOTAL] = "SELECT coalesce(sum(count), 0) FROM key_use WHERE key = ? AND ring = ?",
    [SG_Q_KEY_LAST_USE] = "SELECT coalesce(max(last), 0) FROM key_use WHERE key = ?",
    [SG_Q_KEY_USERS] =
        "SELECT r.owner, r.name, u.uid, u.count, u.last, coalesce((SELECT n.done FROM"
        " key_use n WHERE n.key = ?2 AND n.ring = u.ring AND n.uid = u.uid), 0)"
        " FROM key_use u CROSS JOIN ring r ON r.id = u.ring"
        " WHERE u.key = ?1 AND u.last >= ?3 ORDER BY u.last DESC, u.ring, u.uid",
    [SG_Q_KEY_LEAVE] = "UPDATE certificate SET key = NULL,"
                       " key_type = (SELECT type FROM key WHERE id = ?1) WHERE key = ?1",

    [SG_Q_CERTIFICATE_ADD] =
        "INSERT INTO certificate (trust, serial, der, subject, issuer, subject_text, issuer_text,"
        " spki_sha256, not_before, not_after, placeholder, requested, usage, key_type,"
        " self_signed, owner, label, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SG_Q_CERTIFICATE_REPLACE] =
        "UPDATE certificate SET trust = ?, serial = ?, der = ?, subject = ?, issuer = ?,"
        " subject_text = ?, issuer_text = ?, spki_sha256 = ?, not_before = ?, not_after = ?,"
        " placeholder = ?, requested = ?, usage = ?, key_type = ?, self_signed = ? WHERE id = ?",
    [SG_Q_CERTIFICATE_TRUST] = "UPDATE certificate SET trust = ? WHERE id = ?",
    [SG_Q_CERTIFICATE_LABEL] = "UPDATE certificate SET label = ? WHERE id = ?",
    [SG_Q_CERTIFICATE_REQUESTED] = "UPDATE certificate SET requested = 1 WHERE id = ?",
    [SG_Q_CERTIFICATE_DELETE] = "DELETE FROM certificate WHERE id = ?",
    [SG_Q_CERTIFICATE_KEY] = "SELECT key FROM certificate WHERE id = ?",
    [SG_Q_CERTIFICATE_BY_ID] = CERTIFICATE " WHERE c.id = ?",
    [SG_Q_CERTIFICATE_BY_NAME] = CERTIFICATE " WHERE c.owner = ? AND c.label = ?",
    [SG_Q_CERTIFICATE_LABEL_USED] = "SELECT id FROM certificate WHERE owner = ? AND label = ?",
    [SG_Q_CERTIFICATE_SAME] = "SELECT owner, label FROM certificate"
                              " WHERE issuer = ? AND serial = ? AND id <> ?",
    [SG_Q_CERTIFICATE_NAME] = "SELECT owner, label FROM certificate WHERE id = ?",
    [SG_Q_COUNTS] =
        "SELECT (SELECT count(*) FROM owner WHERE name <> 'IRRTOKEN'), (SELECT count(*) FROM certificate),"
        " (SELECT count(*) FROM key),"
        " (SELECT count(*) FROM ring WHERE owner <> 'IRRTOKEN'),"
        " (SELECT count(*) FROM connection), (SELECT count(*) FROM intent)",

#define FORMER "FROM former_ring WHERE owner = ?1 AND name = ?2"
    [SG_Q_RING_ADD] = "INSERT INTO ring (owner, name, id, sequence) VALUES (?1, ?2,"
                      " (SELECT id " FORMER "), 1 + coalesce((SELECT sequence " FORMER "), 0))",
#undef FORMER
    [SG_Q_RING_DELETE] = "DELETE FROM ring WHERE id = ?",
    [SG_Q_RING_BY_ID] = RING " WHERE r.id = ?",
    [SG_Q_RING_BY_NAME] = RING " WHERE r.owner = ? AND r.name = ?",
    [SG_Q_RING_IDS] = "SELECT id FROM ring WHERE owner = ? ORDER BY name",
    [SG_Q_RING_IDS_ALL] = "SELECT id FROM ring ORDER BY owner, name",
    [SG_Q_RINGS_BETWEEN] = "SELECT id, owner, name FROM ring WHERE owner BETWEEN ? AND ?"
                           " ORDER BY owner, name",
    [SG_Q_RING_OUTLINES] = "SELECT r.id, r.owner, r.name, r.sequence,"
                           " (SELECT count(*) FROM connection WHERE ring = r.id) FROM ring r"
                           " WHERE r.owner BETWEEN ? AND ? ORDER BY r.owner, r.name",
    [SG_Q_RINGS_BEGINNING] = "SELECT id, owner, name FROM ring WHERE owner = ?"
                             " AND name >= ? AND name < ? ORDER BY name LIMIT ?",
    [SG_Q_RING_BUMP_HOLDING] = "UPDATE ring SET sequence = sequence + 1"
                               " WHERE id IN (SELECT ring FROM connection WHERE certificate = ?)",
    [SG_Q_RING_BUMP] = "UPDATE ring SET sequence = sequence + 1 WHERE id = ?",
    [SG_Q_RING_BUMP_OWNER] =
        "UPDATE ring SET sequence = sequence + 1 WHERE id IN (SELECT id FROM ring WHERE owner = ?1"
        " UNION SELECT n.ring FROM certificate c CROSS JOIN connection n ON n.certificate = c.id"
        " WHERE c.owner = ?1 AND c.key IS NOT NULL AND n.usage = 0)",

    [SG_Q_CONNECTED] = "SELECT 1 FROM connection WHERE ring = ? AND certificate = ?",
    [SG_Q_DEFAULT_OTHER] = "SELECT c.owner, c.label FROM connection n"
                           " CROSS JOIN certificate c ON c.id = n.certificate"
                           " WHERE n.ring = ? AND n.is_default = 1 AND n.certificate <> ?",
    [SG_Q_DEFAULT_CLEAR] = "UPDATE connection SET is_default = 0"
                           " WHERE ring = ? AND is_default = 1 AND certificate <> ?",
    [SG_Q_CONNECT] = "INSERT INTO connection (ring, certificate, usage, is_default)"
                     " VALUES (?, ?, ?, ?) ON CONFLICT (ring, certificate)"
                     " DO UPDATE SET usage = excluded.usage, is_default = excluded.is_default",
    [SG_Q_DISCONNECT] = "DELETE FROM connection WHERE ring = ? AND certificate = ?",
    [SG_Q_CONNECTION_DEFAULT] =
        "SELECT is_default FROM connection WHERE ring = ? AND certificate = ?",
    [SG_Q_CONNECTION_REPLACE] =
        "UPDATE connection SET certificate = ?3,"
        " is_default = max(is_default, ?4) WHERE ring = ?1 AND certificate = ?2",
    [SG_Q_MEMBERS] = "SELECT certificate, usage, is_default FROM connection"
                     " WHERE ring = ? ORDER BY is_default DESC, id",
    [SG_Q_MEMBERSHIPS] = "SELECT n.ring, n.usage, n.is_default FROM connection n"
                         " CROSS JOIN ring r ON r.id = n.ring"
                         " WHERE n.certificate = ? ORDER BY r.owner, r.name",

    [SG_Q_MAP_ADD] = "INSERT INTO map (owner, label, trusted, subject, issuer, criteria)"
                     " VALUES (?, ?, ?, ?, ?, ?)",
    [SG_Q_MAP_FREE_LABEL] =
        "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM map WHERE owner = ?1"
        "  AND label = 'LABEL00000001') THEN 'LABEL00000001' ELSE"
        " (SELECT printf('LABEL%08d', CAST(substr(m.label, 6) AS INTEGER) + 1) FROM map m"
        "  WHERE m.owner = ?1 AND m.label GLOB"
        "   'LABEL[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]' AND NOT EXISTS (SELECT 1 FROM map"
        "   WHERE owner = ?1 AND label = printf('LABEL%08d', CAST(substr(m.label, 6) AS INTEGER)"
        "    + 1)) ORDER BY m.label LIMIT 1) END",
    [SG_Q_MAP_ALTER] = "UPDATE map SET label = ?, trusted = ?, criteria = ? WHERE id = ?",
    [SG_Q_MAP_DELETE] = "DELETE FROM map WHERE id = ?",
    [SG_Q_MAP_BY_ID] = MAP " WHERE id = ?",
    [SG_Q_MAP_BY_NAME] = MAP " WHERE owner = ? AND label = ?",
    [SG_Q_MAP_BY_FILTER] = MAP " WHERE subject = ? AND issuer = ?",
    [SG_Q_MAP_IDS] = "SELECT id FROM map WHERE owner = ? ORDER BY label",
    [SG_Q_MAP_IDS_ALL] = "SELECT id FROM map ORDER BY owner, label",

    [SG_Q_INTENT_ADD] = "INSERT INTO intent (kind, token, key, operation, created)"
                        " VALUES (?, ?, ?, ?, ?)",
    [SG_Q_INTENT_REMOVE] = "DELETE FROM intent WHERE id = ?",
    [SG_Q_INTENT_BY_ID] =
        "SELECT id, kind, token, key, operation, created FROM intent WHERE id = ?",
    [SG_Q_INTENT_IDS] = "SELECT id FROM intent WHERE ?1 IS NULL OR token = ?1 ORDER BY id",

    [SG_Q_LOGIN_GET] = "SELECT state, pin_version, accepted_before, changed FROM login"
                       " WHERE token = ?",
    [SG_Q_LOGIN_SET] = "INSERT INTO login (token, state, pin_version, accepted_before, changed)"
                       " VALUES (?, ?, ?, ?, ?) ON CONFLICT (token) DO UPDATE SET"
                       " state = excluded.state, pin_version = excluded.pin_version,"
                       " accepted_before = excluded.accepted_before, changed = excluded.changed",

    [SG_Q_PROFILE_ADD] = "INSERT INTO profile (class, name, uacc, appldata) VALUES (?, ?, ?, ?)",
    [SG_Q_PROFILE_ALTER] = "UPDATE profile SET uacc = coalesce(?, uacc),"
                           " appldata = coalesce(?, appldata) WHERE class = ? AND name = ?",
    [SG_Q_PROFILE_DELETE] = "DELETE FROM profile WHERE class = ? AND name = ?",
    [SG_Q_PROFILE_ID] = "SELECT id FROM profile WHERE class = ? AND name = ?",
    [SG_Q_PROFILE_SIZES] = "SELECT (SELECT count(*) FROM profile), (SELECT count(*) FROM permit),"
                           " (SELECT coalesce(sum(length(CAST(name AS BLOB)) +"
                           " length(CAST(appldata AS BLOB))), 0) FROM profile)",
    [SG_Q_PROFILE_STAMP] = "SELECT stamp FROM authority WHERE one = 1",
    [SG_Q_PROFILES] = "SELECT class, uacc, (SELECT count(*) FROM permit WHERE profile = p.id),"
                      " name, appldata FROM profile p ORDER BY id",
    [SG_Q_PERMIT_SET] = "INSERT INTO permit (profile, kind, owner, number, level)"
                        " VALUES (?, ?, ?, ?, ?)"
                        " ON CONFLICT (profile, kind, ifnull(owner, ''), number)"
                        " DO UPDATE SET level = excluded.level",
    [SG_Q_PERMIT_DELETE] = "DELETE FROM permit WHERE profile = ?1 AND kind = ?2"
                           " AND ifnull(owner, '') = ifnull(?3, '') AND number = ?4",
    [SG_Q_PERMITS] = "SELECT kind, owner, number, level FROM permit"
                     " ORDER BY profile, kind, ifnull(owner, ''), number",

    [SG_Q_ROLLOVER_ADD] =
        "INSERT INTO rollover (old, successor, made, started) VALUES (?, ?, ?, ?)",
    [SG_Q_ROLLOVER_SWITCH] = "UPDATE rollover SET switched = ?2 WHERE old = ?1",
    [SG_Q_ROLLOVER_END] = "DELETE FROM rollover WHERE old = ?",
    [SG_Q_ROLLOVER_OF] = "SELECT r.old, r.successor, r.made, r.started, r.switched,"
                         " o.owner, o.label, s.owner, s.label FROM rollover r"
                         " CROSS JOIN certificate o ON o.id = r.old"
                         " CROSS JOIN certificate s ON s.id = r.successor"
                         " WHERE r.old = ?1 OR r.successor = ?1",
    [SG_Q_ROLLOVERS] = "SELECT r.old FROM rollover r CROSS JOIN certificate c ON c.id = r.old"
                       " ORDER BY c.owner, c.label",
    [SG_Q_ROLLOVER_NOTE] =
        "INSERT INTO rollover_ring (rollover, ring, note, own_usage, own_default)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (rollover, ring) DO UPDATE SET"
        " note = excluded.note, own_usage = excluded.own_usage, own_default = excluded.own_default",
    [SG_Q_ROLLOVER_NOTE_GET] = "SELECT note, own_usage, own_default FROM rollover_ring"
                               " WHERE rollover = ? AND ring = ?",
    [SG_Q_ROLLOVER_NOTES] = "SELECT n.ring FROM rollover_ring n CROSS JOIN ring r ON r.id = n.ring"
                            " WHERE n.rollover = ? ORDER BY r.owner, r.name",
    [SG_Q_ROLLOVER_HELD] =
        "SELECT iif(n.note = 2, r.old, r.successor) FROM rollover_ring n"
        " CROSS JOIN rollover r ON r.old = n.rollover"
        " CROSS JOIN connection c ON c.ring = n.ring"
        "  AND c.certificate = iif(n.note = 2, r.successor, r.old) AND c.usage = 0"
        " WHERE n.ring = ? AND n.note IN (2, 3)",
    /* Self-issued ones are their own issuers; what they issued is found with them. */
    [SG_Q_ISSUED] = "SELECT c.id FROM certificate c"
                    " INDEXED BY sqlite_autoindex_certificate_2 WHERE c.issuer = ?"
                    " AND (EXISTS (SELECT 1 FROM connection WHERE certificate = c.id) OR"
                    "  (c.subject <> c.issuer AND"
                    "   EXISTS (SELECT 1 FROM certificate i WHERE i.issuer = c.subject)))"
                    " ORDER BY c.owner, c.label",

    [SG_Q_LABELS] = "SELECT label FROM certificate WHERE owner = ? LIMIT 2000",
    [SG_Q_LABEL_ELSEWHERE] = "SELECT o.name FROM owner o CROSS JOIN certificate c"
                             " ON c.owner = o.name AND c.label = ?2 WHERE o.name <> ?1 LIMIT 3",
    [SG_Q_RING_NAMES] = "SELECT name FROM ring WHERE owner = ? LIMIT 2000",
    [SG_Q_RING_ELSEWHERE] = "SELECT o.name FROM owner o CROSS JOIN ring r"
                            " ON r.owner = o.name AND r.name = ?2 WHERE o.name <> ?1"
                            " AND o.name <> 'IRRTOKEN' LIMIT 3",
};

const char *sg_query_text_of(enum sg_query_id id)
{
    return texts[id];
}
