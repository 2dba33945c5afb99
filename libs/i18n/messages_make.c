/* messages-make messages.h messages.c kk.po ru.po en.po: the catalogues as an enum and a table.
 *
 * A catalogue is a gettext PO file whose msgid is the key. A plural names in its msgid_plural the
 * number that chooses ("{minutes}"). Fails, with file and key, where a key or a text is missing,
 * is marked fuzzy, or has other {placeholders} than in the first catalogue. What msgfmt checks
 * (syntax, duplicates, number of plural forms) is left to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"

enum { CATALOGUES = 3, MAX_MESSAGES = 4096, MAX_FORMS = 3, MAX_PLACEHOLDERS = 16 };

struct entry {
    struct str key, plural;
    struct str forms[MAX_FORMS];
    bool fuzzy;
};

struct catalogue {
    const char *path, *language;
    size_t form_count;                  /* of a plural */
    const char *form_plural[MAX_FORMS]; /* what msgstr[i] is in CLDR's words */
    struct entry *entries;
    size_t count;
};

static struct arena arena; /* reachable to the end: nothing is given back */

static struct catalogue catalogues[CATALOGUES] = {
    {.language = "KK", .form_count = 2, .form_plural = {"ONE", "OTHER"}},
    {.language = "RU", .form_count = 3, .form_plural = {"ONE", "FEW", "MANY"}},
    {.language = "EN", .form_count = 2, .form_plural = {"ONE", "OTHER"}},
};

static _Noreturn void fail(const struct catalogue *catalogue, struct str key, const char *why)
{
    fprintf(stderr, "%s: %.*s: %s\n", catalogue->path, STR_ARG(key), why);
    exit(1);
}

static struct str read_file(const char *path)
{
    struct buf text = {0};
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(1);
    }
    for (int c; (c = getc(file)) != EOF;)
        buf_add_char(&text, (char)c);
    fclose(file);
    struct str copy = str_copy(&arena, buf_str(&text));
    buf_done(&text);
    return copy;
}

/* ---- Reading a PO file ---- */

/* What is between the quotes of a line, escapes resolved, behind what is there already. */
static void append_quoted(struct str *text, struct str line)
{
    struct buf joined = {0};
    buf_add_str(&joined, *text);
    const char *p = memchr(line.ptr, '"', line.len), *end = line.ptr + line.len;
    for (p = p ? p + 1 : end; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end)
            buf_add_char(&joined, *++p == 'n' ? '\n' : *p);
        else
            buf_add_char(&joined, *p);
    }
    *text = str_copy(&arena, buf_str(&joined));
    buf_done(&joined);
}

/* Where the text of a line goes that begins with a keyword; NULL: not a keyword. */
static struct str *keyword_target(struct entry *entry, struct str line)
{
    if (str_starts(line, STR("msgid_plural ")))
        return &entry->plural;
    if (str_starts(line, STR("msgid ")))
        return &entry->key;
    if (str_starts(line, STR("msgstr ")))
        return &entry->forms[0];
    if (str_starts(line, STR("msgstr[")) && line.len > 8 && line.ptr[7] < '0' + MAX_FORMS)
        return &entry->forms[line.ptr[7] - '0'];
    return NULL;
}

static void read_catalogue(struct catalogue *catalogue)
{
    struct str text = read_file(catalogue->path);
    struct str *target = NULL;
    bool fuzzy = false;
    catalogue->entries = ARENA_ARRAY(&arena, MAX_MESSAGES, struct entry);
    while (str_present(text)) {
        struct str line = str_cut(&text, '\n');
        if (str_starts(line, STR("#,")))
            fuzzy |= strstr(arena_copy(&arena, line.ptr, line.len), "fuzzy") != NULL;
        if (str_starts(line, STR("msgid "))) {
            ensure(catalogue->count < MAX_MESSAGES);
            catalogue->entries[catalogue->count++].fuzzy = fuzzy;
            fuzzy = false;
        }
        if (catalogue->count && str_starts(line, STR("msg")))
            target = keyword_target(&catalogue->entries[catalogue->count - 1], line);
        if (target && (str_starts(line, STR("msg")) || str_starts(line, STR("\""))))
            append_quoted(target, line);
    }
}

static int compare_keys(const void *a, const void *b)
{
    return str_compare(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

/* ---- Checks ---- */

struct names {
    struct str items[MAX_PLACEHOLDERS];
    size_t count;
};

/* One bit for each of `names` that occurs in the text as {name}; a new name is added. False where a
 * { has no }. */
static bool find_placeholders(struct str text, struct names *names, uint32_t *found)
{
    *found = 0;
    while (str_cut(&text, '{').ptr && str_present(text)) {
        struct str name = str_cut(&text, '}');
        size_t i = 0;
        if (!str_present(text))
            return false;
        while (i < names->count && !str_equal(names->items[i], name))
            i++;
        ensure(i < MAX_PLACEHOLDERS);
        if (i == names->count)
            names->items[names->count++] = name;
        *found |= 1u << i;
    }
    return true;
}

/* msgid_plural is one of the placeholders of the text, as it stands there. */
static bool plural_is_named(struct str plural, struct names *names, uint32_t expected)
{
    uint32_t counted;
    return plural.len > 2 && plural.ptr[0] == '{' && plural.ptr[plural.len - 1] == '}' &&
           find_placeholders(plural, names, &counted) && (counted & ~expected) == 0;
}

static void check_entry(const struct catalogue *catalogue, const struct entry *entry,
                        const struct entry *first)
{
    struct names names = {0};
    uint32_t expected, found;
    bool plural = str_present(entry->plural);
    if (entry->fuzzy)
        fail(catalogue, entry->key, "is marked fuzzy");
    if (!str_equal(entry->plural, first->plural))
        fail(catalogue, entry->key, "msgid_plural is not as in the first catalogue");
    if (!find_placeholders(first->forms[0], &names, &expected))
        fail(&catalogues[0], entry->key, "has a { without }");
    if (plural && !plural_is_named(entry->plural, &names, expected))
        fail(catalogue, entry->key, "msgid_plural names no placeholder of the text");
    for (size_t i = 0; i < (plural ? catalogue->form_count : 1); i++) {
        if (entry->forms[i].len == 0)
            fail(catalogue, entry->key, "has no text");
        if (!find_placeholders(entry->forms[i], &names, &found))
            fail(catalogue, entry->key, "has a { without }");
        if (found != expected)
            fail(catalogue, entry->key, "has other placeholders than in the first catalogue");
    }
}

static void check_keys(const struct catalogue *a, const struct catalogue *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!bsearch(&a->entries[i], b->entries, b->count, sizeof *b->entries, compare_keys))
            fail(b, a->entries[i].key, "is missing");
}

static void check_all(void)
{
    for (size_t c = 0; c < CATALOGUES; c++) {
        check_keys(&catalogues[0], &catalogues[c]);
        check_keys(&catalogues[c], &catalogues[0]);
        for (size_t i = 0; i < catalogues[0].count; i++)
            if (catalogues[0].entries[i].key.len)
                check_entry(&catalogues[c], &catalogues[c].entries[i], &catalogues[0].entries[i]);
    }
}

/* ---- Writing ---- */

static void write_name(FILE *out, struct str key)
{
    fputs("MESSAGE_", out);
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        bool letter = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
        if (!letter && !digit && c != '.' && c != '_')
            fail(&catalogues[0], key, "a key has a-z, 0-9, '.' and '_' only");
        putc(letter ? c - 'a' + 'A' : digit ? c : '_', out);
    }
}

static void write_str(FILE *out, struct str text)
{
    putc('{', out);
    putc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"' || c == '\\' || c == '\n')
            putc('\\', out);
        putc(c == '\n' ? 'n' : c, out);
    }
    fprintf(out, "\", %zu}", text.len);
}

static void write_header(FILE *out)
{
    fputs("/* Made by messages_make.c from po/. */\n#ifndef I18N_MESSAGES_H\n"
          "#define I18N_MESSAGES_H\n\nenum message {\n    MESSAGE_NONE,\n",
          out);
    for (size_t i = 1; i < catalogues[0].count; i++) {
        fputs("    ", out);
        write_name(out, catalogues[0].entries[i].key);
        fputs(",\n", out);
    }
    fputs("    MESSAGE_COUNT\n};\n\n#endif\n", out);
}

static void write_forms(FILE *out, const struct catalogue *catalogue, const struct entry *entry)
{
    bool plural = str_present(entry->plural);
    size_t general = plural ? catalogue->form_count - 1 : 0; /* Russian `many` serves as `other` */
    fprintf(out, "\n      [LANGUAGE_%s] = {[PLURAL_OTHER] = ", catalogue->language);
    write_str(out, entry->forms[general]);
    for (size_t i = 0; plural && i < catalogue->form_count; i++) {
        if (strcmp(catalogue->form_plural[i], "OTHER") == 0)
            continue;
        fprintf(out, ", [PLURAL_%s] = ", catalogue->form_plural[i]);
        write_str(out, entry->forms[i]);
    }
    fputs("},", out);
}

static void write_entry(FILE *out, size_t i)
{
    const struct entry *entry = &catalogues[0].entries[i];
    fputs("    {.key = ", out);
    write_str(out, entry->key);
    if (str_present(entry->plural)) {
        fputs(", .count = ", out);
        write_str(out, (struct str){entry->plural.ptr + 1, entry->plural.len - 2});
    }
    fputs(", .texts = {", out);
    for (size_t c = 0; c < CATALOGUES; c++)
        write_forms(out, &catalogues[c], &catalogues[c].entries[i]);
    fputs("}},\n", out);
}

static void write_table(FILE *out)
{
    fputs("/* Made by messages_make.c from po/. */\n#include \"i18n/i18n_internal.h\"\n\n"
          "const struct message_texts i18n_messages[MESSAGE_COUNT] = {\n    {.key = {\"\", 0}},\n",
          out);
    for (size_t i = 1; i < catalogues[0].count; i++)
        write_entry(out, i);
    fputs("};\n", out);
}

static void write_to(const char *path, void (*write)(FILE *))
{
    FILE *out = fopen(path, "w");
    if (!out) {
        perror(path);
        exit(1);
    }
    write(out);
    if (fclose(out) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3 + CATALOGUES) {
        fputs("usage: messages-make messages.h messages.c kk.po ru.po en.po\n", stderr);
        return 2;
    }
    for (size_t c = 0; c < CATALOGUES; c++) {
        struct catalogue *catalogue = &catalogues[c];
        catalogue->path = argv[3 + c];
        read_catalogue(catalogue);
        qsort(catalogue->entries, catalogue->count, sizeof *catalogue->entries, compare_keys);
        if (catalogue->count == 0 || catalogue->entries[0].key.len != 0)
            fail(catalogue, STR("msgid \"\""), "the header is missing");
    }
    check_all();
    write_to(argv[1], write_header);
    write_to(argv[2], write_table);
    return 0;
}
