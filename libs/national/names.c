#include "national/names.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

/* ---- Characters ---- */

/* The code point at `*at`, which moves behind it; of valid UTF-8. */
static uint32_t next_character(struct str text, size_t *at)
{
    const unsigned char *p = (const unsigned char *)text.ptr + *at;
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    length = MIN_OF(length, text.len - *at);
    uint32_t c = length == 1 ? p[0] : p[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++)
        c = c << 6 | (p[i] & 0x3F);
    *at += length;
    return c;
}

static void add_character(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
    } else { /* only what is_cyrillic() knows is ever made: two bytes */
        buf_add_u8(out, (uint8_t)(0xC0 | c >> 6));
        buf_add_u8(out, (uint8_t)(0x80 | (c & 0x3F)));
    }
}

static bool is_latin(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_cyrillic(uint32_t c)
{
    return c >= 0x400 && c <= 0x4FF;
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xA0;
}

static bool is_dash(uint32_t c)
{
    return c == '-' || (c >= 0x2010 && c <= 0x2014);
}

/* Of Latin and the Cyrillic of both languages; never by the locale. */
static uint32_t lower(uint32_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c + 0x20;
    if (c >= 0x410 && c <= 0x42F)
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40F) /* Ё, І */
        return c + 0x50;
    if ((c >= 0x48A && c <= 0x4BF) || (c >= 0x4D0 && c <= 0x4FF)) /* Ә Ғ Қ Ң Ө Ұ Ү Һ */
        return c | 1;
    return c;
}

/* ---- Order ---- */

/* Weights of a key's first level: what ends a text is lowest, then what parts words. */
enum {
    WEIGHT_END = 1,
    WEIGHT_GAP = 2,
    WEIGHT_DIGIT = 0x10,
    WEIGHT_CYRILLIC = 0x20,
    WEIGHT_LATIN = 0x80
};

static const uint32_t alphabet_kk[] = U"аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя";
static const uint32_t alphabet_ru[] = U"аәбвгғдеёжзиійкқлмнңоөпрстуүұфхһцчшщъыьэюя";

static uint8_t cyrillic_weight(enum names_alphabet alphabet, uint32_t c)
{
    const uint32_t *letters = alphabet == ALPHABET_KK ? alphabet_kk : alphabet_ru;
    uint8_t weight = WEIGHT_CYRILLIC;
    for (; *letters && *letters != c; letters++)
        weight++;
    return weight; /* letters of other languages together behind я */
}

/* 0: does not count (quotes, points); `c` is in lower case. */
static uint8_t weight_of(enum names_alphabet alphabet, uint32_t c)
{
    if (is_blank(c) || is_dash(c))
        return WEIGHT_GAP;
    if (is_digit(c))
        return (uint8_t)(WEIGHT_DIGIT + c - '0');
    if (is_cyrillic(c))
        return cyrillic_weight(alphabet, c);
    return is_latin(c) ? (uint8_t)(WEIGHT_LATIN + c - 'a') : 0;
}

void names_sort_key(enum names_alphabet alphabet, struct str text, struct buf *key)
{
    buf_reserve(key, 2 * text.len + 1);
    for (size_t at = 0; at < text.len;) {
        uint8_t weight = weight_of(alphabet, lower(next_character(text, &at)));
        if (weight)
            buf_add_u8(key, weight);
    }
    buf_add_u8(key, WEIGHT_END);
    buf_add_str(key, text);
}

int names_compare(enum names_alphabet alphabet, struct str a, struct str b)
{
    CLEANUP(buf_done) struct buf key_a = {0}, key_b = {0};
    names_sort_key(alphabet, a, &key_a);
    names_sort_key(alphabet, b, &key_b);
    return str_compare(buf_str(&key_a), buf_str(&key_b));
}

/* ---- Search ---- */

struct pair {
    uint32_t from, to;
};

static uint32_t mapped(const struct pair *pairs, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (pairs[i].from == c)
            return pairs[i].to;
    return c;
}

/* As people type them on a Russian keyboard. */
static const struct pair plain_letters[] = {
    {U'ә', U'а'}, {U'ғ', U'г'}, {U'қ', U'к'}, {U'ң', U'н'}, {U'ө', U'о'},
    {U'ұ', U'у'}, {U'ү', U'у'}, {U'һ', U'х'}, {U'і', U'и'}, {U'ё', U'е'},
};

/* Latin letters by what they look like; the case matters: H is Н, h is һ. */
static const struct pair look_alikes[] = {
    {'A', U'А'}, {'B', U'В'}, {'C', U'С'}, {'E', U'Е'}, {'H', U'Н'}, {'I', U'І'},
    {'K', U'К'}, {'M', U'М'}, {'O', U'О'}, {'P', U'Р'}, {'T', U'Т'}, {'X', U'Х'},
    {'Y', U'Ү'}, {'a', U'а'}, {'c', U'с'}, {'e', U'е'}, {'h', U'һ'}, {'i', U'і'},
    {'k', U'к'}, {'o', U'о'}, {'p', U'р'}, {'x', U'х'}, {'y', U'у'},
};

struct scripts {
    bool latin, cyrillic;
};

/* What the word from `at` to the next blank or dash is written in; `*end` is behind it. */
static struct scripts scripts_of_word(struct str text, size_t at, size_t *end)
{
    struct scripts scripts = {0};
    while (at < text.len) {
        size_t next = at;
        uint32_t c = next_character(text, &next);
        if (is_blank(c) || is_dash(c))
            break;
        scripts.latin |= is_latin(c);
        scripts.cyrillic |= is_cyrillic(c);
        at = next;
    }
    *end = at;
    return scripts;
}

static void fold_word(struct str word, bool cyrillic, struct buf *out)
{
    for (size_t at = 0; at < word.len;) {
        size_t from = at;
        uint32_t c = next_character(word, &at);
        if (cyrillic)
            c = mapped(look_alikes, COUNT_OF(look_alikes), c);
        if (is_latin(c) || is_cyrillic(c))
            add_character(out, mapped(plain_letters, COUNT_OF(plain_letters), lower(c)));
        else
            buf_add(out, word.ptr + from, at - from);
    }
}

void names_fold(struct str text, struct buf *out)
{
    size_t start = out->len;
    bool gap = false;
    for (size_t at = 0; at < text.len;) {
        size_t end;
        struct scripts scripts = scripts_of_word(text, at, &end);
        if (end > at) {
            if (gap && out->len > start)
                buf_add_char(out, ' ');
            fold_word((struct str){text.ptr + at, end - at}, scripts.cyrillic, out);
            gap = false;
            at = end;
        } else if (is_blank(next_character(text, &at))) {
            gap = true;
        } else {
            if (gap && out->len > start)
                buf_add_char(out, ' ');
            buf_add_char(out, '-'); /* whatever dash it was */
            gap = false;
        }
    }
}

bool names_mixed_script(struct str text)
{
    for (size_t at = 0; at < text.len;) {
        size_t end;
        struct scripts scripts = scripts_of_word(text, at, &end);
        if (scripts.latin && scripts.cyrillic)
            return true;
        at = end;
        if (at < text.len)
            next_character(text, &at); /* the blank or dash */
    }
    return false;
}
