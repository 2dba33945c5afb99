/* What the three files of gather share: gather.c lets requests in and lines them up, gather_call.c
 * takes their items to PostgreSQL, gather_answer.c writes the answers. */
#ifndef SERVICE_GATHER_INTERNAL_H
#define SERVICE_GATHER_INTERNAL_H

#include "base/metric.h"
#include "service/gather.h"

enum {
    GATHER_CALL_ITEMS = 2000,
    GATHER_DRY_ITEMS = 5000, /* a whole batch */
    GATHER_CALL_BYTES = 2 * 1024 * 1024,
    GATHER_TURN_ITEMS = 100, /* of one caller before the next one's turn */
    GATHER_MOST_BYTES = 64 * 1024 * 1024,
    GATHER_CALLER_BYTES = 16 * 1024 * 1024,
    GATHER_MOST_WAIT_US = 500 * 1000,
    GATHER_PATIENCE_US = 10 * 1000 * 1000, /* with a connection that is lost */
    GATHER_PAUSE_MS = 50,                  /* before the call is made again on a new connection */
    GATHER_REPEATS = 3,                    /* after ERROR_SERIALIZE */
    GATHER_SPLITS = 64,                    /* failed calls in search of the items behind it */
    GATHER_ROUNDS = 16,                    /* of a call; what would need more waits for the next */
    GATHER_NAMES = 3,                      /* ids that an item is or names, at most */
    GATHER_NAME_SLOTS = 32768,             /* of a call; a power of 2 */
    GATHER_MOST_OUTCOMES = 8
};

/* ---- A request in line ---- */

/* What is said about an item beyond its outcome. Lives in the request's arena. */
struct finding {
    const char *pointer, *code;
    struct uuid existing;
    bool retriable;
    struct finding *next;
};

struct fate {
    uint8_t outcome; /* 0: none yet; n: entrance->outcomes[n - 1] */
    struct uuid canonical;
    struct finding *findings;
};

/* A request whose items wait or are with PostgreSQL. Lives in the request's arena. */
struct waiter {
    struct http_request *request;
    struct lane *lane;
    struct batch batch;
    struct fate *fates;    /* of each item */
    size_t next;           /* the first item that no call has taken yet */
    size_t open;           /* items without an outcome */
    size_t decided;        /* items whose outcome came from PostgreSQL */
    enum error failure;    /* why some could not be decided */
    size_t item_bytes;     /* on average */
    size_t bytes;          /* that it keeps in memory */
    bool only_problems;    /* ?results=problems */
    uint64_t in_part;      /* number of the part that `caller` is of */
    int32_t caller;        /* its index there */
    uint32_t taken_by;     /* number of the call that `last` is of */
    uint32_t last;         /* the latest round of its items there */
    struct waiter *behind; /* in its caller's line, or of those that are to be answered */
    struct waiter *previous, *following; /* of all unanswered ones */
};

/* The requests of one caller at one entrance. */
struct caller {
    struct uuid id;
    struct waiter *first, **end; /* in line; where the next one goes */
    size_t items, bytes;         /* waiting */
    struct caller *behind;
};

/* Callers with requests, the one whose turn it is first. */
struct line {
    struct caller *first, *last;
};
void line_add(struct line *line, struct caller *caller);
struct caller *line_take(struct line *line); /* the first; there must be one */

/* An entrance as it is called: for good, or dry. */
struct lane {
    const struct entrance *entrance;
    bool dry;
    uint8_t rejected;                             /* as in fate.outcome */
    struct metric *metrics[GATHER_MOST_OUTCOMES]; /* of each outcome */
    struct line line;
    struct lane *next;
};

/* ---- The call ---- */

/* An item of a call. */
struct ref {
    struct waiter *waiter;
    uint32_t index; /* in its batch */
    uint32_t place; /* in the call, as it was taken */
    uint32_t round; /* of the call, from 0 on */
};

/* What an item of a call is or names. */
struct name {
    struct uuid id;
    uint32_t call;  /* its number; another one's: the slot is free */
    uint32_t next;  /* the first round of a further item that is it */
    uint32_t named; /* of one that names it */
};

struct range {
    size_t from, count;
};

/* One call at a time: a run of items that is taken as a whole, or in parts where it fails. */
struct call {
    struct gather *gather; /* NULL: gather is gone, only the answer is awaited */
    struct lane *lane;
    struct ref refs[GATHER_DRY_ITEMS];
    size_t count, bytes;
    uint32_t number;
    uint32_t rounds;                      /* that its items need */
    struct name names[GATHER_NAME_SLOTS]; /* by hash */
    uint64_t salt[2];                     /* random: nobody chooses ids that meet in one slot */
    struct range parts[64]; /* still to be made, the last one first; a halving adds one */
    size_t part_count;
    struct range part; /* with PostgreSQL now */
    bool sent;         /* its answer is awaited */
    bool unknown;      /* a connection broke in mid-call of this part */
    int repeats, splits;
    int64_t begun_us, sent_us;
    struct arena arena; /* parameters of the part */
    struct buf heads;
    struct params params;
    const struct statement *statement;
};

struct gather {
    struct process *process;
    struct lane *lanes; /* the next one to be served first */
    struct call *call;
    bool busy;
    uint64_t part_number;
    int64_t call_us; /* what a call takes, a moving average */
    size_t waiting_bytes;
    struct waiter *waiters;  /* all unanswered ones */
    struct waiter *finished; /* to be answered once the next call is under way */
    struct loop_timer *pause;
    struct buf answer;
};

/* Takes items of the lane that has some and sends them; `gather->busy` until call_ended. */
void call_begin(struct gather *gather, struct lane *lane);
void call_repeat(void *gather); /* of the timer */
void call_ended(struct gather *gather);
void call_free(struct call *call);

/* The item has its outcome; the waiter is finished with its last one. */
void waiter_settle(struct waiter *waiter, uint32_t index, uint8_t outcome);
void waiter_find(struct waiter *waiter, uint32_t index, const struct finding *finding);

/* Writes the answer; the waiter is gone. `out` is scratch. */
void waiter_answer(struct waiter *waiter, struct buf *out);

extern struct metric gather_calls, gather_call_time, gather_repeats, gather_waiting, gather_refused;

#endif
