#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A compiled regular expression; safe to use from many threads at once.
typedef struct cre2_regex cre2_regex;

enum {
    CRE2_IGNORES_CASE = 1,
    CRE2_DOT_MATCHES_NEWLINE = 2,
};

/// Where a group matched; start is -1 for a group that took no part.
typedef struct {
    int64_t start;
    int64_t end;
} cre2_range;

/// Compiles a pattern; NULL when it is invalid, with a zero-terminated message in `error`.
cre2_regex *cre2_compile(
    const void *pattern, size_t length, uint32_t options, int64_t memory_max, char *error, size_t error_capacity);

void cre2_free(cre2_regex *regex);

/// The number of capturing groups, without the whole match.
int32_t cre2_group_count(const cre2_regex *regex);

/// Looks for the first match that begins at or after byte `start`; fills the ranges of the whole match and the groups
/// that follow it, `range_count` in all.
bool cre2_search(
    const cre2_regex *regex, const void *text, size_t length, size_t start, cre2_range *ranges, int32_t range_count);

/// The first place of `needle` in a text, or NULL; the needle has at least one byte.
const void *cre2_find_bytes(const void *text, size_t length, const void *needle, size_t needle_length);

#ifdef __cplusplus
}
#endif
