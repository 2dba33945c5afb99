#include "answer.h"

static const struct field finding_fields[] = {
    FIELD(finding, pointer, .max = 1000),
    FIELD(finding, code, .required = true),
    FIELD(finding, title, .max = 1000),
    FIELD(finding, existing),
    FIELD(finding, retriable),
};
static const struct record finding_record = RECORD(finding, finding_fields);

static const struct field result_fields[] = {
    FIELD(result, index, .required = true),
    FIELD(result, id),
    FIELD(result, outcome, .required = true),
    FIELD(result, canonical),
    FIELD(result, errors, .record = &finding_record),
    FIELD(result, warnings, .record = &finding_record),
};
static const struct record result_record = RECORD(result, result_fields);

static const struct field answer_fields[] = {
    FIELD(answer, created),
    FIELD(answer, duplicate),
    FIELD(answer, updated),
    FIELD(answer, unchanged),
    FIELD(answer, matched),
    FIELD(answer, rejected),
    FIELD(answer, results, .required = true, .max = 5000, .record = &result_record),
};
const struct record answer_record = RECORD(answer, answer_fields);

bool answer_may_heal(const struct answer *answer)
{
    const struct result *results = answer->results.items;
    for (size_t i = 0; i < answer->results.count; i++) {
        const struct finding *first = results[i].errors.items;
        if (results[i].errors.count && first->retriable)
            return true;
    }
    return false;
}
