/* Request line and headers, as RFC 9112 has them and no more: what two readers might understand
 * differently is refused, for nginx stands in front and must not see another request than we do. */
#include <string.h>

#include "http/http_internal.h"

static bool refuse(struct refusal *refusal, int status, const char *code, const char *detail)
{
    *refusal = (struct refusal){status, code, detail};
    return false;
}

static bool refuse_bad(struct refusal *refusal, const char *detail)
{
    return refuse(refusal, 400, "bad_request", detail);
}

static bool has_bare_line_feed(struct str s)
{
    const char *at = s.ptr;
    const char *end = s.ptr + s.len;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        if (at == s.ptr || at[-1] != '\r')
            return true;
        at++;
    }
    return false;
}

size_t head_length(struct str input, struct refusal *refusal)
{
    if (input.len == 0)
        return 0;
    size_t looked_at = MIN_OF(input.len, (size_t)HTTP_MAX_HEADER_BYTES);
    const char *end = memmem(input.ptr, looked_at, "\r\n\r\n", 4);
    if (end)
        return (size_t)(end - input.ptr) + 4;
    if (input.len >= HTTP_MAX_HEADER_BYTES)
        refuse(refusal, 431, "header_too_large", "more than 16 KiB of headers");
    else if (has_bare_line_feed(input))
        refuse_bad(refusal, "a line does not end in CRLF");
    return 0;
}

static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char((unsigned char)s.ptr[i]))
            return false;
    return s.len > 0;
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* The line up to CRLF, which is cut off `*rest`; false where it holds a CR or LF of its own. */
static bool cut_line(struct str *rest, struct str *line)
{
    const char *end = memchr(rest->ptr, '\r', rest->len);
    if (!end || end + 1 >= rest->ptr + rest->len || end[1] != '\n')
        return false;
    *line = (struct str){rest->ptr, (size_t)(end - rest->ptr)};
    rest->ptr += line->len + 2;
    rest->len -= line->len + 2;
    return !memchr(line->ptr, '\n', line->len);
}

static enum http_method method_of(struct str name)
{
    if (str_equal(name, STR("GET")))
        return HTTP_GET;
    if (str_equal(name, STR("POST")))
        return HTTP_POST;
    if (str_equal(name, STR("DELETE")))
        return HTTP_DELETE;
    return 0;
}

static bool is_target(struct str target)
{
    if (target.len == 0 || target.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < target.len; i++)
        if (target.ptr[i] <= ' ' || target.ptr[i] > '~' || target.ptr[i] == '#')
            return false;
    return true;
}

static bool parse_request_line(struct str line, struct http_head *head, struct refusal *refusal)
{
    head->method_name = str_cut(&line, ' ');
    head->target = str_cut(&line, ' ');
    head->method = method_of(head->method_name);
    if (!is_token(head->method_name) || !str_starts(line, STR("HTTP/")))
        return refuse_bad(refusal, "the request line is not method, path, version");
    if (!is_target(head->target))
        return refuse_bad(refusal, "the request's target is not a path");
    head->keep_alive = str_equal(line, STR("HTTP/1.1"));
    if (!head->keep_alive && !str_equal(line, STR("HTTP/1.0")))
        return refuse(refusal, 505, "bad_request", "HTTP/1.1 is spoken here");
    return true;
}

/* Visible characters, blanks, tabs, and bytes above ASCII. */
static bool is_header_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool parse_header(struct str line, struct http_head *head, struct refusal *refusal)
{
    struct str value = line;
    struct str name = str_cut(&value, ':');
    if (!str_present(value) || !is_token(name) || !is_header_value(value))
        return refuse_bad(refusal, "a header line is not name: value");
    if (head->count == HEAD_MAX_HEADERS)
        return refuse(refusal, 431, "header_too_large", "more than 64 headers");
    head->headers[head->count++] = (struct header){name, str_trim(value)};
    return true;
}

struct str head_find(const struct http_head *head, struct str name)
{
    for (size_t i = 0; i < head->count; i++)
        if (str_equal_nocase(head->headers[i].name, name))
            return head->headers[i].value;
    return (struct str){0};
}

/* Given twice, each of these would let two readers see two different requests or callers. */
static bool has_duplicates(const struct http_head *head)
{
    static const struct str singles[] = {
        STR("content-length"), STR("host"),   STR("content-type"), STR("authorization"),
        STR("cookie"),         STR("origin"), STR("x-request-id"), STR("last-event-id")};
    for (size_t s = 0; s < COUNT_OF(singles); s++) {
        size_t times = 0;
        for (size_t i = 0; i < head->count; i++)
            times += str_equal_nocase(head->headers[i].name, singles[s]);
        if (times > 1)
            return true;
    }
    return false;
}

static bool parse_length(struct http_head *head, struct refusal *refusal)
{
    struct str text = head_find(head, STR("content-length"));
    if (!str_present(text))
        return true;
    int64_t bytes;
    if (text.len == 0 || text.ptr[0] == '-' || !str_to_int64(text, 0, INT64_C(1) << 40, &bytes))
        return refuse_bad(refusal, "Content-Length is not a number of bytes");
    head->body_bytes = (size_t)bytes;
    return true;
}

static void parse_connection(struct http_head *head)
{
    struct str rest = head_find(head, STR("connection"));
    while (str_present(rest)) {
        struct str option = str_trim(str_cut(&rest, ','));
        if (str_equal_nocase(option, STR("close")))
            head->keep_alive = false;
        else if (str_equal_nocase(option, STR("keep-alive")))
            head->keep_alive = true;
    }
}

static bool check_headers(struct http_head *head, struct refusal *refusal)
{
    if (has_duplicates(head))
        return refuse_bad(refusal, "a header that may come once came twice");
    if (!str_present(head_find(head, STR("host"))))
        return refuse_bad(refusal, "the Host header is missing");
    if (str_present(head_find(head, STR("transfer-encoding"))))
        return refuse_bad(refusal, "a body needs Content-Length; Transfer-Encoding is not taken");
    if (str_present(head_find(head, STR("expect"))))
        return refuse(refusal, 417, "bad_request", "Expect is not supported");
    parse_connection(head);
    return parse_length(head, refusal);
}

bool head_parse(struct str bytes, struct http_head *head, struct refusal *refusal)
{
    struct str line;
    *head = (struct http_head){0};
    if (!cut_line(&bytes, &line))
        return refuse_bad(refusal, "a line does not end in CRLF");
    if (!parse_request_line(line, head, refusal))
        return false;
    while (cut_line(&bytes, &line)) {
        if (line.len == 0)
            return check_headers(head, refusal);
        if (!parse_header(line, head, refusal))
            return false;
    }
    return refuse_bad(refusal, "a line does not end in CRLF");
}
