/* The rules of the feed that need no database: which facts are news, and how a row reads in each
 * language. Pure. */
#ifndef NOTIFY_DOMAIN_H
#define NOTIFY_DOMAIN_H

#include "contracts/notify.h"
#include "i18n/i18n.h"

/* A fact on its way into the feed. */
struct feed_fact {
    struct instant time;
    struct uuid learner, event;
    struct uuid corrects; /* the event that it takes the place of: of a mark; */
    struct uuid previous; /* of an absence it is found: the register that was changed, or nil */
    enum feed_kind kind;
    struct feed_facts facts, before; /* before: a mark's points to value, an absence's code and
                                        minutes, as they were; absent: was there */
};
struct feed_marks {
    struct feed_fact *items;
    size_t count;
};

/* A register, or an absence in it, that was changed. */
struct feed_change {
    struct uuid event, previous;
};
struct feed_absences {
    struct feed_fact *items;
    size_t count;
    struct feed_change *changes; /* those of the items, and those that are news to nobody */
    size_t change_count;
};

/* An event that is taken back. */
struct feed_retracted {
    struct uuid event;
    struct uuid learner; /* of a mark; nil: an event of registers */
};

/* A row of the feed as it is read (schema/0001_init.sql, feed_shown). */
struct feed_row {
    int64_t epoch, xid, seq; /* epoch 0: none */
    struct instant time;
    struct uuid event, corrects;
    enum feed_kind kind;
    struct feed_facts facts, before;
    struct uuid child;
    struct str name;                               /* given name; absent: not known yet */
    struct str subject_kk, subject_ru, subject_en; /* of the reference data */
    struct str locale;                             /* of the reader's account */
    bool read;
};
extern const struct record feed_row_record;

/* Whether guardians hear of it: remote and exempt count as there. */
bool absence_is_news(enum absence_code code);

/* The fact of a mark's event. */
struct feed_fact mark_fact(const struct mark *mark, struct instant time, enum feed_kind kind);

/* Absences are given without the time, the event and what it changes, which are those of all its
 * rows. This is one of a register that was taken. */
struct feed_fact absence_fact(const struct lesson_register *taken,
                              const struct register_exception *exception);

/* A register that replaces or withdraws one: a row for each learner for whom something changed that
 * is news, or was. Where the lesson moved, too, the former absence is void and the present one is
 * recorded. At most as many as there are exceptions in both; returns how many. */
size_t register_changes(const struct lesson_register *change, struct feed_fact *rows);

/* A re-coded absence: a row, or none (0). */
size_t absence_changes(const struct absence_change *change, struct feed_fact *row);

/* The first that is known: what the request asks for (`?language=`), what the account says, what
 * Accept-Language gives. */
enum language inbox_language(struct str asked, struct str locale, enum language accepted);

/* Appends what a guardian reads. */
void feed_text(struct buf *out, enum language language, const struct feed_row *row);

/* The item as it is answered and sent; texts in the arena. */
struct feed_item feed_item_of(const struct feed_row *row, enum language language,
                              struct arena *arena);

/* "epoch.xid.seq" */
struct str feed_position_text(int64_t epoch, int64_t xid, int64_t seq, struct arena *arena);

#endif
