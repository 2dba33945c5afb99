"""Items with one thing wrong each, made from the schemas of the reference: a new field is covered by itself.

Every field of every batch: missing, null, of a wrong type, out of range, too long, empty, no UTF-8, with a NUL, unknown.
A bad item is (item, pointer, code); a text with BROKEN in it is sent as bytes that are no UTF-8.
"""
import copy
import json
import uuid

import msgpack

BROKEN = "\udcff\udcfe"  # surrogateescape: the bytes ff fe
NIL = "00000000-0000-0000-0000-000000000000"

# What fits a schema whose values nobody looks up: field problems are found before anything is.
FITTING = {"uuid": lambda: str(uuid.uuid4()), "date": lambda: "2026-09-01", "date-time": lambda: "2026-09-01T08:00:00Z"}


def type_of(schema):
    kind = schema.get("type")
    return next(k for k in kind if k != "null") if isinstance(kind, list) else kind


def plain(operation, schema):
    """Without reference and null."""
    schema = operation.resolve(schema)
    return plain(operation, schema["anyOf"][0]) if "anyOf" in schema else schema


def fitting(operation, schema):
    schema = plain(operation, schema)
    kind = type_of(schema)
    if kind == "object":
        return {name: fitting(operation, schema["properties"][name]) for name in schema.get("required", ())}
    if kind == "array":
        return [fitting(operation, schema["items"]) for _ in range(max(schema["minItems"], 1))]
    if kind == "integer":
        return max(schema["minimum"], min(1, schema["maximum"]))
    if kind == "boolean":
        return True
    if "enum" in schema:
        return schema["enum"][0]
    return FITTING[schema["format"]]() if "format" in schema else "0" * max(schema["minLength"], 1)


def bad_texts(schema):
    is_code = "a-z0-9" in schema.get("pattern", "")
    yield "x" * (schema["maxLength"] + 1), "too_long"
    yield BROKEN, "invalid_utf8"
    fill = "0" * max(schema["minLength"] - 1, 0)
    yield fill + "\x01", "bad_code" if is_code else "control_character"
    yield fill + "\0", "invalid_utf8"
    if schema["minLength"] > 0:
        yield "", "empty"
    if schema["minLength"] > 1:
        yield "0" * (schema["minLength"] - 1), "too_short"
    if is_code:
        yield fill + "Ә", "bad_code"


def bad_formats(form):
    return {"uuid": [("x", "not_a_uuid"), (NIL, "not_a_uuid"), (str(uuid.uuid4())[:-1], "not_a_uuid"), (BROKEN, "not_a_uuid")],
            "date": [("2026-02-30", "bad_date"), ("26-01-01", "bad_date"), ("", "bad_date")],
            "date-time": [("2026-11-23", "bad_instant"), ("2026-11-23T25:00:00Z", "bad_instant"),
                          ("1970-01-01T00:00:00Z", "bad_instant")]}[form]


def bad_strings(schema):
    yield 7, "wrong_type"
    yield ["x"], "wrong_type"
    if "enum" in schema:
        yield from (("no_such_value", "unknown_value"), ("", "unknown_value"), (BROKEN, "unknown_value"))
    elif "format" in schema:
        yield from bad_formats(schema["format"])
    else:
        yield from bad_texts(schema)


def bad_integers(schema):
    yield from (("5", "wrong_type"), (5.5, "wrong_type"), (True, "wrong_type"), ({}, "wrong_type"))
    yield schema["minimum"] - 1, "below_minimum"
    yield schema["maximum"] + 1, "above_maximum"


def bad_values(operation, schema):
    """(value, pointer below the field, code)"""
    schema = plain(operation, schema)
    kind = type_of(schema)
    if kind == "object":
        yield from (("x", "", "wrong_type"), ([], "", "wrong_type"))
        yield from bad_objects(operation, fitting(operation, schema), schema)
    elif kind == "array":
        good = fitting(operation, schema["items"])
        yield from (("x", "", "wrong_type"), ({}, "", "wrong_type"))
        yield [good] * (schema["maxItems"] + 1), "", "too_long"
        for value, pointer, code in bad_values(operation, schema["items"]):
            yield [value], f"/0{pointer}", code
    elif kind == "boolean":
        yield from ((1, "", "wrong_type"), ("true", "", "wrong_type"))
    else:
        found = bad_integers(schema) if kind == "integer" else bad_strings(schema)
        yield from ((value, "", code) for value, code in found)


def bad_objects(operation, good, schema):
    """(object, pointer, code): the good one with one thing wrong."""
    for name, field in schema["properties"].items():
        if name in schema.get("required", ()):
            yield {key: value for key, value in good.items() if key != name}, f"/{name}", "missing"
            yield {**good, name: None}, f"/{name}", "missing"
        for value, pointer, code in bad_values(operation, field):
            yield {**good, name: value}, f"/{name}{pointer}", code
    yield {**good, "no_such_field": 1}, "/no_such_field", "unknown_field"
    yield {**good, "~/": 1}, "/~0~1", "unknown_field"


def bad_items(operation):
    schema = plain(operation, operation.item_schema())
    good = fitting(operation, schema)
    for item, pointer, code in bad_objects(operation, good, schema):
        if pointer != "/id":
            item["id"] = str(uuid.uuid4())
        yield copy.deepcopy(item), pointer, code
    yield from ((None, "", "wrong_type"), ([], "", "wrong_type"), (7, "", "wrong_type"))


def as_json(items):
    return json.dumps(items, ensure_ascii=False).encode("utf-8", "surrogateescape")


def as_ndjson(items):
    return b"\n".join(map(as_json, items))


def as_msgpack(items):
    return msgpack.packb(items, unicode_errors="surrogateescape")
