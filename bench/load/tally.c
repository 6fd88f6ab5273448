#include "tally.h"

#include <ctype.h>

/* Names come from the server: only what needs no escape in JSON is kept of them. */
static void clean(char *out, struct slice name) {
    size_t size = name.size < TALLY_NAME - 1 ? name.size : TALLY_NAME - 1;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = name.data[i];
        out[i] = isalnum(byte) || (byte && strchr("_-.:/ ", byte)) ? (char)byte : '?';
    }
    out[size] = 0;
}

void tally_add(struct tally *tally, struct slice name) {
    char key[TALLY_NAME];
    clean(key, name);
    tally->total++;
    for (unsigned i = 0; i < tally->used; i++)
        if (strcmp(tally->entries[i].name, key) == 0) {
            tally->entries[i].count++;
            return;
        }
    if (tally->used == TALLY_MOST) {
        tally->entries[TALLY_MOST - 1].count++; /* the last name also stands for all that came later */
        return;
    }
    strcpy(tally->entries[tally->used].name, key);
    tally->entries[tally->used++].count = 1;
}

void tally_text(struct tally *tally, const char *name) {
    tally_add(tally, (struct slice){(const uint8_t *)name, strlen(name)});
}

void tally_print(const struct tally *tally, FILE *out) {
    fputc('{', out);
    for (unsigned i = 0; i < tally->used; i++)
        fprintf(out, "%s\"%s\":%lu", i ? "," : "", tally->entries[i].name, tally->entries[i].count);
    fputc('}', out);
}
