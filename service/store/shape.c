/* Does the file hold what its version says? Compared with the same migrations run in memory. */
#include "store_internal.h"

#include <string.h>

static void close_storep(struct sg_store **store)
{
    sg_store_close(*store);
}
#define SG_STORE SG_CLEANUP(close_storep)

/* Tables, indexes and triggers by name, and every table's columns. What SQLite makes for itself is
 * not ours to compare. */
static const char parts[] =
    "SELECT iif(type = 'table', '', 'its ') || type || ' ' || name FROM sqlite_schema WHERE name NOT LIKE 'sqlite^_%' ESCAPE '^'"
    " UNION SELECT 'its column ' || m.name || '.' || c.name"
    " FROM sqlite_schema m JOIN pragma_table_info(m.name) c"
    " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY 1 DESC";

struct walk {
    struct sg_query query;
    bool more;
    const char *part; /* until the next step */
};

static void walk_done(struct walk *walk)
{
    sg_query_done(&walk->query);
}
#define SG_WALK SG_CLEANUP(walk_done) struct walk

static sg_status next(struct walk *walk, struct sg_error *err)
{
    sg_status s = sg_query_step(&walk->query, &walk->more, "checking", err);
    if (s == SG_OK && walk->more) {
        walk->part = (const char *)sqlite3_column_text(walk->query.stmt, 0);
        return walk->part != NULL ? SG_OK : sg_fail_memory(err);
    }
    return s;
}

static sg_status begin(struct sg_store *store, struct walk *walk, struct sg_error *err)
{
    sg_status s = sg_query_prepare(store, parts, &walk->query, err);
    return s == SG_OK ? next(walk, err) : s;
}

static sg_status refuse(const struct sg_store *store, const char *part, struct sg_error *err)
{
    (void)sg_fail(err, SG_E_STORAGE, "store_damaged", "the store %s is incomplete: it lacks %.200s",
                  store->path, part);
    (void)sg_object(err, "%s", store->path);
    return sg_hint(err, "Keep %s and the files beside it as they are, and restore a backup.",
                   store->path);
}

/* Both in one order, the last name first: a table that is missing is told before its columns. */
static sg_status compare(const struct sg_store *store, struct walk *wanted, struct walk *found,
                         struct sg_error *err)
{
    sg_status s = SG_OK;
    while (s == SG_OK && wanted->more) {
        int order = found->more ? strcmp(found->part, wanted->part) : -1;
        if (order < 0) {
            return refuse(store, wanted->part, err);
        }
        s = order == 0 ? next(wanted, err) : SG_OK;
        s = s == SG_OK ? next(found, err) : s;
    }
    return s;
}

static sg_status make_model(int64_t version, struct sg_store **out, struct sg_error *err)
{
    SG_STORE struct sg_store *model = calloc(1, sizeof *model);
    size_t count = 0;
    const char *const *migrations = sg_store_migrations(&count);
    if (model == NULL || (model->path = strdup("made for comparison")) == NULL) {
        return sg_fail_memory(err);
    }
    int rc = sqlite3_open_v2(":memory:", &model->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY |
                                 SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < count && (int64_t)i < version; i++) {
        rc = sqlite3_exec(model->db, migrations[i], NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK) {
        return sg_store_fail(model, rc, "checking", err);
    }
    *out = SG_STEAL(model);
    return SG_OK;
}

sg_status sg_store_check_shape(struct sg_store *store, int64_t version, struct sg_error *err)
{
    SG_STORE struct sg_store *model = NULL;
    sg_status s = make_model(version, &model, err);
    if (s != SG_OK) {
        return s;
    }
    SG_WALK wanted = {.more = false};
    SG_WALK found = {.more = false};
    s = begin(model, &wanted, err);
    s = s == SG_OK ? begin(store, &found, err) : s;
    return s == SG_OK ? compare(store, &wanted, &found, err) : s;
}
