#include "contracts/history.h"

static const struct field survivors_fields[] = {
    FIELD(survivors, epoch, .required = true),
    FIELD(survivors, from_xid, .required = true),
    FIELD(survivors, to_xid, .required = true),
};
const struct record survivors_record = RECORD(survivors, survivors_fields);

static const struct field history_fields[] = {
    FIELD(history_rewound, epoch, .required = true),
    FIELD(history_rewound, cut, .required = true),
    FIELD(history_rewound, system, .required = true),
    FIELD(history_rewound, started, .required = true),
    FIELD(history_rewound, part),
    FIELD(history_rewound, parts),
    FIELD(history_rewound, from),
    FIELD(history_rewound, to),
    FIELD(history_rewound, survivors, .max = 1000, .record = &survivors_record),
    FIELD(history_rewound, cut_offset),
};
const struct record history_rewound_event = RECORD(history_rewound, history_fields);
