#include "domain.h"

/* ---- Facts ---- */

bool absence_is_news(enum absence_code code)
{
    return code != ABSENCE_REMOTE && code != ABSENCE_EXEMPT;
}

/* A withdrawal speaks of the mark that is gone, and has no result. */
static struct feed_facts facts_of_mark(const struct mark *mark, bool withdrawn)
{
    struct feed_facts facts = {.class = mark->class,
                               .subject = mark->subject,
                               .date = mark->date,
                               .lesson = mark->lesson,
                               .work = mark->kind};
    if (withdrawn)
        return facts;
    facts.points = mark->points;
    facts.max_points = mark->max_points;
    facts.value = mark->value;
    return facts;
}

struct feed_fact mark_fact(const struct mark *mark, struct instant time, enum feed_kind kind)
{
    struct feed_fact fact = {.time = time,
                             .learner = mark->learner,
                             .event = mark->id,
                             .kind = kind,
                             .facts = facts_of_mark(mark, false)};
    if (kind == FEED_MARK_RECORDED)
        return fact;
    struct mark before = mark_before(mark);
    fact.corrects = before.id;
    fact.before = facts_of_mark(&before, false);
    if (kind == FEED_MARK_WITHDRAWN)
        fact.facts = facts_of_mark(&before, true);
    return fact;
}

struct feed_fact absence_fact(const struct lesson_register *taken,
                              const struct register_exception *exception)
{
    return (struct feed_fact){
        .learner = exception->learner,
        .kind = FEED_ABSENCE_RECORDED,
        .facts = {.class = taken->class,
                  .subject = taken->subject,
                  .date = taken->date,
                  .lesson = taken->lesson,
                  .session = taken->session,
                  .code = exception->code,
                  .minutes = exception->minutes},
    };
}

/* ---- Changes of absences ---- */

/* A lesson before and after: what it was, and one absence in each. */
struct change {
    struct feed_facts before, now; /* without code and minutes */
    bool moved;                    /* to another lesson */
    bool withdrawn;
    bool recounted; /* an absence that is gone was another one's of the same child */
};

static struct feed_facts lesson_facts(const struct lesson_register *taken)
{
    return (struct feed_facts){.class = taken->class,
                               .subject = taken->subject,
                               .date = taken->date,
                               .lesson = taken->lesson,
                               .session = taken->session};
}

static bool is_absent(enum absence_code code)
{
    return code && absence_is_news(code);
}

static bool is_same(const struct feed_facts *a, const struct feed_facts *b)
{
    return a->code == b->code && a->minutes.value == b->minutes.value;
}

static bool is_same_lesson(const struct feed_facts *a, const struct feed_facts *b)
{
    return a->date.day == b->date.day && a->lesson.value == b->lesson.value &&
           a->session == b->session;
}

/* `before` and `now` of one learner, code 0: there. False where there is nothing to tell. */
static bool change_of(const struct change *change, const struct feed_facts *before,
                      const struct feed_facts *now, struct feed_fact *row)
{
    bool was = is_absent(before->code), is = is_absent(now->code);
    if ((!was && !is) || (!change->moved && !change->withdrawn && is_same(before, now)))
        return false;
    row->before = (struct feed_facts){.code = before->code, .minutes = before->minutes};
    row->facts = *now;
    if (is) {
        row->kind = was && !change->moved ? FEED_ABSENCE_RECODED : FEED_ABSENCE_RECORDED;
    } else if (change->moved || change->withdrawn || change->recounted) {
        row->kind = FEED_ABSENCE_WITHDRAWN;
        row->facts = change->before;
    } else {
        row->kind = FEED_ABSENCE_RECODED;
    }
    return true;
}

static struct feed_facts absence_facts(const struct feed_facts *lesson,
                                       const struct register_exception *exception)
{
    struct feed_facts facts = *lesson;
    if (exception && exception->code != ABSENCE_PRESENT) {
        facts.code = exception->code;
        facts.minutes = exception->minutes;
    }
    return facts;
}

static const struct register_exception *find_learner(const struct list *exceptions,
                                                     const struct uuid *learner)
{
    const struct register_exception *items = exceptions->items;
    for (size_t i = 0; i < exceptions->count; i++)
        if (uuid_equal(&items[i].learner, learner))
            return &items[i];
    return NULL;
}

static size_t add_change(const struct change *change, const struct register_exception *before,
                         const struct register_exception *now, struct feed_fact *row)
{
    struct feed_facts was = absence_facts(&change->before, before);
    struct feed_facts is = absence_facts(&change->now, now);
    row->learner = now ? now->learner : before->learner;
    return change_of(change, &was, &is, row);
}

size_t register_changes(const struct lesson_register *change, struct feed_fact *rows)
{
    struct lesson_register former = register_before(change);
    struct change lesson = {.before = lesson_facts(&former),
                            .now = lesson_facts(change),
                            .withdrawn = uuid_present(&change->withdraws),
                            .recounted = uuid_equal(&former.id, &change->id)};
    const struct list none = {0};
    const struct list *after = lesson.withdrawn ? &none : &change->exceptions;
    const struct register_exception *before = former.exceptions.items, *now = after->items;
    size_t count = 0;
    lesson.moved = !lesson.withdrawn && !is_same_lesson(&lesson.before, &lesson.now);
    for (size_t i = 0; i < former.exceptions.count; i++)
        count +=
            add_change(&lesson, &before[i], find_learner(after, &before[i].learner), &rows[count]);
    for (size_t i = 0; i < after->count; i++)
        if (!find_learner(&former.exceptions, &now[i].learner))
            count += add_change(&lesson, NULL, &now[i], &rows[count]);
    return count;
}

size_t absence_changes(const struct absence_change *change, struct feed_fact *row)
{
    struct feed_facts lesson = {.class = change->class,
                                .subject = change->subject,
                                .date = change->date,
                                .lesson = change->lesson,
                                .session = change->session};
    const struct change same = {.before = lesson, .now = lesson};
    const struct register_exception before = {
        change->learner, change->before.code, change->before.minutes, {0}};
    const struct register_exception now = {change->learner, change->code, change->minutes, {0}};
    return add_change(&same, &before, &now, row);
}

/* ---- Rows ---- */

static const struct field row_fields[] = {
    FIELD(feed_row, epoch),
    FIELD(feed_row, xid),
    FIELD(feed_row, seq),
    FIELD(feed_row, time),
    FIELD(feed_row, event),
    FIELD(feed_row, corrects),
    FIELD(feed_row, kind, .values = &feed_kinds),
    FIELD_AS(feed_row, facts.class, "class"),
    FIELD_AS(feed_row, facts.subject, "subject"),
    FIELD_AS(feed_row, facts.date, "date"),
    FIELD_AS(feed_row, facts.lesson, "lesson"),
    FIELD_AS(feed_row, facts.session, "session", .values = &register_sessions),
    FIELD_AS(feed_row, facts.work, "work", .values = &mark_kinds),
    FIELD_AS(feed_row, facts.points, "points"),
    FIELD_AS(feed_row, facts.max_points, "max_points"),
    FIELD_AS(feed_row, facts.value, "value", .values = &mark_values),
    FIELD_AS(feed_row, facts.code, "code", .values = &absence_codes),
    FIELD_AS(feed_row, facts.minutes, "minutes"),
    FIELD_AS(feed_row, before.points, "before_points"),
    FIELD_AS(feed_row, before.max_points, "before_max_points"),
    FIELD_AS(feed_row, before.value, "before_value", .values = &mark_values),
    FIELD_AS(feed_row, before.code, "before_code", .values = &absence_codes),
    FIELD_AS(feed_row, before.minutes, "before_minutes"),
    FIELD(feed_row, child),
    FIELD(feed_row, name),
    FIELD(feed_row, subject_kk),
    FIELD(feed_row, subject_ru),
    FIELD(feed_row, subject_en),
    FIELD(feed_row, locale),
    FIELD(feed_row, read),
};
const struct record feed_row_record = RECORD(feed_row, row_fields);

/* ---- Words ---- */

enum language inbox_language(struct str asked, struct str locale, enum language accepted)
{
    if (str_present(asked))
        return i18n_language_find(asked);
    return str_present(locale) ? i18n_language_find(locale) : accepted;
}

static struct str child_name(const struct feed_row *row, enum language language)
{
    return str_present(row->name) ? row->name : i18n_text(language, MESSAGE_FEED_CHILD);
}

/* The reference data's name, else the catalogue's, else the code. */
static struct str subject_name(const struct feed_row *row, enum language language)
{
    const struct str names[LANGUAGES] = {row->subject_kk, row->subject_ru, row->subject_en};
    if (str_present(names[language]))
        return names[language];
    enum message message = i18n_find("subject", row->facts.subject);
    return message ? i18n_text(language, message) : row->facts.subject;
}

static struct str work_name(enum mark_kind work, enum language language)
{
    static const enum message names[] = {
        [MARK_FORMATIVE] = MESSAGE_WORK_FORMATIVE,
        [MARK_SUMMATIVE_UNIT] = MESSAGE_WORK_SUMMATIVE_UNIT,
        [MARK_SUMMATIVE_TERM] = MESSAGE_WORK_SUMMATIVE_TERM,
    };
    return i18n_text(language, names[work]);
}

static const enum message value_results[] = {
    [MARK_PASS] = MESSAGE_RESULT_PASS,
    [MARK_FAIL] = MESSAGE_RESULT_FAIL,
    [MARK_EXEMPT] = MESSAGE_RESULT_EXEMPT,
    [MARK_NOT_ATTESTED] = MESSAGE_RESULT_NOT_ATTESTED,
};

/* A result by itself: "8 балл 10-нан", "зачёт". */
static void add_result(struct buf *out, enum language language, const struct feed_facts *facts)
{
    if (facts->points.present)
        i18n_format(out, language, MESSAGE_RESULT_POINTS,
                    I18N_NUMBER("points", facts->points.value),
                    I18N_NUMBER("max", facts->max_points.value));
    else
        buf_add_str(out, i18n_text(language, value_results[facts->value]));
}

static void add_code(struct buf *out, enum language language, enum absence_code code)
{
    static const enum message names[ABSENCE_CODES] = {
        [0] = MESSAGE_ABSENCE_CODE_PRESENT,
        [ABSENCE_UNEXCUSED] = MESSAGE_ABSENCE_CODE_ABSENT_UNEXCUSED,
        [ABSENCE_ILL] = MESSAGE_ABSENCE_CODE_ABSENT_ILL,
        [ABSENCE_EXCUSED] = MESSAGE_ABSENCE_CODE_ABSENT_EXCUSED,
        [ABSENCE_LATE] = MESSAGE_ABSENCE_CODE_LATE,
        [ABSENCE_REMOTE] = MESSAGE_ABSENCE_CODE_REMOTE,
        [ABSENCE_EXEMPT] = MESSAGE_ABSENCE_CODE_EXEMPT,
    };
    buf_add_str(out, i18n_text(language, names[code]));
}

static void add_lesson(struct buf *out, enum language language, const struct feed_row *row)
{
    static const enum message sessions[] = {
        [SESSION_DAY] = MESSAGE_SESSION_DAY,
        [SESSION_AM] = MESSAGE_SESSION_AM,
        [SESSION_PM] = MESSAGE_SESSION_PM,
    };
    if (!row->facts.lesson.present)
        buf_add_str(out, i18n_text(language, sessions[row->facts.session]));
    else if (str_present(row->facts.subject))
        i18n_format(out, language, MESSAGE_LESSON_SUBJECT,
                    I18N_STR("subject", subject_name(row, language)),
                    I18N_NUMBER("number", row->facts.lesson.value));
    else
        i18n_format(out, language, MESSAGE_LESSON_NUMBER,
                    I18N_NUMBER("number", row->facts.lesson.value));
}

/* ---- Sentences ---- */

static bool same_result(const struct feed_facts *a, const struct feed_facts *b)
{
    return a->points.present == b->points.present && a->points.value == b->points.value &&
           a->max_points.value == b->max_points.value && a->value == b->value;
}

static enum message mark_message(const struct feed_row *row)
{
    static const enum message by_work[] = {
        [MARK_FORMATIVE] = MESSAGE_FEED_MARK_FORMATIVE,
        [MARK_SUMMATIVE_UNIT] = MESSAGE_FEED_MARK_SUMMATIVE_UNIT,
        [MARK_SUMMATIVE_TERM] = MESSAGE_FEED_MARK_SUMMATIVE_TERM,
    };
    static const enum message by_value[] = {
        [MARK_PASS] = MESSAGE_FEED_MARK_PASS,
        [MARK_FAIL] = MESSAGE_FEED_MARK_FAIL,
        [MARK_EXEMPT] = MESSAGE_FEED_MARK_EXEMPT,
        [MARK_NOT_ATTESTED] = MESSAGE_FEED_MARK_NOT_ATTESTED,
    };
    switch (row->kind) {
    case FEED_MARK_RETRACTED:
        return MESSAGE_FEED_MARK_RETRACTED;
    case FEED_MARK_WITHDRAWN:
        return MESSAGE_FEED_MARK_WITHDRAWN;
    case FEED_MARK_CORRECTED:
        return same_result(&row->facts, &row->before) ? MESSAGE_FEED_MARK_CORRECTED_DETAILS
                                                      : MESSAGE_FEED_MARK_CORRECTED;
    default:
        return row->facts.value ? by_value[row->facts.value] : by_work[row->facts.work];
    }
}

static void mark_text(struct buf *out, enum language language, const struct feed_row *row)
{
    CLEANUP(buf_done) struct buf before = {0};
    CLEANUP(buf_done) struct buf now = {0};
    add_result(&before, language, &row->before);
    add_result(&now, language, &row->facts);
    i18n_format(out, language, mark_message(row), I18N_STR("child", child_name(row, language)),
                I18N_DATE("date", row->facts.date),
                I18N_STR("subject", subject_name(row, language)),
                I18N_STR("work", work_name(row->facts.work, language)),
                I18N_NUMBER("points", row->facts.points.value),
                I18N_NUMBER("max", row->facts.max_points.value), I18N_STR("old", buf_str(&before)),
                I18N_STR("new", buf_str(&now)));
}

static enum message absence_message(const struct feed_row *row)
{
    static const enum message by_code[ABSENCE_CODES] = {
        [ABSENCE_UNEXCUSED] = MESSAGE_ABSENCE_ABSENT_UNEXCUSED,
        [ABSENCE_ILL] = MESSAGE_ABSENCE_ABSENT_ILL,
        [ABSENCE_EXCUSED] = MESSAGE_ABSENCE_ABSENT_EXCUSED,
        [ABSENCE_LATE] = MESSAGE_ABSENCE_LATE,
        [ABSENCE_REMOTE] = MESSAGE_ABSENCE_REMOTE,
        [ABSENCE_EXEMPT] = MESSAGE_ABSENCE_EXEMPT,
    };
    switch (row->kind) {
    case FEED_ABSENCE_RECODED:
        return MESSAGE_ABSENCE_RECODED;
    case FEED_ABSENCE_WITHDRAWN:
        return MESSAGE_ABSENCE_WITHDRAWN;
    case FEED_ABSENCE_RETRACTED:
        return MESSAGE_ABSENCE_RETRACTED;
    default:
        return row->facts.minutes.present ? MESSAGE_ABSENCE_LATE_MINUTES : by_code[row->facts.code];
    }
}

static void absence_text(struct buf *out, enum language language, const struct feed_row *row)
{
    CLEANUP(buf_done) struct buf lesson = {0};
    CLEANUP(buf_done) struct buf before = {0};
    CLEANUP(buf_done) struct buf now = {0};
    add_lesson(&lesson, language, row);
    add_code(&before, language, row->before.code);
    add_code(&now, language, row->facts.code);
    i18n_format(out, language, absence_message(row), I18N_STR("child", child_name(row, language)),
                I18N_DATE("date", row->facts.date), I18N_STR("lesson", buf_str(&lesson)),
                I18N_NUMBER("minutes", row->facts.minutes.value), I18N_STR("old", buf_str(&before)),
                I18N_STR("new", buf_str(&now)));
}

void feed_text(struct buf *out, enum language language, const struct feed_row *row)
{
    if (row->kind <= FEED_MARK_RETRACTED)
        mark_text(out, language, row);
    else
        absence_text(out, language, row);
}

/* ---- Items ---- */

struct str feed_position_text(int64_t epoch, int64_t xid, int64_t seq, struct arena *arena)
{
    return str_from(
        arena_printf(arena, "%lld.%lld.%lld", (long long)epoch, (long long)xid, (long long)seq));
}

struct feed_item feed_item_of(const struct feed_row *row, enum language language,
                              struct arena *arena)
{
    CLEANUP(buf_done) struct buf text = {0};
    bool retracts = row->kind == FEED_MARK_RETRACTED || row->kind == FEED_ABSENCE_RETRACTED;
    feed_text(&text, language, row);
    return (struct feed_item){
        .id = row->event,
        .position = feed_position_text(row->epoch, row->xid, row->seq, arena),
        .child = {row->child, row->name},
        .kind = row->kind,
        .time = row->time,
        .text = str_copy(arena, buf_str(&text)),
        .facts = row->facts,
        .before = row->before,
        .corrects = row->corrects,
        .retracts = retracts ? row->event : (struct uuid){{0}},
        .read = row->read,
    };
}
