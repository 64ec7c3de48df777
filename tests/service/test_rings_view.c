/* The view: what the writer makes, and what the reader refuses. */
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/rings/view.h>

#include "cmocka_all.h"
#include "rings_material.h"
#include "view_internal.h"

static struct rings_material material;

static int make_material(void **state)
{
    (void)state;
    rings_material_make(&material);
    return 0;
}

static int free_material(void **state)
{
    (void)state;
    rings_material_free(&material);
    return 0;
}

static struct sg_view *open_view(int fd)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view *view = NULL;
    assert_int_equal(sg_view_open(fd, &view, &err), SG_OK);
    close(fd);
    return view;
}

static const struct sg_view_object *object_of(const struct sg_view *view, uint64_t slot,
                                              CK_OBJECT_CLASS object_class, const char *label)
{
    const struct sg_view_slot *found = sg_view_find_slot(view, slot);
    for (uint32_t i = 0; found != NULL && i < found->count; i++) {
        const struct sg_view_object *object = &view->objects[found->first + i];
        struct sg_bytes value = {NULL, 0};
        if (object->object_class == object_class &&
            sg_view_find_attribute(view, object, CKA_LABEL, &value) && value.len == strlen(label) &&
            memcmp(value.data, label, value.len) == 0) {
            return object;
        }
    }
    return NULL;
}

static struct sg_bytes attribute_of(const struct sg_view *view, const struct sg_view_object *object,
                                    CK_ATTRIBUTE_TYPE type)
{
    struct sg_bytes value = {NULL, 0};
    assert_non_null(object);
    assert_true(sg_view_find_attribute(view, object, type, &value));
    return value;
}

static void view_keeps_slots_and_generation(void **state)
{
    (void)state;
    struct sg_view *view = open_view(rings_view_first(&material, 42));
    assert_int_equal(view->generation, 42);
    assert_int_equal(view->slot_count, 2);
    assert_int_equal(view->slots[0].number, SLOT_WEB);
    assert_memory_equal(view->slots[0].label, "WEB/RING                        ", 32);
    assert_null(sg_view_find_slot(view, 8));
    sg_view_free(view);
}

static void default_member_is_found_first(void **state)
{
    (void)state;
    struct sg_view *view = open_view(rings_view_first(&material, 1));
    struct sg_bytes label = attribute_of(view, &view->objects[0], CKA_LABEL);
    assert_memory_equal(label.data, "rsa.example", label.len);
    assert_int_equal(view->objects[0].object_class, CKO_CERTIFICATE);
    sg_view_free(view);
}

static void only_usable_keys_have_objects(void **state)
{
    (void)state;
    struct sg_view *view = open_view(rings_view_first(&material, 1));
    assert_non_null(object_of(view, SLOT_WEB, CKO_PRIVATE_KEY, "rsa.example"));
    assert_non_null(object_of(view, SLOT_WEB, CKO_PUBLIC_KEY, "rsa.example"));
    assert_non_null(object_of(view, SLOT_WEB, CKO_PRIVATE_KEY, "ec.example"));
    static const char *const without[] = {"ed.example", "plain.example", "site.example",
                                          "Signet Test CA"};
    for (size_t i = 0; i < SG_COUNT(without); i++) {
        assert_non_null(object_of(view, SLOT_WEB, CKO_CERTIFICATE, without[i]));
        assert_null(object_of(view, SLOT_WEB, CKO_PRIVATE_KEY, without[i]));
        assert_null(object_of(view, SLOT_WEB, CKO_PUBLIC_KEY, without[i]));
    }
    sg_view_free(view);
}

static void keys_carry_token_and_abilities(void **state)
{
    (void)state;
    struct sg_view *view = open_view(rings_view_first(&material, 1));
    const struct sg_view_key *rsa =
        sg_view_key_of(view, object_of(view, SLOT_WEB, CKO_PRIVATE_KEY, "rsa.example"));
    const struct sg_view_key *ec =
        sg_view_key_of(view, object_of(view, SLOT_WEB, CKO_PRIVATE_KEY, "ec.example"));
    const struct sg_view_key *sign =
        sg_view_key_of(view, object_of(view, SLOT_SIGN, CKO_PRIVATE_KEY, "sign.example"));
    assert_memory_equal(&rsa->id, &material.ids[M_RSA], sizeof rsa->id);
    assert_int_equal(rsa->family, SG_VIEW_RSA);
    assert_int_equal(rsa->bits, 2048);
    assert_int_equal(rsa->may_decrypt, 1);
    assert_int_equal(rsa->may_derive, 0);
    assert_int_equal(ec->family, SG_VIEW_EC);
    assert_int_equal(ec->may_decrypt, 0);
    assert_int_equal(ec->may_derive, 1);
    assert_int_equal(ec->token, 1);
    assert_int_equal(sign->may_decrypt, 0);
    assert_null(sg_view_key_of(view, object_of(view, SLOT_WEB, CKO_CERTIFICATE, "rsa.example")));
    sg_view_free(view);
}

static void certificate_and_key_share_the_id(void **state)
{
    (void)state;
    struct sg_view *view = open_view(rings_view_first(&material, 1));
    struct sg_bytes one =
        attribute_of(view, object_of(view, SLOT_WEB, CKO_CERTIFICATE, "ec.example"), CKA_ID);
    struct sg_bytes two =
        attribute_of(view, object_of(view, SLOT_WEB, CKO_PRIVATE_KEY, "ec.example"), CKA_ID);
    assert_int_equal(one.len, 20);
    assert_int_equal(two.len, 20);
    assert_memory_equal(one.data, two.data, 20);
    sg_view_free(view);
}

static void ec_attributes_are_named_curve_and_wrapped_point(void **state)
{
    (void)state;
    static const unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                         0xce, 0x3d, 0x03, 0x01, 0x07};
    struct sg_view *view = open_view(rings_view_first(&material, 1));
    struct sg_bytes curve =
        attribute_of(view, object_of(view, SLOT_WEB, CKO_PRIVATE_KEY, "ec.example"), CKA_EC_PARAMS);
    struct sg_bytes point =
        attribute_of(view, object_of(view, SLOT_WEB, CKO_PUBLIC_KEY, "ec.example"), CKA_EC_POINT);
    assert_int_equal(curve.len, sizeof p256);
    assert_memory_equal(curve.data, p256, sizeof p256);
    assert_int_equal(point.len, 67);
    assert_int_equal(point.data[0], 0x04); /* OCTET STRING */
    assert_int_equal(point.data[1], 65);
    assert_int_equal(point.data[2], 0x04); /* uncompressed */
    sg_view_free(view);
}

static void dates_and_serial_are_encoded(void **state)
{
    (void)state;
    struct sg_view *view = open_view(rings_view_first(&material, 1));
    const struct sg_view_object *object = object_of(view, SLOT_WEB, CKO_CERTIFICATE, "rsa.example");
    struct sg_bytes start = attribute_of(view, object, CKA_START_DATE);
    struct sg_bytes end = attribute_of(view, object, CKA_END_DATE);
    struct sg_bytes serial = attribute_of(view, object, CKA_SERIAL_NUMBER);
    static const unsigned char expected[] = {0x02, 0x02, 0x03, 0xe9}; /* INTEGER 1001 */
    assert_int_equal(start.len, 8);
    assert_memory_equal(start.data, "20260102", 8);
    assert_memory_equal(end.data, "20360607", 8);
    assert_int_equal(serial.len, sizeof expected);
    assert_memory_equal(serial.data, expected, sizeof expected);
    sg_view_free(view);
}

static void handles_stay_when_the_view_changes(void **state)
{
    (void)state;
    struct sg_view *first = open_view(rings_view_first(&material, 1));
    struct sg_view *second = open_view(rings_view_second(&material, 2));
    static const CK_OBJECT_CLASS classes[] = {CKO_CERTIFICATE, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    for (size_t i = 0; i < SG_COUNT(classes); i++) {
        assert_int_equal(object_of(first, SLOT_WEB, classes[i], "rsa.example")->handle,
                         object_of(second, SLOT_WEB, classes[i], "rsa.example")->handle);
    }
    sg_view_free(first);
    sg_view_free(second);
}

static void handles_differ_within_a_slot(void **state)
{
    (void)state;
    struct sg_view *view = open_view(rings_view_first(&material, 1));
    for (size_t i = 0; i < view->slots[0].count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(view->objects[i].handle, view->objects[j].handle);
        }
    }
    sg_view_free(view);
}

static struct sg_view_writer *writer_with_slot(void)
{
    static const char label[32] = "A/B                            ";
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = NULL;
    assert_int_equal(sg_view_writer_new(5, &writer, &err), SG_OK);
    assert_int_equal(sg_view_add_slot(writer, 1, label, 0, &err), SG_OK);
    return writer;
}

static struct sg_view *finish_view(struct sg_view_writer *writer)
{
    struct sg_error err = SG_ERROR_INIT;
    int fd = -1;
    assert_int_equal(sg_view_finish(writer, &fd, &err), SG_OK);
    sg_view_writer_free(writer);
    return open_view(fd);
}

static void renewed_certificate_shares_the_key_object(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = writer_with_slot();
    struct sg_view_member member = rings_member(&material, M_EC);
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
    size_t len = 0;
    unsigned char *renewed = rings_certificate(&material, M_EC, 77, &len);
    member.der = (struct sg_bytes){renewed, len};
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
    struct sg_view *view = finish_view(writer);
    assert_int_equal(view->object_count, 4); /* two certificates, one key pair */
    assert_int_equal(view->key_count, 1);
    free(renewed);
    sg_view_free(view);
}

static void nothing_is_extracted_through_a_ring_and_never_only_if_never(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    for (int extractable = 0; extractable <= 1; extractable++) {
        struct sg_view_writer *writer = writer_with_slot();
        struct sg_view_member member = rings_member(&material, M_EC);
        member.extractable = extractable == 1;
        assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
        struct sg_view *view = finish_view(writer);
        const struct sg_view_object *key = object_of(view, 1, CKO_PRIVATE_KEY, member.label);
        assert_int_equal(*attribute_of(view, key, CKA_EXTRACTABLE).data, CK_FALSE);
        assert_int_equal(*attribute_of(view, key, CKA_NEVER_EXTRACTABLE).data, !member.extractable);
        sg_view_free(view);
    }
}

/* As C_GetAttributeValue will answer, and as the mechanisms then act. */
static void keys_say_what_they_do_through_a_ring(void **state)
{
    (void)state;
    enum { KEYS = 5 };
    const struct {
        enum material which;
        bool may_derive, imported;
    } keys[KEYS] = {{M_SIGN, false, false}, /* RSA that signs */
                    {M_RSA, false, false},  /* RSA that decrypts too */
                    {M_EC, false, false},   /* EC that signs */
                    {M_EC, true, false},    /* EC for key agreement */
                    {M_RSA, false, true}};  /* RSA from outside */
    static const struct {
        CK_OBJECT_CLASS object_class;
        CK_ATTRIBUTE_TYPE type;
        CK_BBOOL value[KEYS];
    } rows[] = {
        {CKO_PRIVATE_KEY, CKA_TOKEN, {1, 1, 1, 1, 1}},
        {CKO_PRIVATE_KEY, CKA_PRIVATE, {0, 0, 0, 0, 0}},
        {CKO_PRIVATE_KEY, CKA_SIGN, {1, 1, 1, 1, 1}},
        {CKO_PRIVATE_KEY, CKA_SIGN_RECOVER, {0, 0, 0, 0, 0}},
        {CKO_PRIVATE_KEY, CKA_DECRYPT, {0, 1, 0, 0, 1}},
        {CKO_PRIVATE_KEY, CKA_UNWRAP, {0, 0, 0, 0, 0}},
        {CKO_PRIVATE_KEY, CKA_DERIVE, {0, 0, 0, 0, 0}},
        {CKO_PRIVATE_KEY, CKA_SENSITIVE, {1, 1, 1, 1, 1}},
        {CKO_PRIVATE_KEY, CKA_EXTRACTABLE, {0, 0, 0, 0, 0}},
        {CKO_PRIVATE_KEY, CKA_ALWAYS_SENSITIVE, {1, 1, 1, 1, 0}},
        {CKO_PRIVATE_KEY, CKA_NEVER_EXTRACTABLE, {1, 1, 1, 1, 0}},
        {CKO_PRIVATE_KEY, CKA_LOCAL, {1, 1, 1, 1, 0}},
        {CKO_PRIVATE_KEY, CKA_ALWAYS_AUTHENTICATE, {0, 0, 0, 0, 0}},
        {CKO_PRIVATE_KEY, CKA_WRAP_WITH_TRUSTED, {0, 0, 0, 0, 0}},
        {CKO_PRIVATE_KEY, CKA_MODIFIABLE, {0, 0, 0, 0, 0}},
        {CKO_PUBLIC_KEY, CKA_VERIFY, {1, 1, 1, 1, 1}},
        {CKO_PUBLIC_KEY, CKA_VERIFY_RECOVER, {0, 0, 0, 0, 0}},
        {CKO_PUBLIC_KEY, CKA_ENCRYPT, {0, 1, 0, 0, 1}},
        {CKO_PUBLIC_KEY, CKA_WRAP, {0, 0, 0, 0, 0}},
        {CKO_PUBLIC_KEY, CKA_DERIVE, {0, 0, 0, 0, 0}},
        {CKO_PUBLIC_KEY, CKA_LOCAL, {1, 1, 1, 1, 0}},
    };
    struct sg_error err = SG_ERROR_INIT;
    for (size_t i = 0; i < KEYS; i++) {
        struct sg_view_writer *writer = writer_with_slot();
        struct sg_view_member member = rings_member(&material, keys[i].which);
        member.may_derive = keys[i].may_derive;
        member.imported = keys[i].imported;
        assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
        struct sg_view *view = finish_view(writer);
        for (size_t j = 0; j < SG_COUNT(rows); j++) {
            struct sg_bytes value = attribute_of(
                view, object_of(view, 1, rows[j].object_class, member.label), rows[j].type);
            assert_int_equal(value.len, sizeof(CK_BBOOL));
            if (*value.data != rows[j].value[i]) {
                fail_msg("key %zu: attribute 0x%lx of class %lu is %u", i, rows[j].type,
                         rows[j].object_class, *value.data);
            }
        }
        sg_view_free(view);
    }
}

/* Whoever brought a key in may have it still: in the token it was not made, nor always a secret. */
static void a_key_from_outside_does_not_say_that_it_was_born_here(void **state)
{
    (void)state;
    static const CK_ATTRIBUTE_TYPE of_born[] = {CKA_LOCAL, CKA_ALWAYS_SENSITIVE,
                                                CKA_NEVER_EXTRACTABLE};
    struct sg_error err = SG_ERROR_INIT;
    for (int imported = 0; imported <= 1; imported++) {
        CK_ULONG mechanism = 0;
        struct sg_view_writer *writer = writer_with_slot();
        struct sg_view_member member = rings_member(&material, M_EC);
        member.imported = imported == 1;
        assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
        struct sg_view *view = finish_view(writer);
        const struct sg_view_object *key = object_of(view, 1, CKO_PRIVATE_KEY, member.label);
        for (size_t i = 0; i < SG_COUNT(of_born); i++) {
            assert_int_equal(*attribute_of(view, key, of_born[i]).data, !member.imported);
        }
        assert_int_equal(*attribute_of(view, key, CKA_SENSITIVE).data, CK_TRUE);
        memcpy(&mechanism, attribute_of(view, key, CKA_KEY_GEN_MECHANISM).data, sizeof mechanism);
        assert_int_equal(mechanism, member.imported ? CK_UNAVAILABLE_INFORMATION
                                                    : (CK_ULONG)CKM_EC_KEY_PAIR_GEN);
        key = object_of(view, 1, CKO_PUBLIC_KEY, member.label);
        assert_int_equal(*attribute_of(view, key, CKA_LOCAL).data, !member.imported);
        sg_view_free(view);
    }
}

static void what_is_hidden_keeps_its_handles(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    uint32_t handle = 0;
    for (int hidden = 0; hidden <= 1; hidden++) {
        struct sg_view_writer *writer = writer_with_slot();
        struct sg_view_member member = rings_member(&material, M_EC);
        member.hidden = hidden == 1;
        assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
        struct sg_view *view = finish_view(writer);
        assert_int_equal(view->object_count, 3);
        for (size_t i = 0; i < view->object_count; i++) {
            assert_int_equal(view->objects[i].hidden, hidden);
        }
        const struct sg_view_object *key = object_of(view, 1, CKO_PRIVATE_KEY, member.label);
        assert_true(handle == 0 || key->handle == handle);
        handle = key->handle;
        sg_view_free(view);
    }
}

static void what_stands_there_openly_is_not_hidden_as_well(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = writer_with_slot();
    struct sg_view_member member = rings_member(&material, M_EC);
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
    member.hidden = true;
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
    struct sg_view *view = finish_view(writer);
    assert_int_equal(view->object_count, 3);
    assert_int_equal(view->objects[0].hidden, 0);
    sg_view_free(view);
}

static void a_retired_key_says_that_it_does_not_sign(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    for (int retired = 0; retired <= 1; retired++) {
        struct sg_view_writer *writer = writer_with_slot();
        struct sg_view_member member = rings_member(&material, M_RSA);
        member.retired = retired == 1;
        assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
        struct sg_view *view = finish_view(writer);
        const struct sg_view_object *key = object_of(view, 1, CKO_PRIVATE_KEY, member.label);
        assert_int_equal(*attribute_of(view, key, CKA_SIGN).data, !member.retired);
        assert_int_equal(sg_view_key_of(view, key)->retired, retired);
        sg_view_free(view);
    }
}

static void writer_refuses_what_is_no_certificate(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = writer_with_slot();
    struct sg_view_member member = rings_member(&material, M_EC);
    static const unsigned char junk[] = {0x30, 0x03, 0x02, 0x01, 0x05};
    member.der = (struct sg_bytes){junk, sizeof junk};
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_certificate");
    member.der = (struct sg_bytes){material.der[M_EC], material.der_len[M_EC] - 1};
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_E_INPUT);
    member.der = (struct sg_bytes){NULL, 0};
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_E_INPUT);
    struct sg_view *view = finish_view(writer); /* and nothing of them is left */
    assert_int_equal(view->object_count, 0);
    sg_view_free(view);
}

static void writer_refuses_trailing_bytes(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = writer_with_slot();
    struct sg_view_member member = rings_member(&material, M_EC);
    size_t len = material.der_len[M_EC];
    unsigned char *longer = calloc(1, len + 1);
    assert_non_null(longer);
    memcpy(longer, material.der[M_EC], len);
    member.der = (struct sg_bytes){longer, len + 1};
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_E_INPUT);
    sg_view_writer_free(writer);
    free(longer);
}

static void writer_refuses_a_member_without_a_slot(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = NULL;
    struct sg_view_member member = rings_member(&material, M_EC);
    assert_int_equal(sg_view_writer_new(5, &writer, &err), SG_OK);
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_E_INTERNAL);
    sg_view_writer_free(writer);
}

static void empty_view_is_a_view(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = NULL;
    assert_int_equal(sg_view_writer_new(5, &writer, &err), SG_OK);
    struct sg_view *view = finish_view(writer);
    assert_int_equal(view->slot_count, 0);
    sg_view_free(view);
}

/* ---- how large ---- */

static void a_process_has_room_for_its_views(void **state)
{
    (void)state;
    const size_t mib = (size_t)1 << 20;
    const struct {
        size_t memory, room, view; /* MiB */
    } cases[] = {
        {0, 192, 64},  {32, 8, 8},     {64, 16, 16},   {96, 32, 32},
        {128, 64, 64}, {200, 136, 64}, {256, 192, 64}, {1024, 192, 64},
    };
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        size_t memory = cases[i].memory * mib;
        assert_int_equal(sg_views_room(memory) / mib, cases[i].room);
        assert_int_equal(sg_view_max(memory) / mib, cases[i].view);
        assert_true(sg_view_max(memory) <= sg_views_room(memory));
    }
}

/* ---- the reader ---- */

static void reader_refuses_what_is_not_sealed(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view *view = NULL;
    int sealed = rings_view_first(&material, 1);
    struct stat info;
    assert_int_equal(fstat(sealed, &info), 0);
    char *bytes = malloc((size_t)info.st_size);
    assert_non_null(bytes);
    assert_int_equal(pread(sealed, bytes, (size_t)info.st_size, 0), info.st_size);
    int open_fd = memfd_create("test", MFD_ALLOW_SEALING);
    assert_int_equal(write(open_fd, bytes, (size_t)info.st_size), info.st_size);
    assert_int_equal(sg_view_open(open_fd, &view, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_view");
    assert_int_equal(fcntl(open_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
    assert_int_equal(sg_view_open(open_fd, &view, &err), SG_E_INPUT);
    assert_null(view);
    free(bytes);
    close(open_fd);
    close(sealed);
}

static void reader_refuses_what_is_no_memfd(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view *view = NULL;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(sg_view_open(null, &view, &err), SG_E_INPUT);
    assert_int_equal(sg_view_open(-1, &view, &err), SG_E_INPUT);
    close(null);
}

/* A copy of the first view that may be spoiled. */
struct block {
    unsigned char *bytes;
    size_t len;
};

static struct block copy_block(void)
{
    int fd = rings_view_first(&material, 1);
    struct stat info;
    assert_int_equal(fstat(fd, &info), 0);
    struct block block = {malloc((size_t)info.st_size), (size_t)info.st_size};
    assert_non_null(block.bytes);
    assert_int_equal(pread(fd, block.bytes, block.len, 0), info.st_size);
    close(fd);
    return block;
}

static void refuse(const struct block *block, size_t len)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view view;
    assert_int_equal(sg_view_parse(block->bytes, len, &view, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_view");
}

static void reader_takes_the_unspoiled_copy(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view view;
    struct block block = copy_block();
    assert_int_equal(sg_view_parse(block.bytes, block.len, &view, &err), SG_OK);
    free(block.bytes);
}

static void reader_refuses_every_truncation(void **state)
{
    (void)state;
    struct block block = copy_block();
    for (size_t len = 0; len < block.len; len += len < 400 ? 1 : 97) {
        refuse(&block, len);
        struct sg_view_header header;
        if (len >= sizeof header) { /* also when the header claims the shorter length */
            memcpy(&header, block.bytes, sizeof header);
            struct sg_view_header claimed = header;
            claimed.length = len;
            memcpy(block.bytes, &claimed, sizeof claimed);
            refuse(&block, len);
            memcpy(block.bytes, &header, sizeof header);
        }
    }
    free(block.bytes);
}

static void reader_refuses_misaligned_blocks(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view view;
    struct block block = copy_block();
    unsigned char *shifted = malloc(block.len + 1);
    assert_non_null(shifted);
    memcpy(shifted + 1, block.bytes, block.len);
    assert_int_equal(sg_view_parse(shifted + 1, block.len, &view, &err), SG_E_INPUT);
    free(shifted);
    free(block.bytes);
}

static struct sg_view_header *header_of(const struct block *block)
{
    return (void *)block->bytes;
}

static struct sg_view_slot *slot_of(const struct block *block, size_t i)
{
    return (void *)(block->bytes + sizeof(struct sg_view_header) + i * sizeof(struct sg_view_slot));
}

static struct sg_view_object *raw_object(const struct block *block, size_t i)
{
    return (void *)((unsigned char *)slot_of(block, header_of(block)->slots) +
                    i * sizeof(struct sg_view_object));
}

static struct sg_view_attribute *raw_attribute(const struct block *block, size_t i)
{
    return (void *)((unsigned char *)raw_object(block, header_of(block)->objects) +
                    i * sizeof(struct sg_view_attribute));
}

static struct sg_view_key *raw_key(const struct block *block, size_t i)
{
    return (void *)((unsigned char *)raw_attribute(block, header_of(block)->attributes) +
                    i * sizeof(struct sg_view_key));
}

static void reader_refuses_bad_headers(void **state)
{
    (void)state;
    struct block block = copy_block();
    struct sg_view_header good = *header_of(&block);
    struct sg_view_header bad[6];
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        bad[i] = good;
    }
    bad[0].magic[7] = '2';
    bad[1].length++;
    bad[2].slots = UINT32_MAX;
    bad[3].objects = UINT32_MAX;
    bad[4].attributes++;
    bad[5].keys = UINT32_MAX;
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        *header_of(&block) = bad[i];
        refuse(&block, block.len);
    }
    free(block.bytes);
}

/* Spoil one number, look, put it back. */
#define SPOIL(field, value)                                                                        \
    do {                                                                                           \
        __typeof__(field) before = (field);                                                        \
        (field) = (value);                                                                         \
        refuse(&block, block.len);                                                                 \
        (field) = before;                                                                          \
    } while (0)

static void reader_refuses_bad_ranges(void **state)
{
    (void)state;
    struct block block = copy_block();
    SPOIL(slot_of(&block, 0)->first, 1);
    SPOIL(slot_of(&block, 0)->count, UINT32_MAX);
    SPOIL(slot_of(&block, 1)->count, 0);
    SPOIL(slot_of(&block, 1)->first, UINT32_MAX);
    SPOIL(raw_object(&block, 0)->first, 1);
    SPOIL(raw_object(&block, 0)->count, UINT32_MAX);
    SPOIL(raw_object(&block, 3)->count, 0);
    SPOIL(raw_attribute(&block, 2)->at, UINT32_MAX);
    SPOIL(raw_attribute(&block, 2)->len, UINT32_MAX);
    SPOIL(raw_attribute(&block, 2)->at, (uint32_t)block.len);
    free(block.bytes);
}

static void reader_refuses_bad_objects_and_keys(void **state)
{
    (void)state;
    struct block block = copy_block();
    SPOIL(raw_object(&block, 0)->handle, 0);
    SPOIL(raw_object(&block, 0)->handle, 0x80000000u);
    SPOIL(raw_object(&block, 0)->object_class, CKO_SECRET_KEY);
    SPOIL(raw_object(&block, 0)->key, 0);              /* a certificate with a key */
    SPOIL(raw_object(&block, 1)->key, SG_VIEW_NO_KEY); /* a private key without one */
    SPOIL(raw_object(&block, 1)->key, header_of(&block)->keys);
    SPOIL(raw_key(&block, 0)->token, SG_TOKENS_MAX);
    SPOIL(raw_key(&block, 0)->family, 3);
    SPOIL(raw_key(&block, 0)->bits, 0);
    SPOIL(raw_key(&block, 0)->bits, SG_VIEW_KEY_BITS_MAX + 1);
    SPOIL(raw_key(&block, 0)->may_decrypt, 2);
    SPOIL(raw_key(&block, 0)->may_derive, 255);
    SPOIL(raw_key(&block, 0)->retired, 2);
    SPOIL(raw_object(&block, 1)->hidden, 2);
    free(block.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_keeps_slots_and_generation),
        cmocka_unit_test(default_member_is_found_first),
        cmocka_unit_test(only_usable_keys_have_objects),
        cmocka_unit_test(keys_carry_token_and_abilities),
        cmocka_unit_test(certificate_and_key_share_the_id),
        cmocka_unit_test(ec_attributes_are_named_curve_and_wrapped_point),
        cmocka_unit_test(dates_and_serial_are_encoded),
        cmocka_unit_test(handles_stay_when_the_view_changes),
        cmocka_unit_test(handles_differ_within_a_slot),
        cmocka_unit_test(renewed_certificate_shares_the_key_object),
        cmocka_unit_test(nothing_is_extracted_through_a_ring_and_never_only_if_never),
        cmocka_unit_test(keys_say_what_they_do_through_a_ring),
        cmocka_unit_test(a_key_from_outside_does_not_say_that_it_was_born_here),
        cmocka_unit_test(what_is_hidden_keeps_its_handles),
        cmocka_unit_test(what_stands_there_openly_is_not_hidden_as_well),
        cmocka_unit_test(a_retired_key_says_that_it_does_not_sign),
        cmocka_unit_test(writer_refuses_what_is_no_certificate),
        cmocka_unit_test(writer_refuses_trailing_bytes),
        cmocka_unit_test(writer_refuses_a_member_without_a_slot),
        cmocka_unit_test(empty_view_is_a_view),
        cmocka_unit_test(a_process_has_room_for_its_views),
        cmocka_unit_test(reader_refuses_what_is_not_sealed),
        cmocka_unit_test(reader_refuses_what_is_no_memfd),
        cmocka_unit_test(reader_takes_the_unspoiled_copy),
        cmocka_unit_test(reader_refuses_every_truncation),
        cmocka_unit_test(reader_refuses_misaligned_blocks),
        cmocka_unit_test(reader_refuses_bad_headers),
        cmocka_unit_test(reader_refuses_bad_ranges),
        cmocka_unit_test(reader_refuses_bad_objects_and_keys),
    };
    return cmocka_run_group_tests_name("rings_view", tests, make_material, free_material);
}
