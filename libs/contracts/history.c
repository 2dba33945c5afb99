#include "contracts/history.h"

static const struct field survivors_fields[] = {
    FIELD(survivors, epoch, .required = true),
    FIELD(survivors, from_xid, .required = true),
    FIELD(survivors, to_xid, .required = true),
};
const struct record survivors_record = RECORD(survivors, survivors_fields);

static const struct field history_fields[] = {
    FIELD(history_rewound, epoch, .required = true,
          .about = "The one that begins: Unix time in microseconds, or more."),
    FIELD(history_rewound, cut, .required = true,
          .about = "What older epochs sent above this position counts no more, but for survivors."),
    FIELD(history_rewound, system, .required = true),
    FIELD(history_rewound, started, .required = true),
    FIELD(history_rewound, part),
    FIELD(history_rewound, parts),
    FIELD(history_rewound, from),
    FIELD(history_rewound, to),
    FIELD(history_rewound, survivors, .max = 1000, .record = &survivors_record,
          .about = "Runs above the cut that are still there."),
    FIELD(history_rewound, cut_offset),
};
const struct record history_rewound_event = RECORD(history_rewound, history_fields);

static bool among_survivors(const struct history_rewound *rewound, const struct position *position)
{
    const struct survivors *runs = rewound->survivors.items;
    for (size_t i = 0; i < rewound->survivors.count; i++)
        if (runs[i].epoch == position->epoch && runs[i].from_xid <= position->xid &&
            position->xid <= runs[i].to_xid)
            return true;
    return false;
}

bool history_is_ghost(const struct history_rewound *rewound, const struct position *position)
{
    struct position cut = {0}, from = {0}, to = {INT64_MAX, 0, 0, 0};
    position_parse(rewound->cut, &cut);
    position_parse(rewound->from, &from);
    position_parse(rewound->to, &to);
    cut.index = from.index = INT32_MAX; /* they name whole rows */
    to.index = INT32_MAX;
    return position->epoch < rewound->epoch && position_compare(position, &cut) > 0 &&
           position_compare(position, &from) > 0 && position_compare(position, &to) <= 0 &&
           !among_survivors(rewound, position);
}
