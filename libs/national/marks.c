#include "national/marks.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "national/day_internal.h"

/* From 1 September 2025, the first year under the edition of 30 April 2025. Facts before it are
 * refused at the door (calendar_oldest_taken), so older editions are not needed here. A new edition
 * is one more row with its `from`; the last row that has begun and fits counts. */
#define EDITION_2025 DAY(2025, 9, 1)

static const char order_125[] = "order 125 of 18 March 2008, edition of 30 April 2025";

/* Half up: the exact value and a half, cut off. Nothing here is negative. */
static int64_t round_half_up(int64_t numerator, int64_t denominator)
{
    return (2 * numerator + denominator) / (2 * denominator);
}

/* ---- Limits ---- */

struct limits_row {
    struct date from;
    enum work_kind kind;
    int grade_min, grade_max;
    struct marks_limits limits;
};

static const struct limits_row limits_rows[] = {
    {EDITION_2025, WORK_FORMATIVE, 2, 12, {1, 10, 10, 10, order_125}},
    {EDITION_2025, WORK_SUMMATIVE_UNIT, 2, 4, {0, 15, 7, 15, order_125}},
};

struct marks_limits marks_limits(enum work_kind kind, int grade, struct date date)
{
    struct marks_limits limits = {0, POINTS_MAX, 1, POINTS_MAX, "no order known"};
    for (size_t i = 0; i < COUNT_OF(limits_rows); i++) {
        const struct limits_row *row = &limits_rows[i];
        if (row->kind == kind && row->from.day <= date.day && grade >= row->grade_min &&
            grade <= row->grade_max)
            limits = row->limits;
    }
    return limits;
}

/* ---- Percent and scale ---- */

int marks_percent(int64_t points, int64_t max_points)
{
    ensure(points >= 0 && max_points > 0 && points <= max_points && max_points <= INT64_MAX / 400);
    return (int)round_half_up(100 * points, max_points);
}

struct scale_row {
    struct date from;
    int grade_min, grade_max;
    int least[3]; /* percent of a 3, a 4, a 5 */
};

static const struct scale_row scale_rows[] = {
    {EDITION_2025, 2, 12, {40, 65, 85}}, /* appendix 1 */
};

int marks_of_percent(int percent, int grade, struct date date)
{
    const struct scale_row *scale = NULL;
    for (size_t i = 0; i < COUNT_OF(scale_rows); i++)
        if (scale_rows[i].from.day <= date.day && grade >= scale_rows[i].grade_min &&
            grade <= scale_rows[i].grade_max)
            scale = &scale_rows[i];
    if (!scale)
        return 0;
    int mark = 2;
    while (mark < 5 && percent >= scale->least[mark - 2])
        mark++;
    return mark;
}

/* ---- Periods ---- */

struct weights_row {
    struct date from;
    enum marks_period period;
    int weights[WORK_KINDS]; /* percent, by kind; together 100 */
};

static const struct weights_row weights_rows[] = {
    {EDITION_2025,
     PERIOD_TERM,
     {[WORK_FORMATIVE] = 25, [WORK_SUMMATIVE_UNIT] = 25, [WORK_SUMMATIVE_TERM] = 50}},
    {EDITION_2025, PERIOD_HALF_YEAR, {[WORK_FORMATIVE] = 50, [WORK_SUMMATIVE_UNIT] = 50}},
};

static const struct weights_row *find_weights(enum marks_period period, struct date date)
{
    const struct weights_row *found = NULL;
    for (size_t i = 0; i < COUNT_OF(weights_rows); i++)
        if (weights_rows[i].period == period && weights_rows[i].from.day <= date.day)
            found = &weights_rows[i];
    return found;
}

struct sums {
    int64_t points[WORK_KINDS], maxima[WORK_KINDS];
};

static struct sums sum_works(const struct marks_work *works, size_t count)
{
    struct sums sums = {0};
    ensure(count <= 1000); /* so that the products below fit */
    for (size_t i = 0; i < count; i++) {
        const struct marks_work *work = &works[i];
        ensure(work->kind > 0 && work->kind < WORK_KINDS && work->points >= 0 &&
               work->max_points > 0 && work->max_points <= POINTS_MAX &&
               work->points <= work->max_points);
        sums.points[work->kind] += work->points;
        sums.maxima[work->kind] += work->max_points;
    }
    return sums;
}

/* weight 1 * points 1 / maxima 1 + ... over one denominator, the product of the maxima: with
 * 1,000 works of 100 points at most (10^5 / 3)^3 * 100, which fits with room. False where a kind
 * that counts has no work. */
static bool weighted_percent(const struct weights_row *rule, const struct sums *sums, int *percent)
{
    int64_t numerator = 0, denominator = 1;
    for (int kind = 1; kind < WORK_KINDS; kind++) {
        if (rule->weights[kind] == 0)
            continue;
        if (sums->maxima[kind] == 0)
            return false;
        numerator =
            numerator * sums->maxima[kind] + rule->weights[kind] * sums->points[kind] * denominator;
        denominator *= sums->maxima[kind];
    }
    *percent = (int)round_half_up(numerator, denominator);
    return true;
}

struct marks_result marks_of_period(enum marks_period period, const struct marks_work *works,
                                    size_t count, int grade, struct date date)
{
    const struct weights_row *rule = find_weights(period, date);
    if (!rule || marks_of_percent(0, grade, date) == 0)
        return (struct marks_result){.status = MARKS_NO_RULE};
    struct sums sums = sum_works(works, count);
    int percent;
    if (!weighted_percent(rule, &sums, &percent))
        return (struct marks_result){.status = MARKS_INCOMPLETE};
    return (struct marks_result){MARKS_DONE, percent, marks_of_percent(percent, grade, date)};
}

int marks_of_year(const int *terms, size_t count)
{
    int64_t sum = 0;
    ensure(count >= 1 && count <= 4);
    for (size_t i = 0; i < count; i++) {
        ensure(terms[i] >= 2 && terms[i] <= 5);
        sum += terms[i];
    }
    return (int)round_half_up(sum, (int64_t)count);
}

int marks_final(int year, int exam)
{
    ensure(year >= 2 && year <= 5 && exam >= 2 && exam <= 5);
    return (int)round_half_up(70 * year + 30 * exam, 100);
}
