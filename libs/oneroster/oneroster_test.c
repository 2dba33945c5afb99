/* Bundles as exporters write them, and as nobody should. */
#include "testkit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "oneroster/oneroster.h"
#include "testkit/testkit.h"

static struct {
    struct arena arena;
    const char *path;
    zip_t *zip;
    const char *problem;
    struct oneroster *bundle;
    struct problems problems;
} it;

#define MANIFEST(files) "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\n" files

static int begin(void **state)
{
    (void)state;
    it.path = arena_printf(&it.arena, "%s/bundle.zip", testkit_folder(&it.arena));
    it.zip = zip_open(it.path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(it.zip);
    return 0;
}

static int end(void **state)
{
    (void)state;
    oneroster_close(it.bundle);
    arena_done(&it.arena);
    memset(&it, 0, sizeof it);
    return 0;
}

static zip_int64_t add(const char *name, const char *bytes, size_t count)
{
    zip_source_t *source = zip_source_buffer(it.zip, bytes, count, 0);
    zip_int64_t index = zip_file_add(it.zip, name, source, ZIP_FL_ENC_UTF_8);
    assert_true(index >= 0);
    return index;
}

static void add_text(const char *name, const char *text)
{
    add(name, text, strlen(text));
}

static enum error open_with(enum oneroster_charset charset)
{
    if (it.zip)
        assert_int_equal(zip_close(it.zip), 0);
    it.zip = NULL;
    it.problem = "";
    return oneroster_open(
        &it.bundle,
        &(struct oneroster_options){.path = it.path, .charset = charset, .source = STR("kundelik")},
        &it.problem, NULL);
}

/* "" or why it is refused. */
static const char *refusal(void)
{
    enum error code = open_with(ONEROSTER_UTF8);
    assert_int_equal(code, it.problem[0] ? ERROR_INVALID : ERROR_NONE);
    return it.problem;
}

/* A bundle of one file, opened and begun. */
static void bundle_of(enum oneroster_file file, const char *text, size_t bytes,
                      enum oneroster_charset charset)
{
    const char *name = oneroster_file_name(file);
    struct str stem = {name, strlen(name) - 4};
    add_text("manifest.csv", arena_printf(&it.arena, MANIFEST("file.%.*s,bulk\n"), STR_ARG(stem)));
    zip_int64_t index = add(name, text, bytes);
    if (bytes > 1 << 20) /* packed it would be a bomb */
        zip_set_file_compression(it.zip, (zip_uint64_t)index, ZIP_CM_STORE, 0);
    assert_int_equal(open_with(charset), ERROR_NONE);
    assert_int_equal(oneroster_begin(it.bundle, file, &it.problem, NULL), ERROR_NONE);
}

#define BUNDLE(file, text) bundle_of(file, text, sizeof(text) - 1, ONEROSTER_UTF8)

static enum oneroster_step next(enum oneroster_file file, void *row)
{
    memset(row, 0, oneroster_row_size(file));
    it.problems = (struct problems){.arena = &it.arena};
    return oneroster_next(it.bundle, row, &it.problems);
}

/* "line pointer code" of the first thing that is wrong with the next row; "row" or "end" where
 * nothing is. */
static const char *said(enum oneroster_file file, void *row)
{
    enum oneroster_step step = next(file, row);
    if (it.problems.count)
        return arena_printf(&it.arena, "%d %s %s", (int)((struct oneroster_head *)row)->line,
                            it.problems.items[0].pointer, it.problems.items[0].code);
    return step == ONEROSTER_END ? "end" : "row";
}

static bool is_id(const struct uuid *id, const char *text)
{
    char shown[UUID_TEXT_LEN + 1];
    return strcmp(uuid_format(id, shown), text) == 0;
}

/* ---- Rows ---- */

static void what_exporters_write_is_read(void **state)
{
    (void)state;
    struct oneroster_user user;
    BUNDLE(
        ONEROSTER_USERS,
        "\xEF\xBB\xBFSOURCEDID;Status;dateLastModified;givenName;familyName;shoeSize;"
        "agentSourcedIds;grades;userIds\r\n"
        "4711;active;2026-09-02T08:00:00.000Z; Айгүл ;\"Ахметова\r\n(\"\"кіші\"\")\";37;"
        "\"p1, 0192AAAA-bbbb-7ccc-8ddd-eeeeeeeeeeee\";\"05,06\";\"{LMS:7},{iin:041231500128}\"\r\n"
        "\r\n"
        "4712;tobedeleted;2026-09-03;;;;;;\r\n");
    assert_string_equal(said(ONEROSTER_USERS, &user), "row");
    assert_int_equal(user.head.line, 2);
    assert_int_equal(user.head.status, ONEROSTER_ACTIVE);
    assert_true(is_id(&user.head.id, "be2a6cc7-25d2-56fc-98b8-2a6eb3fd9656"));
    assert_true(str_equal(user.head.sourced_id, STR("4711")));
    assert_true(str_equal(user.given, STR("Айгүл")));
    assert_true(str_equal(user.family, STR("Ахметова (\"кіші\")")));
    assert_int_equal(user.agents.count, 2);
    assert_true(is_id(&user.agents.items[1], "0192aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"));
    assert_true(user.grade.present);
    assert_int_equal(user.grade.value, 5);
    assert_true(str_equal(user.iin, STR("041231500128")));
    assert_string_equal(said(ONEROSTER_USERS, &user), "row");
    assert_int_equal(user.head.line, 5);
    assert_int_equal(user.head.status, ONEROSTER_TOBEDELETED);
    assert_int_equal(date_of(user.head.modified_at, ALMATY_OFFSET_MINUTES).day,
                     date_make(2026, 9, 3).day);
    assert_string_equal(said(ONEROSTER_USERS, &user), "end");
}

#define ROLES "sourcedId,status,dateLastModified,userSourcedId,roleType,role,orgSourcedId\n"

static void each_broken_row_says_where(void **state)
{
    (void)state;
    struct oneroster_role role;
    BUNDLE(ONEROSTER_ROLES, ROLES "1,,,u,primary,student,o\n"
                                  "2,,,u,primary,student\n"
                                  "3,,,u,primary,wizard,o\n"
                                  ",,,u,primary,student,o\n"
                                  "5,maybe,,u,primary,student,o\n"
                                  "6,,yesterday,u,primary,student,o\n"
                                  "7,,,\xFF,primary,student,o\n"
                                  "8,,,u,primary,\"student\n\n\",o\n"
                                  "9,,,a\0b,primary,student,o\n"
                                  "041231500128,,,u,primary,student,o\n"
                                  "11,,,\"u,primary,student,o\n12,,,u,primary,student,o\n");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "row");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "3  wrong_cell_count");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "4 /role unknown_value");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "5 /sourcedId missing");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "6 /status unknown_value");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "7 /dateLastModified bad_instant");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "8 /userSourcedId invalid_utf8");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "row");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "12 /userSourcedId invalid_utf8");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "13 /sourcedId sourced_id_is_iin");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "14  unclosed_quote");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "end");
}

static void a_header_without_a_column_is_all_there_is_to_say(void **state)
{
    (void)state;
    struct oneroster_role role;
    BUNDLE(ONEROSTER_ROLES, "sourcedId,role,ROLE,orgSourcedId\n1,student,student,o\n");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "1 /userSourcedId missing_column");
    assert_int_equal(it.problems.count, 2);
    assert_string_equal(it.problems.items[1].code, "duplicate_field");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "end");
}

static void a_cell_of_100_mb_costs_its_row(void **state)
{
    (void)state;
    enum { HUGE_BYTES = 100 << 20, BEFORE = sizeof(ROLES) - 1 };
    struct oneroster_role role;
    char *text = mem_alloc(HUGE_BYTES + 200);
    memset(text, '\n', HUGE_BYTES + 200);
    memcpy(text, ROLES "1,,,", BEFORE + 4);
    memset(text + BEFORE + 4, 'a', HUGE_BYTES - BEFORE - 4);
    memcpy(text + HUGE_BYTES, "\n2,,,u,primary,student,o", 24);
    bundle_of(ONEROSTER_ROLES, text, HUGE_BYTES + 200, ONEROSTER_UTF8);
    assert_string_equal(said(ONEROSTER_ROLES, &role), "2  row_too_long");
    assert_string_equal(said(ONEROSTER_ROLES, &role), "row");
    assert_int_equal(role.head.line, 3);
    assert_string_equal(said(ONEROSTER_ROLES, &role), "end");
    free(text);
}

/* A quote that is not closed costs 64 KiB, not the file. */
static void a_quote_that_is_not_closed_costs_64_kib(void **state)
{
    (void)state;
    struct oneroster_role role;
    CLEANUP(buf_done) struct buf text = {0};
    buf_add_text(&text, ROLES "1,,,\"u,primary,student,o\n");
    for (int i = 0; i < 10000; i++)
        buf_printf(&text, "r%d,,,u,primary,student,o\n", i);
    bundle_of(ONEROSTER_ROLES, text.ptr, text.len, ONEROSTER_UTF8);
    assert_string_equal(said(ONEROSTER_ROLES, &role), "2  row_too_long");
    int rows = 0;
    while (next(ONEROSTER_ROLES, &role) == ONEROSTER_ROW)
        rows++;
    assert_in_range(rows, 7550, 7700);
    assert_int_equal(role.head.line, 10003);
}

static void windows_1251_is_read_where_it_is_said(void **state)
{
    (void)state;
    static const char text[] = "sourcedId,name,type\n1,\xD8\xEA\xEE\xEB\xE0 \xB9 1,school\n"
                               "2,\x98,school\n";
    struct oneroster_org org;
    bundle_of(ONEROSTER_ORGS, text, sizeof text - 1, ONEROSTER_WINDOWS_1251);
    assert_string_equal(said(ONEROSTER_ORGS, &org), "row");
    assert_true(str_equal(org.name, STR("Школа № 1")));
    assert_string_equal(said(ONEROSTER_ORGS, &org), "3 /name invalid_utf8");
}

static void windows_1251_that_is_not_said_is_no_text(void **state)
{
    (void)state;
    struct oneroster_org org;
    BUNDLE(ONEROSTER_ORGS, "sourcedId,name,type\r1,\xD8\xEA\xEE\xEB\xE0,school\r"
                           "2,,school\n3,,school\n");
    assert_string_equal(said(ONEROSTER_ORGS, &org), "2 /name invalid_utf8");
    assert_string_equal(said(ONEROSTER_ORGS, &org), "3 /name missing");
    assert_string_equal(said(ONEROSTER_ORGS, &org), "4 /name missing");
    assert_string_equal(said(ONEROSTER_ORGS, &org), "end");
}

/* ---- The manifest ---- */

static void the_manifest_says_what_there_is(void **state)
{
    (void)state;
    add_text("manifest.csv", MANIFEST("file.users,delta\r\nfile.orgs,absent\nfile.lineItems,?\n"
                                      "source.systemCode,Күнделік KZ\n"));
    add_text("users.csv", "sourcedId\n");
    add_text("orgs.csv", "");
    add_text("../roles.csv", "");
    add_text("inner.zip", "PK");
    assert_string_equal(refusal(), "");
    assert_int_equal(oneroster_mode(it.bundle, ONEROSTER_USERS), ONEROSTER_DELTA);
    assert_int_equal(oneroster_mode(it.bundle, ONEROSTER_ORGS), ONEROSTER_ABSENT);
    assert_int_equal(oneroster_mode(it.bundle, ONEROSTER_ROLES), ONEROSTER_ABSENT);
    assert_true(str_equal(oneroster_source(it.bundle), STR("kundelik")));
}

static void a_manifest_may_be_no_use(void **state)
{
    (void)state;
    add_text("sub/manifest.csv", MANIFEST(""));
    assert_string_equal(refusal(), "manifest_missing");
}

static void another_version_is_not_guessed_at(void **state)
{
    (void)state;
    add_text("manifest.csv", "propertyName,value\noneroster.version,1.1\n");
    assert_string_equal(refusal(), "manifest_broken");
}

static void a_file_that_is_named_must_be_there(void **state)
{
    (void)state;
    add_text("manifest.csv", MANIFEST("file.users,bulk\n"));
    add_text("../users.csv", "sourcedId\n");
    assert_string_equal(refusal(), "manifest_broken");
}

/* ---- Hostile zips ---- */

static void many_entries_are_too_many(void **state)
{
    (void)state;
    add_text("manifest.csv", MANIFEST(""));
    for (int i = 0; i < 1000; i++)
        add_text(arena_printf(&it.arena, "%d.csv", i), "");
    assert_string_equal(refusal(), "zip_too_large");
}

static void a_bomb_is_not_opened(void **state)
{
    (void)state;
    enum { BYTES = 64 << 20 };
    char *zeros = mem_alloc(BYTES);
    add_text("manifest.csv", MANIFEST("file.users,bulk\n"));
    add("users.csv", zeros, BYTES);
    assert_string_equal(refusal(), "zip_too_large");
    free(zeros);
}

static void what_is_encrypted_cannot_be_read(void **state)
{
    (void)state;
    add_text("manifest.csv", MANIFEST("file.users,bulk\n"));
    zip_int64_t index = add("users.csv", "sourcedId\n", 10);
    assert_int_equal(zip_file_set_encryption(it.zip, (zip_uint64_t)index, ZIP_EM_AES_256, "x"), 0);
    assert_string_equal(refusal(), "zip_encrypted");
}

/* Changes the closed zip: `from` becomes `to`, of the same length, wherever it stands. */
static void patch(const char *from, const char *to)
{
    assert_int_equal(zip_close(it.zip), 0);
    it.zip = NULL;
    FILE *file = fopen(it.path, "r+b");
    char *bytes = arena_alloc(&it.arena, 1 << 20);
    size_t count = fread(bytes, 1, 1 << 20, file);
    for (char *at = bytes; (at = memmem(at, count - (size_t)(at - bytes), from, strlen(from)));)
        memcpy(at, to, strlen(to));
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

static void the_same_file_twice_is_refused(void **state)
{
    (void)state;
    add_text("manifest.csv", MANIFEST("file.users,bulk\n"));
    add_text("users.csv", "sourcedId\n");
    add_text("userz.csv", "sourcedId\n");
    patch("userz.csv", "users.csv");
    assert_string_equal(refusal(), "zip_duplicate");
}

static void a_wrong_checksum_ends_the_file(void **state)
{
    (void)state;
    struct oneroster_role role;
    add_text("manifest.csv", MANIFEST("file.roles,bulk\n"));
    zip_int64_t index = add("roles.csv", ROLES "1,,,u,primary,student,o\n", sizeof(ROLES) + 23);
    zip_set_file_compression(it.zip, (zip_uint64_t)index, ZIP_CM_STORE, 0);
    patch("primary", "PRIMARY");
    assert_string_equal(refusal(), "");
    assert_int_equal(oneroster_begin(it.bundle, ONEROSTER_ROLES, &it.problem, NULL), ERROR_NONE);
    enum oneroster_step step = next(ONEROSTER_ROLES, &role);
    if (step == ONEROSTER_ROW)
        step = next(ONEROSTER_ROLES, &role);
    assert_int_equal(step, ONEROSTER_BROKEN);
    assert_string_equal(it.problems.items[0].code, "zip_broken");
}

static void what_is_no_zip_is_refused(void **state)
{
    (void)state;
    add_text("manifest.csv", MANIFEST("file.users,bulk\n"));
    add_text("users.csv", "sourcedId\n");
    patch("PK\x05\x06", "PK\x05\x07");
    assert_string_equal(refusal(), "zip_broken");
}

static void a_count_that_is_a_lie_is_seen_before_libzip_looks(void **state)
{
    (void)state;
    add_text("manifest.csv", MANIFEST(""));
    assert_int_equal(zip_set_archive_comment(it.zip, "PKxyaaaaaazzaaaaaaaaaa", 22), 0);
    patch("PKxy", "PK\x05\x06"); /* 31,354 entries */
    assert_string_equal(refusal(), "zip_too_large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_ZIP(test) cmocka_unit_test_setup_teardown(test, begin, end)
        WITH_ZIP(what_exporters_write_is_read),
        WITH_ZIP(each_broken_row_says_where),
        WITH_ZIP(a_header_without_a_column_is_all_there_is_to_say),
        WITH_ZIP(a_cell_of_100_mb_costs_its_row),
        WITH_ZIP(a_quote_that_is_not_closed_costs_64_kib),
        WITH_ZIP(windows_1251_is_read_where_it_is_said),
        WITH_ZIP(windows_1251_that_is_not_said_is_no_text),
        WITH_ZIP(the_manifest_says_what_there_is),
        WITH_ZIP(a_manifest_may_be_no_use),
        WITH_ZIP(another_version_is_not_guessed_at),
        WITH_ZIP(a_file_that_is_named_must_be_there),
        WITH_ZIP(many_entries_are_too_many),
        WITH_ZIP(a_bomb_is_not_opened),
        WITH_ZIP(what_is_encrypted_cannot_be_read),
        WITH_ZIP(the_same_file_twice_is_refused),
        WITH_ZIP(a_wrong_checksum_ends_the_file),
        WITH_ZIP(what_is_no_zip_is_refused),
        WITH_ZIP(a_count_that_is_a_lie_is_seen_before_libzip_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
