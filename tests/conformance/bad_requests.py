"""Whole requests that are refused: bodies, headers, queries, framing. Each row is what was sent, and the status and code of the
problem that answers it. {token} is a client's token, {cookie} a parent's session."""
import json
import re
import socket

from installed import Answer

JSON, NDJSON, MSGPACK = "application/json", "application/x-ndjson", "application/vnd.msgpack"
UUID = "01920000-0000-7000-8000-000000000001"


def post(path, body, media=JSON, **headers):
    return ("POST", path, {"Authorization": "Bearer {token}", "Content-Type": media, **headers}, body)


def get(target, **headers):
    return ("GET", target, {"Authorization": "Bearer {token}", **headers}, b"")


def parent(method, target, body=b"", **headers):
    return (method, target, {"Cookie": "{cookie}", "Content-Type": JSON, "Sec-Fetch-Site": "same-origin", **headers}, body)


def sign_in(body, **headers):
    return ("POST", "/v1/session", {"Content-Type": JSON, **headers}, body)


BODIES = [
    (post("/v1/marks", b"[{"), 400, "bad_json"),
    (post("/v1/marks", b""), 400, "bad_json"),
    (post("/v1/marks", b"[]]"), 400, "bad_json"),
    (post("/v1/marks", b"[{'id': 1}]"), 400, "bad_json"),
    (post("/v1/marks", b"[{\"points\": NaN}]"), 400, "bad_json"),
    (post("/v1/marks", b"[{\"points\": 01}]"), 400, "bad_json"),
    (post("/v1/marks", b"[1,]"), 400, "bad_json"),
    (post("/v1/marks", b"\xef\xbb\xbf[]"), 400, "bad_json"),
    (post("/v1/marks", b"\0"), 400, "bad_json"),
    (post("/v1/marks", b"{}"), 422, "batch_expected"),
    (post("/v1/marks", b"7"), 422, "batch_expected"),
    (post("/v1/marks", b"null"), 422, "batch_expected"),
    (post("/v1/marks", b"[" * 1_000_000), 400, "nesting_too_deep"),
    (post("/v1/marks", b"[" + b'{"a":' * 200_000), 400, "nesting_too_deep"),
    (post("/v1/marks", b" " * (5 << 20)), 413, "body_too_large"),
    (post("/v1/marks", json.dumps([{}] * 5001).encode()), 413, "too_many_items"),
    (post("/v1/marks", b"{}\n" * 5001, NDJSON), 413, "too_many_items"),
    (post("/v1/marks", b"{}\n{\n", NDJSON), 400, "bad_json"),
    (post("/v1/marks", b"\xdd\x7f\xff\xff\xff", MSGPACK), 400, "bad_msgpack"),
    (post("/v1/marks", b"", MSGPACK), 400, "bad_msgpack"),
    (post("/v1/marks", b"\x91\xc1", MSGPACK), 400, "bad_msgpack"),
    (post("/v1/marks", b"\x90\x90", MSGPACK), 400, "bad_msgpack"),
    (post("/v1/marks", b"\x91\xdb\xff\xff\xff\xff", MSGPACK), 400, "bad_msgpack"),
    (post("/v1/marks", b"\x80", MSGPACK), 422, "batch_expected"),
    (post("/v1/marks", b"\x91" * 1_000_000, MSGPACK), 400, "nesting_too_deep"),
    (post("/v1/marks", b"<xml/>", "application/xml"), 415, "unsupported_media_type"),
    (post("/v1/marks", b"[]", "application/json; charset=windows-1251"), 415, "unsupported_media_type"),
    (post("/v1/marks", b"[]", "text/json"), 415, "unsupported_media_type"),
    (post("/v1/marks", b"[]", ""), 415, "unsupported_media_type"),
    (sign_in(b"[]"), 422, "invalid"),
    (sign_in(b"{"), 400, "bad_json"),
    (sign_in(b"{}"), 422, "invalid"),
    (sign_in(b'{"login": "a", "password": 7}'), 422, "invalid"),
    (sign_in(b'{"login": "a", "password": "b", "remember": true}'), 422, "invalid"),
    (sign_in(b'{"login": "a\\u0000b", "password": "b"}'), 422, "invalid"),
    (sign_in(b'{"login": "nobody", "password": "x"}'), 401, "login_failed"),
    (sign_in(b'{"login": "a", "password": "' + b"x" * 8000 + b'"}'), 413, "body_too_large"),
    (sign_in(b'{"login": "a", "password": "b"}', Origin="https://elsewhere.example"), 403, "cross_site"),
    (("POST", "/v1/session", {"Content-Type": "application/x-www-form-urlencoded"}, b"login=a"), 415, "unsupported_media_type"),
    (parent("POST", "/v1/inbox/read", b"{}"), 422, "invalid"),
    (parent("POST", "/v1/inbox/read", f'{{"child": "{UUID}", "position": "1.2"}}'.encode()), 422, "invalid"),
    (parent("POST", "/v1/inbox/read", f'{{"child": "{UUID}", "position": "1.2.3"}}'.encode()), 404, "not_found"),
    (parent("POST", "/v1/inbox/read", b"x" * 5000), 413, "body_too_large"),
]

QUERIES = [
    (post("/v1/marks?dryrun=1", b"[]"), 400, "bad_parameter"),
    (post("/v1/marks?dry_run=yes", b"[]"), 400, "bad_parameter"),
    (post("/v1/marks?results=few", b"[]"), 400, "bad_parameter"),
    (post("/v1/marks?dry_run=1&dry_run=1", b"[]"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?limit=0"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?limit=501"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?limit=1e2"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?limit="), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?limit=99999999999999999999"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?from=yesterday"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?to=2026-02-29"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?form=2026-02-01"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?from=%ff"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?from=%00"), 400, "bad_parameter"),
    (get(f"/v1/learners/{UUID}/marks?from=%4"), 400, "bad_parameter"),
    (get("/v1/learners/7/marks"), 404, "not_found"),
    (get(f"/v1/learners/{UUID}0/marks"), 404, "not_found"),
    (get("/v1/learners/00000000-0000-0000-0000-000000000000/marks"), 404, "not_found"),
    (get(f"/v1/learners/{UUID}/marks"), 404, "not_found"),
    (get("/v1/classes"), 400, "bad_parameter"),
    (get("/v1/classes?organisation=7"), 400, "bad_parameter"),
    (get("/v1/organisations?cursor=x"), 400, "bad_cursor"),
    (get("/v1/organisations?cursor=" + "A" * 5000), 400, "bad_cursor"),
    (get("/v1/organisations?parent=7"), 400, "bad_parameter"),
    (get("/v1/indicators"), 400, "bad_parameter"),
    (get("/v1/indicators?node="), 400, "bad_parameter"),
    (get("/v1/indicators?node=KZ&tree=oak"), 400, "bad_parameter"),
    (get("/v1/indicators?node=KZ&grain=hour"), 400, "bad_parameter"),
    (get("/v1/indicators?node=KZ&from=2026-01-02&to=2026-01-01"), 400, "bad_parameter"),
    (get("/v1/indicators?node=KZ&from=0001-01-01&to=9999-12-31"), 400, "bad_parameter"),
    (get("/v1/indicators?node=" + "K" * 37), 400, "bad_parameter"),
    (parent("GET", "/v1/inbox?child=x"), 400, "bad_parameter"),
    (parent("GET", "/v1/inbox?language=de"), 400, "bad_parameter"),
    (parent("GET", "/v1/inbox?cursor=AAAA"), 400, "bad_cursor"),
    (parent("GET", "/v1/inbox/stream?after=yesterday"), 400, "bad_position"),
    (parent("GET", "/v1/inbox/stream", **{"Last-Event-ID": "1.2"}), 400, "bad_position"),
    (parent("GET", "/v1/inbox/stream", **{"Last-Event-ID": "9" * 500}), 400, "bad_position"),
]

HEADERS = [
    (("GET", "/v1/me", {}, b""), 401, "unauthorized"),
    (("GET", "/v1/me", {"Authorization": "Basic eDp5"}, b""), 401, "unauthorized"),
    (("GET", "/v1/me", {"Authorization": "Bearer"}, b""), 401, "unauthorized"),
    (("GET", "/v1/me", {"Authorization": "Bearer {token}x"}, b""), 401, "unauthorized"),
    (("GET", "/v1/me", {"Authorization": "Bearer " + "x" * 7000}, b""), 401, "unauthorized"),
    (("GET", "/v1/me", {"Cookie": "eiso=1; __Host-eiso=2"}, b""), 401, "unauthorized"),
    (("POST", "/v1/session/renew", {}, b""), 401, "unauthorized"),
    (("DELETE", "/v1/session", {}, b""), 401, "unauthorized"),
    (parent("POST", "/v1/inbox/read", b"{}", **{"Sec-Fetch-Site": "cross-site"}), 403, "cross_site"),
    (parent("POST", "/v1/marks", b"[]"), 403, "forbidden"),
    (get("/v1/inbox"), 403, "forbidden"),
    (get("/v1/inbox/stream"), 403, "forbidden"),
    (("GET", "/v1/nothing", {}, b""), 404, "no_such_path"),
    (("GET", "/", {}, b""), 404, "no_such_path"),
    (("GET", "/v1/marks", {}, b""), 405, "method_not_allowed"),
    (("PUT", "/v1/marks", {}, b"[]"), 405, "method_not_allowed"),
    (("DELETE", "/v1/marks", {}, b""), 405, "method_not_allowed"),
    (("PATCH", "/v1/organisations", {}, b"[]"), 405, "method_not_allowed"),
    (("OPTIONS", "/v1/marks", {}, b""), 405, "method_not_allowed"),
    (("GET", "/v1/me?" + "x" * 20000, {}, b""), 414, "uri_too_long"),
    (("GET", "/v1/me", {"X-Long": "x" * 17000}, b""), 431, "header_too_large"),
    (("GET", "/v1/me", {f"X-{i}": "x" for i in range(70)}, b""), 431, "header_too_large"),
    (("GET", "/metrics", {}, b""), 404, "no_such_path"),
]


def in_kazakh_only(request):
    """What nginx refuses before it has read in which language."""
    return len(request[1]) > 16384 or "X-Long" in request[2]


OAUTH = [  # RFC 6749: {"error": ...}
    (b"", 400, "invalid_request"),
    (b"grant_type=password", 400, "unsupported_grant_type"),
    (b"grant_type=client_credentials", 401, "invalid_client"),
    (b"grant_type=client_credentials&client_id=x&client_secret=y", 401, "invalid_client"),
    (b"grant_type=client_credentials&client_id=" + UUID.encode() + b"&client_secret=y", 401, "invalid_client"),
    (b"grant_type=client_credentials&grant_type=password", 400, "invalid_request"),
    (b"grant_type=client_credentials&scope=all", 401, "invalid_client"),
    (b"grant_type=%ff", 400, "invalid_request"),
]

HEAD = b"Host: eiso\r\n"
FRAMING = [  # bytes as they are, through nginx: it may answer, or the service
    (b"GET /v1/me HTTP/1.1\r\n\r\n", 400),
    (b"GET /v1/me HTTP/1.1\r\n" + HEAD + HEAD + b"\r\n", 400),
    (b"GET /v1/../v1/me HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    (b"GET /v1/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    (b"GET /v1/me%00 HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    (b"GET /v1/me HTTP/3.0\r\n" + HEAD + b"\r\n", 505),
    (b"GET  /v1/me HTTP/1.1\r\n" + HEAD + b"X : 1\r\n\r\n", 400),
    (b"POST /v1/marks HTTP/1.1\r\n" + HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]", 400),
    (b"POST /v1/marks HTTP/1.1\r\n" + HEAD + b"Content-Length: -2\r\n\r\n[]", 400),
    (b"POST /v1/marks HTTP/1.1\r\n" + HEAD + b"Content-Length: 99999999999999999999\r\n\r\n[]", 400),
    (b"POST /v1/marks HTTP/1.1\r\n" + HEAD + b"Content-Length: 5000000\r\n\r\n", 413),
    (b"POST /v1/marks HTTP/1.1\r\n" + HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /v1/marks HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: gzip\r\n\r\n[]", 501),
    (b"POST /v1/marks HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n", 400),
    (b"BREW /v1/marks HTTP/1.1\r\n" + HEAD + b"\r\n", 405),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    (b"GET /v1/\xff HTTP/1.1\r\n" + HEAD + b"\r\n", 404),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
]


def is_whole(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
    return bool(end and length) and len(body) >= int(length[1])


def exchange(address, sent):
    """One request over a socket of its own: its answer, whole or up to where the other side closed."""
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(family) as connection:
        connection.settimeout(10)
        connection.connect(address)
        answer = b""
        try:
            connection.sendall(sent)
            while not is_whole(answer) and (part := connection.recv(65536)):
                answer += part
        except (BrokenPipeError, ConnectionResetError):  # refused before all was read
            pass
        return answer


def request_bytes(method, target, headers, body, host="eiso"):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def parse(received):
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.title(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split(" ")[1]) if first.startswith("HTTP/") else 0, headers, body)
