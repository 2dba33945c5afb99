#include "base/cleanup.h"
#include "cost.h"
#include "http/http_internal.h"

void read_request_heads(void)
{
    static const struct str text =
        STR("POST /v1/marks?results=problems HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: "
            "0b5d4c1e9a\r\nContent-Length: 12345\r\nAccept-Language: kk\r\nAuthorization: Bearer "
            "abc\r\n"
            "Content-Type: application/json\r\n\r\n");
    CLEANUP(arena_done) struct arena of_the_request = {0};
    for (size_t i = 0; i < ITEMS; i++) {
        struct http_head head;
        struct http_target target;
        struct refusal refusal;
        ensure(head_length(text, &refusal) == text.len && head_parse(text, &head, &refusal));
        ensure(target_parse(head.target, &of_the_request, &target, &refusal));
    }
}
