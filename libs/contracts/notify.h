/* The inbox of a guardian: what GET /v1/inbox answers and GET /v1/inbox/stream sends.
 *
 * An item is one row of a child's feed: a fact of marks or attendance in the reader's language,
 * with the facts beside the text. `position` names the item and orders all of them; `id` is that of
 * the fact at its source, of which several items may speak (a retraction, two children in one
 * register). */
#ifndef CONTRACTS_NOTIFY_H
#define CONTRACTS_NOTIFY_H

#include "contracts/marks.h"
#include "contracts/registers.h"

/* Marks first, attendance behind: the right that an item needs follows from it. */
enum feed_kind {
    FEED_MARK_RECORDED = 1,
    FEED_MARK_CORRECTED,
    FEED_MARK_WITHDRAWN,
    FEED_MARK_RETRACTED, /* the source took it back: what was said before is void */
    FEED_ABSENCE_RECORDED,
    FEED_ABSENCE_RECODED, /* without a `code`: present after all */
    FEED_ABSENCE_WITHDRAWN,
    FEED_ABSENCE_RETRACTED
};
extern const struct values feed_kinds;

struct feed_child {
    struct uuid id;
    struct str name; /* given name; absent: not known yet */
};

/* Of a mark: work to value; of an absence: session, code, minutes. */
struct feed_facts {
    struct uuid class;
    struct str subject;
    struct date date;
    struct optional lesson;
    enum register_session session;
    enum mark_kind work;
    struct optional points, max_points;
    enum mark_value value;
    enum absence_code code;
    struct optional minutes;
};

struct feed_item {
    struct uuid id;
    struct str position; /* "epoch.xid.seq": the stream's `id:`, what `after` and `read` take */
    struct feed_child child;
    enum feed_kind kind;
    struct instant time; /* when its source committed it */
    struct str text;
    struct feed_facts facts;
    struct feed_facts before; /* points to value, or code and minutes: as it was */
    struct uuid corrects;     /* `id` of the item of this child that it takes the place of */
    struct uuid retracts;
    bool read;
};
extern const struct record feed_stream_item; /* without `read`: a frame is shared by its readers */
extern const struct record feed_inbox_item;

/* GET /v1/inbox/children */
struct inbox_child {
    struct uuid id;
    struct str name;
    int32_t unread;      /* at most 100 are counted */
    struct str position; /* read up to here; absent: nothing yet */
};
extern const struct record inbox_child_item;

/* POST /v1/inbox/read: this child's items up to `position` were read. */
struct inbox_read {
    struct uuid child;
    struct str position;
};
extern const struct record inbox_read_item;

#endif
