"""The reference as an integrator has it, from the front door, and whether answers are what it says."""
import copy
import json
import re
import urllib.parse

import jsonschema

PROBLEM = "application/problem+json"


class Mismatch(Exception):
    """An answer that is not in the reference."""


def close(schema):
    """What we write may get members with a later release; a test wants to hear of each that is not described today."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close(part)
    elif isinstance(schema, list):
        for part in schema:
            close(part)


class Operation:
    def __init__(self, document, path, method, row):
        self.document, self.path, self.method, self.row = document, path, method, row
        self.pattern = re.compile(re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(path)) + "$")

    def __str__(self):
        return f"{self.method} {self.path}"

    def body_schema(self):
        """Of a JSON body; None where none is taken."""
        return self.row.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")

    def item_schema(self):
        """Of an item, where a batch is taken."""
        schema = self.body_schema() or {}
        return schema.get("items") if schema.get("type") == "array" else None

    def resolve(self, schema):
        while "$ref" in schema:
            place = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                place = place[step]
            schema = place
        return schema

    def validate(self, value, schema, what):
        resolver = jsonschema.RefResolver.from_schema(self.document)
        try:
            jsonschema.Draft202012Validator(schema, resolver=resolver).validate(value)
        except jsonschema.ValidationError as error:
            raise Mismatch(f"{what}: {error.json_path}: {error.message}") from None

    def check(self, answer):
        what = f"{self} answers {answer.status}"
        described = self.row["responses"].get(str(answer.status))
        if described is None:
            raise Mismatch(f"{what}: not in the reference: {answer.body[:300]}")
        media = answer.headers.get("Content-Type", "").split(";")[0]
        content = described.get("content", {})
        if not content and not answer.body:
            return
        if media not in content:
            raise Mismatch(f"{what}: {media or 'no type'} is not among {list(content)}")
        if "schema" in content[media] and media.endswith("json"):
            self.validate(answer.json(), content[media]["schema"], what)


class Reference:
    def __init__(self, documents):
        self.documents = copy.deepcopy(documents)
        close(self.documents)
        self.operations = [Operation(document, path, method.upper(), row)
                           for document in self.documents for path, rows in document["paths"].items()
                           for method, row in rows.items()]
        # A plain path goes before a template, as nginx has it.
        self.operations.sort(key=lambda operation: "{" in operation.path)

    @classmethod
    def of(cls, house):
        services = json.loads((house.dir / "conf" / "describe.json").read_text())
        return cls([house.call("GET", f"/openapi/{service['service']}.json").json()
                    for service in services if service["routes"]])

    def find(self, method, target):
        path = urllib.parse.urlsplit(target).path
        return next((operation for operation in self.operations
                     if operation.method == method and operation.pattern.match(path)), None)

    def check(self, method, target, answer):
        """Raises where the answer is not what the reference says."""
        operation = self.find(method, target)
        if operation and answer.status:
            operation.check(answer)

    def check_event(self, target, name, data):
        operation = self.find("GET", target)
        events = operation.row["responses"]["200"]["content"]["text/event-stream"]["x-events"]
        described = next((event for event in events if event.get("event") == name), None)
        if described is None:
            raise Mismatch(f"{operation}: no event {name}")
        operation.validate(data, described["data"], f"{operation}: event {name}")

    def batches(self):
        return [operation for operation in self.operations if operation.item_schema()]
