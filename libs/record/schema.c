#include "record/schema.h"

#include <string.h>

#include "base/json.h"
#include "record/decode_internal.h"

/* ---- The set and its names ---- */

static bool has(const struct schemas *schemas, const struct record *record, enum schema_side side)
{
    for (size_t i = 0; i < schemas->count; i++)
        if (schemas->items[i].record == record && schemas->items[i].side == side)
            return true;
    return false;
}

static void ensure_only_one_of_the_name(const struct schemas *schemas, const struct record *record)
{
    for (size_t i = 0; i < schemas->count; i++)
        ensure(schemas->items[i].record == record ||
               strcmp(schemas->items[i].record->table, record->table) != 0);
}

void schemas_add(struct schemas *schemas, const struct record *record, enum schema_side side)
{
    if (has(schemas, record, side))
        return;
    ensure(schemas->count < SCHEMAS_MAX);
    ensure_only_one_of_the_name(schemas, record);
    schemas->items[schemas->count].record = record;
    schemas->items[schemas->count++].side = side;
    for (size_t i = 0; i < record->count; i++)
        if (record->fields[i].record)
            schemas_add(schemas, record->fields[i].record, side);
}

static void add_name(const struct schemas *schemas, const struct record *record,
                     enum schema_side side, struct buf *out)
{
    static const struct str tail = STR("_fields");
    struct str name = str_from(record->table);
    ensure(name.len > tail.len);
    buf_add_str(out, (struct str){name.ptr, name.len - tail.len});
    if (side == SCHEMA_SENT && has(schemas, record, SCHEMA_SHOWN))
        buf_add_text(out, "_sent");
}

void schemas_refer(const struct schemas *schemas, const struct record *record,
                   enum schema_side side, struct buf *out)
{
    CLEANUP(buf_done) struct buf reference = {0};
    ensure(has(schemas, record, side));
    buf_add_text(&reference, schemas->at);
    add_name(schemas, record, side, &reference);
    json_str(out, "$ref", buf_str(&reference));
}

/* ---- Fields: what decode.c and member_in.c take ---- */

/* A field on its way into the document. */
struct drawing {
    const struct schemas *schemas;
    const struct field *field;
    enum schema_side side;
    struct buf *out;
};

static bool may_be_null(const struct drawing *drawing)
{
    return drawing->side == SCHEMA_SENT && !drawing->field->required;
}

static void draw_type(const struct drawing *drawing, const char *type)
{
    if (!may_be_null(drawing)) {
        json_text(drawing->out, "type", type);
        return;
    }
    json_begin(drawing->out, "type", '[');
    json_text(drawing->out, NULL, type);
    json_text(drawing->out, NULL, "null");
    json_end(drawing->out, ']');
}

static void draw_bool(const struct drawing *drawing)
{
    draw_type(drawing, "boolean");
}

static void draw_number(const struct drawing *drawing)
{
    struct range range = field_range(drawing->field);
    draw_type(drawing, "integer");
    json_text(drawing->out, "format", drawing->field->type == FIELD_BIGINT ? "int64" : "int32");
    json_number(drawing->out, "minimum", range.min);
    json_number(drawing->out, "maximum", range.max);
}

static void draw_names(const struct values *values, bool null, struct buf *out)
{
    json_begin(out, "enum", '[');
    for (size_t i = 0; i < values->count; i++)
        json_text(out, NULL, values->items[i].name);
    if (null)
        json_raw(out, NULL, STR("null"));
    json_end(out, ']');
}

static void draw_enum(const struct drawing *drawing)
{
    draw_type(drawing, "string");
    draw_names(drawing->field->values, may_be_null(drawing), drawing->out);
}

static void draw_uuid_form(struct buf *out)
{
    json_text(out, "format", "uuid");
    json_text(out, "pattern", "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$");
}

static void draw_uuid(const struct drawing *drawing)
{
    draw_type(drawing, "string");
    draw_uuid_form(drawing->out);
}

static void draw_text_rule(enum text_rule rule, struct buf *out)
{
    static const char *const patterns[] = {
        [TEXT_LINE] = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        [TEXT_FREE] = "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*$",
        [TEXT_CODE] = "^[a-z0-9_.:-]*$",
    };
    json_text(out, "pattern", patterns[rule]);
}

static void draw_text(const struct drawing *drawing)
{
    const struct field *field = drawing->field;
    struct range range = field_range(field);
    draw_type(drawing, "string");
    json_number(drawing->out, "maxLength", range.max);
    if (drawing->side == SCHEMA_SHOWN)
        return;
    json_number(drawing->out, "minLength", field->required ? MAX_OF(range.min, 1) : range.min);
    draw_text_rule(field->text, drawing->out);
}

static void draw_date(const struct drawing *drawing)
{
    draw_type(drawing, "string");
    json_text(drawing->out, "format", "date");
    json_text(drawing->out, "pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
}

static void draw_instant(const struct drawing *drawing)
{
    draw_type(drawing, "string");
    json_text(drawing->out, "format", "date-time");
}

/* Up to the schema of the items, which the caller fills and ends. */
static void begin_items(const struct drawing *drawing)
{
    struct range range = field_range(drawing->field);
    draw_type(drawing, "array");
    json_number(drawing->out, "minItems", range.min);
    json_number(drawing->out, "maxItems", range.max);
    json_begin(drawing->out, "items", '{');
}

static void draw_uuids(const struct drawing *drawing)
{
    begin_items(drawing);
    json_text(drawing->out, "type", "string");
    draw_uuid_form(drawing->out);
    json_end(drawing->out, '}');
}

static void draw_texts(const struct drawing *drawing)
{
    static const struct field element = {.type = FIELD_TEXT};
    begin_items(drawing);
    json_text(drawing->out, "type", "string");
    json_number(drawing->out, "minLength", 1);
    json_number(drawing->out, "maxLength", field_range(&element).max);
    draw_text_rule(drawing->field->text, drawing->out);
    json_end(drawing->out, '}');
}

static void draw_enum_set(const struct drawing *drawing)
{
    begin_items(drawing);
    json_text(drawing->out, "type", "string");
    draw_names(drawing->field->values, false, drawing->out);
    json_end(drawing->out, '}');
}

static void draw_list(const struct drawing *drawing)
{
    begin_items(drawing);
    schemas_refer(drawing->schemas, drawing->field->record, drawing->side, drawing->out);
    json_end(drawing->out, '}');
}

/* AsyncAPI takes nothing beside a "$ref". */
static void draw_nested(const struct drawing *drawing)
{
    const struct record *record = drawing->field->record;
    if (!may_be_null(drawing) && !drawing->field->about) {
        schemas_refer(drawing->schemas, record, drawing->side, drawing->out);
        return;
    }
    json_begin(drawing->out, may_be_null(drawing) ? "anyOf" : "allOf", '[');
    json_begin(drawing->out, NULL, '{');
    schemas_refer(drawing->schemas, record, drawing->side, drawing->out);
    json_end(drawing->out, '}');
    if (may_be_null(drawing))
        json_raw(drawing->out, NULL, STR("{\"type\":\"null\"}"));
    json_end(drawing->out, ']');
}

/* FIELD_BYTES is not for JSON. */
static void (*const drawers[])(const struct drawing *drawing) = {
    [FIELD_BOOL] = draw_bool,       [FIELD_INT] = draw_number,    [FIELD_BIGINT] = draw_number,
    [FIELD_OPTIONAL] = draw_number, [FIELD_ENUM] = draw_enum,     [FIELD_ENUM_SET] = draw_enum_set,
    [FIELD_UUID] = draw_uuid,       [FIELD_TEXT] = draw_text,     [FIELD_DATE] = draw_date,
    [FIELD_INSTANT] = draw_instant, [FIELD_UUIDS] = draw_uuids,   [FIELD_TEXTS] = draw_texts,
    [FIELD_LIST] = draw_list,       [FIELD_NESTED] = draw_nested, [FIELD_BYTES] = NULL,
};

/* ---- Records ---- */

static void draw_field(const struct drawing *drawing)
{
    if (!drawers[drawing->field->type])
        return;
    json_begin(drawing->out, drawing->field->name, '{');
    drawers[drawing->field->type](drawing);
    if (drawing->field->about)
        json_text(drawing->out, "description", drawing->field->about);
    json_end(drawing->out, '}');
}

static void draw_required(const struct record *record, struct buf *out)
{
    json_begin(out, "required", '[');
    for (size_t i = 0; i < record->count; i++)
        if (record->fields[i].required && drawers[record->fields[i].type])
            json_text(out, NULL, record->fields[i].name);
    json_end(out, ']');
}

static void draw_record(const struct schemas *schemas, size_t index, struct buf *out)
{
    const struct record *record = schemas->items[index].record;
    struct drawing drawing = {schemas, NULL, schemas->items[index].side, out};
    json_text(out, "type", "object");
    if (record->rules)
        json_text(out, "description", record->rules);
    json_begin(out, "properties", '{');
    for (size_t i = 0; i < record->count; i++) {
        drawing.field = &record->fields[i];
        draw_field(&drawing);
    }
    json_end(out, '}');
    draw_required(record, out);
    if (drawing.side == SCHEMA_SENT)
        json_flag(out, "additionalProperties", false);
}

void schemas_print(const struct schemas *schemas, struct buf *out)
{
    for (size_t i = 0; i < schemas->count; i++) {
        CLEANUP(buf_done) struct buf name = {0};
        add_name(schemas, schemas->items[i].record, schemas->items[i].side, &name);
        buf_add_char(&name, '\0');
        json_begin(out, name.ptr, '{');
        draw_record(schemas, i, out);
        json_end(out, '}');
    }
}
