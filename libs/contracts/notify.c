#include "contracts/notify.h"

#include "contracts/position.h"

static const struct value kind_names[] = {
    {"mark_recorded", FEED_MARK_RECORDED},         {"mark_corrected", FEED_MARK_CORRECTED},
    {"mark_withdrawn", FEED_MARK_WITHDRAWN},       {"mark_retracted", FEED_MARK_RETRACTED},
    {"absence_recorded", FEED_ABSENCE_RECORDED},   {"absence_recoded", FEED_ABSENCE_RECODED},
    {"absence_withdrawn", FEED_ABSENCE_WITHDRAWN}, {"absence_retracted", FEED_ABSENCE_RETRACTED},
};
const struct values feed_kinds = VALUES(kind_names);

static const struct field feed_child_fields[] = {
    FIELD(feed_child, id, .required = true),
    FIELD(feed_child, name, .about = "Given name; absent: not known yet."),
};
static const struct record child_record = RECORD(feed_child, feed_child_fields);

/* What a correction changes. */
#define RESULT                                                                                  \
    FIELD(feed_facts, points, .max = 100), FIELD(feed_facts, max_points, .min = 1, .max = 100), \
        FIELD(feed_facts, value, .values = &mark_values),                                       \
        FIELD(feed_facts, code, .values = &absence_codes,                                       \
              .about = "Of an absence; absent: there after all."),                              \
        FIELD(feed_facts, minutes, .min = 1, .max = 240, .about = "Late by so many.")

static const struct field feed_facts_fields[] = {
    FIELD(feed_facts, class),
    FIELD(feed_facts, subject, .max = 64, .text = TEXT_CODE,
          .about = "Code of the reference data, list `subject`."),
    FIELD(feed_facts, date),
    FIELD(feed_facts, lesson, .min = 1, .max = 11, .about = "Its number in the day."),
    FIELD(feed_facts, session, .values = &register_sessions, .about = "Instead of a lesson."),
    FIELD(feed_facts, work, .values = &mark_kinds, .about = "Of a mark: its kind."),
    RESULT,
};
static const struct record facts_record = RECORD(feed_facts, feed_facts_fields);

static const struct field feed_before_fields[] = {RESULT};
static const struct record before_record = RECORD(feed_facts, feed_before_fields);

#define ITEM                                                                                       \
    FIELD(feed_item, id, .required = true,                                                         \
          .about = "Of the fact at its source, of which several items may speak."),                \
        FIELD(feed_item, position, .max = POSITION_TEXT_LEN, .required = true,                     \
              .about = "Names the item and orders all of them, `epoch.xid.seq`: the `id:` of the " \
                       "stream's event, what `after` and `read` take."),                           \
        FIELD(feed_item, child, .record = &child_record, .required = true),                        \
        FIELD(feed_item, kind, .values = &feed_kinds, .required = true),                           \
        FIELD(feed_item, time, .about = "When its source took it."),                               \
        FIELD(feed_item, text, .max = 1000, .about = "In the reader's language."),                 \
        FIELD(feed_item, facts, .record = &facts_record, .required = true),                        \
        FIELD(feed_item, before, .record = &before_record,                                         \
              .about = "Of a correction: as it was."),                                             \
        FIELD(feed_item, corrects,                                                                 \
              .about = "`id` of the item of this child that it takes the place of."),              \
        FIELD(feed_item, retracts,                                                                 \
              .about = "`id` of the item that its source has taken back: what was said is void.")

static const struct field feed_stream_fields[] = {ITEM};
const struct record feed_stream_item = RECORD(feed_item, feed_stream_fields);

static const struct field feed_inbox_fields[] = {
    ITEM, FIELD(feed_item, read, .about = "By this reader, on whatever device.")};
const struct record feed_inbox_item = RECORD(feed_item, feed_inbox_fields);

static const struct field inbox_child_fields[] = {
    FIELD(inbox_child, id, .required = true),
    FIELD(inbox_child, name),
    FIELD(inbox_child, unread, .required = true, .about = "At most 100 are counted."),
    FIELD(inbox_child, position, .max = POSITION_TEXT_LEN,
          .about = "Read up to here; absent: nothing yet."),
};
const struct record inbox_child_item = RECORD(inbox_child, inbox_child_fields);

static const struct field inbox_read_fields[] = {
    FIELD(inbox_read, child, .required = true),
    FIELD(inbox_read, position, .max = POSITION_TEXT_LEN, .required = true,
          .about = "Of the last item that was read."),
};

static void read_check(const void *item, struct problems *problems)
{
    const struct inbox_read *read = item;
    struct position position;
    if (!position_parse(read->position, &position))
        problem_add(problems, "/position", "bad_position");
}

const struct record inbox_read_item = RECORD(inbox_read, inbox_read_fields, .check = read_check);
