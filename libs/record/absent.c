#include "record/decode_internal.h"

static bool bool_is_zero(const struct field *field, const void *member)
{
    (void)field;
    return !*(const bool *)member;
}

static bool int_is_zero(const struct field *field, const void *member)
{
    (void)field;
    return *(const int32_t *)member == 0;
}

static bool bigint_is_zero(const struct field *field, const void *member)
{
    (void)field;
    return *(const int64_t *)member == 0;
}

static bool optional_is_zero(const struct field *field, const void *member)
{
    (void)field;
    return !((const struct optional *)member)->present;
}

static bool bits_are_zero(const struct field *field, const void *member)
{
    (void)field;
    return *(const uint32_t *)member == 0;
}

static bool uuid_is_zero(const struct field *field, const void *member)
{
    (void)field;
    return !uuid_present(member);
}

static bool text_is_zero(const struct field *field, const void *member)
{
    (void)field;
    return !str_present(*(const struct str *)member);
}

static bool uuids_are_zero(const struct field *field, const void *member)
{
    (void)field;
    return ((const struct uuids *)member)->count == 0;
}

static bool texts_are_zero(const struct field *field, const void *member)
{
    (void)field;
    return ((const struct strs *)member)->count == 0;
}

static bool list_is_zero(const struct field *field, const void *member)
{
    (void)field;
    return ((const struct list *)member)->count == 0;
}

static bool nested_is_zero(const struct field *field, const void *member);

/* What a zero says: nothing; nothing unless the field has to be there; or 0, where 0 is in range.
 */
enum zero { ZERO_ABSENT, ZERO_EMPTY, ZERO_NUMBER };

static const struct {
    bool (*is_zero)(const struct field *field, const void *member);
    enum zero zero;
} kinds[] = {
    [FIELD_BOOL] = {bool_is_zero, ZERO_NUMBER},
    [FIELD_INT] = {int_is_zero, ZERO_NUMBER},
    [FIELD_BIGINT] = {bigint_is_zero, ZERO_NUMBER},
    [FIELD_OPTIONAL] = {optional_is_zero, ZERO_ABSENT},
    [FIELD_ENUM] = {bits_are_zero, ZERO_ABSENT},
    [FIELD_ENUM_SET] = {bits_are_zero, ZERO_EMPTY},
    [FIELD_UUID] = {uuid_is_zero, ZERO_ABSENT},
    [FIELD_TEXT] = {text_is_zero, ZERO_ABSENT},
    [FIELD_DATE] = {int_is_zero, ZERO_ABSENT},
    [FIELD_INSTANT] = {bigint_is_zero, ZERO_ABSENT},
    [FIELD_UUIDS] = {uuids_are_zero, ZERO_EMPTY},
    [FIELD_TEXTS] = {texts_are_zero, ZERO_EMPTY},
    [FIELD_LIST] = {list_is_zero, ZERO_EMPTY},
    [FIELD_BYTES] = {text_is_zero, ZERO_ABSENT},
    [FIELD_NESTED] = {nested_is_zero, ZERO_EMPTY},
};

static bool nested_is_zero(const struct field *field, const void *member)
{
    bool zero = true;
    for (size_t i = 0; i < field->record->count && zero; i++) {
        const struct field *inner = &field->record->fields[i];
        zero = kinds[inner->type].is_zero(inner, field_get(inner, member));
    }
    return zero;
}

bool field_absent(const struct field *field, const void *item)
{
    if (!kinds[field->type].is_zero(field, field_get(field, item)))
        return false;
    struct range range = field_range(field);
    switch (kinds[field->type].zero) {
    case ZERO_EMPTY:
        return !field->required;
    case ZERO_NUMBER:
        return !field->required && (range.min > 0 || range.max < 0);
    case ZERO_ABSENT:
        break;
    }
    return true;
}
