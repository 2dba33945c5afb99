/* The tables that messages_make.c writes. */
#ifndef I18N_I18N_INTERNAL_H
#define I18N_I18N_INTERNAL_H

#include "i18n/i18n.h"

enum { PLURALS = PLURAL_MANY + 1 };

struct message_texts {
    struct str key;   /* "feed.mark.formative"; rows are ordered by it */
    struct str count; /* the number that chooses the plural; absent: no plural */
    struct str texts[LANGUAGES][PLURALS]; /* without a plural only PLURAL_OTHER */
};

extern const struct message_texts i18n_messages[MESSAGE_COUNT]; /* row 0 is MESSAGE_NONE */

#endif
