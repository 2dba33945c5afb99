#include "ledger.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "day.h"

enum { LINE_MOST_BYTES = 64 * 1024 };

static void make_folders(const char *path)
{
    CLEANUP(buf_done) struct buf folder = {0};
    for (const char *c = path; *c; c++) {
        if (*c == '/' && c > path) {
            buf_reset(&folder);
            buf_add(&folder, path, (size_t)(c - path));
            buf_add_char(&folder, '\0');
            mkdir(folder.ptr, 0700); /* where it fails, opening the file says so */
        }
    }
}

void ledger_close(struct ledger *ledger)
{
    if (ledger->file)
        fclose(ledger->file);
    ledger->file = NULL;
}

enum error ledger_flush(struct ledger *ledger, struct err *err)
{
    if (fflush(ledger->file) || ferror(ledger->file))
        return err_set(err, ERROR_INTERNAL, "%s: %s", ledger->path, strerror(errno));
    return ERROR_NONE;
}

/* A line that its writer did not live to end. */
static void end_torn_line(FILE *file)
{
    if (fseek(file, -1, SEEK_END) == 0 && fgetc(file) != '\n')
        fputs(" torn\n", file);
}

enum error ledger_open(struct ledger *ledger, const char *path, struct err *err)
{
    make_folders(path);
    *ledger = (struct ledger){fopen(path, "a+e"), path};
    if (!ledger->file)
        return err_set(err, ERROR_INVALID, "%s: %s", path, strerror(errno));
    if (flock(fileno(ledger->file), LOCK_EX | LOCK_NB))
        return err_set(err, ERROR_UNAVAILABLE, "%s: another sender keeps these books", path);
    end_torn_line(ledger->file);
    return ledger_flush(ledger, err);
}

/* ---- Words ---- */

static void put_text(FILE *file, struct str text)
{
    fputc(' ', file);
    if (str_present(text))
        fwrite(text.ptr, 1, text.len, file);
    else
        fputc('-', file);
}

static void put_uuid(FILE *file, const struct uuid *uuid)
{
    char text[UUID_TEXT_LEN + 1];
    bool present = uuid_present(uuid);
    put_text(file, (struct str){present ? uuid_format(uuid, text) : NULL, UUID_TEXT_LEN});
}

static void put_date(FILE *file, struct date date)
{
    char text[DATE_TEXT_LEN + 1];
    put_text(file, (struct str){date_format(date, text), DATE_TEXT_LEN});
}

static void put_number(FILE *file, char before, struct optional number)
{
    if (number.present)
        fprintf(file, "%c%d", before, number.value);
    else
        fprintf(file, "%c-", before);
}

static const char *name_of(const struct values *values, unsigned value)
{
    for (size_t i = 0; i < values->count; i++)
        if (values->items[i].value == value)
            return values->items[i].name;
    return "-";
}

/* ---- Lines ---- */

static void put_withdrawal(FILE *file, const char *kind, const struct uuid *id,
                           const struct uuid *withdraws, struct date date)
{
    fputs(kind, file);
    put_uuid(file, id);
    put_uuid(file, withdraws);
    put_date(file, date);
    fputc('\n', file);
}

void ledger_mark(struct ledger *ledger, const struct mark *mark)
{
    FILE *file = ledger->file;
    if (uuid_present(&mark->withdraws)) {
        put_withdrawal(file, "mark_withdrawal", &mark->id, &mark->withdraws, mark->date);
        return;
    }
    bool corrects = uuid_present(&mark->replaces);
    fputs(corrects ? "mark_correction" : "mark", file);
    put_uuid(file, &mark->id);
    if (corrects)
        put_uuid(file, &mark->replaces);
    put_uuid(file, &mark->organisation);
    put_uuid(file, &mark->class);
    put_uuid(file, &mark->learner);
    put_date(file, mark->date);
    put_number(file, ' ', mark->lesson);
    put_text(file, mark->subject);
    fprintf(file, " %s", name_of(&mark_kinds, mark->kind));
    put_number(file, ' ', mark->points);
    put_number(file, ' ', mark->max_points);
    fprintf(file, " %s\n", name_of(&mark_values, mark->value));
}

static void put_exceptions(FILE *file, const struct list *exceptions)
{
    const struct register_exception *items = exceptions->items;
    char id[UUID_TEXT_LEN + 1];
    if (!exceptions->count)
        fputs(" -", file);
    for (size_t i = 0; i < exceptions->count; i++) {
        fprintf(file, "%c%s:%s", i ? ',' : ' ', uuid_format(&items[i].learner, id),
                name_of(&absence_codes, items[i].code));
        put_number(file, ':', items[i].minutes);
    }
}

void ledger_register(struct ledger *ledger, const struct lesson_register *taken)
{
    FILE *file = ledger->file;
    if (uuid_present(&taken->withdraws)) {
        put_withdrawal(file, "register_withdrawal", &taken->id, &taken->withdraws, taken->date);
        return;
    }
    bool replaces = uuid_present(&taken->replaces);
    fputs(replaces ? "register_replacement" : "register", file);
    put_uuid(file, &taken->id);
    if (replaces)
        put_uuid(file, &taken->replaces);
    put_uuid(file, &taken->organisation);
    put_uuid(file, &taken->class);
    put_date(file, taken->date);
    put_number(file, ' ', taken->lesson);
    put_text(file, taken->subject);
    put_exceptions(file, &taken->exceptions);
    fputc('\n', file);
}

void ledger_absence_change(struct ledger *ledger, const struct absence_change *change)
{
    FILE *file = ledger->file;
    fputs("absence_change", file);
    put_uuid(file, &change->id);
    put_uuid(file, &change->register_id);
    put_uuid(file, &change->learner);
    fprintf(file, " %s\n", name_of(&recoded_codes, change->code));
}

void ledger_accepted(struct ledger *ledger, const struct uuid *id)
{
    fputs("accepted", ledger->file);
    put_uuid(ledger->file, id);
    fputc('\n', ledger->file);
}

void ledger_rejected(struct ledger *ledger, const struct uuid *id, struct str code)
{
    fputs("rejected", ledger->file);
    put_uuid(ledger->file, id);
    put_text(ledger->file, code);
    fputc('\n', ledger->file);
}

/* ---- Reading ---- */

static void take_line(struct day *day, struct str line)
{
    struct str words[6];
    struct uuid class;
    struct date date;
    int64_t lesson;
    words[0] = str_cut(&line, ' ');
    bool replaces = str_equal(words[0], STR("register_replacement"));
    for (size_t i = 1; i < COUNT_OF(words); i++) {
        words[i] = str_cut(&line, ' ');
        if (i == 1 && replaces)
            str_cut(&line, ' '); /* what it replaces */
    }
    if ((replaces || str_equal(words[0], STR("register"))) && uuid_parse(words[3], &class) &&
        date_parse(words[4], &date) && str_to_int64(words[5], 1, LINE_MOST_BYTES, &lesson))
        day_take(day, &class, date, (int)lesson);
}

enum error ledger_read_taken(const char *path, struct day *day, struct err *err)
{
    CLEANUP(buf_done) struct buf line = {0};
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERROR_INVALID, "%s: %s", path, strerror(errno));
    buf_reserve(&line, LINE_MOST_BYTES);
    while (fgets(line.ptr, LINE_MOST_BYTES, file))
        take_line(day, (struct str){line.ptr, strcspn(line.ptr, "\n")});
    bool failed = ferror(file);
    fclose(file);
    return failed ? err_set(err, ERROR_INVALID, "%s cannot be read", path) : ERROR_NONE;
}
