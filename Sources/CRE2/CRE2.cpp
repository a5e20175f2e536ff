#include "CRE2.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include <re2/re2.h>

struct cre2_regex {
    RE2 re2;

    cre2_regex(const re2::StringPiece &pattern, const RE2::Options &options) : re2(pattern, options) {}
};

cre2_regex *cre2_compile(
    const void *pattern, size_t length, uint32_t options, int64_t memory_max, char *error, size_t error_capacity) {
    RE2::Options settings(RE2::Quiet);
    settings.set_case_sensitive((options & CRE2_IGNORES_CASE) == 0);
    settings.set_dot_nl((options & CRE2_DOT_MATCHES_NEWLINE) != 0);
    settings.set_max_mem(memory_max);
    auto regex = std::unique_ptr<cre2_regex>(new (std::nothrow) cre2_regex(
        re2::StringPiece(static_cast<const char *>(pattern), length), settings));
    if (regex && regex->re2.ok()) return regex.release();
    if (error_capacity > 0) {
        const std::string message = regex ? regex->re2.error() : "out of memory";
        const size_t count = std::min(message.size(), error_capacity - 1);
        std::memcpy(error, message.data(), count);
        error[count] = 0;
    }
    return nullptr;
}

void cre2_free(cre2_regex *regex) { delete regex; }

int32_t cre2_group_count(const cre2_regex *regex) { return regex->re2.NumberOfCapturingGroups(); }

bool cre2_search(
    const cre2_regex *regex, const void *text, size_t length, size_t start, cre2_range *ranges, int32_t range_count) {
    // An empty text may come as a null pointer, which RE2 would take for "no group".
    const char *base = text ? static_cast<const char *>(text) : "";
    const re2::StringPiece whole(base, length);
    constexpr int32_t inline_count = 16;
    re2::StringPiece few[inline_count];
    std::vector<re2::StringPiece> many;
    re2::StringPiece *pieces = few;
    if (range_count > inline_count) {
        many.resize(static_cast<size_t>(range_count));
        pieces = many.data();
    }
    if (!regex->re2.Match(whole, start, length, RE2::UNANCHORED, pieces, range_count)) return false;
    for (int32_t index = 0; index < range_count; index++) {
        if (pieces[index].data() == nullptr) {
            ranges[index] = {-1, -1};
        } else {
            const int64_t begin = pieces[index].data() - base;
            ranges[index] = {begin, begin + static_cast<int64_t>(pieces[index].size())};
        }
    }
    return true;
}

const void *cre2_find_bytes(const void *text, size_t length, const void *needle, size_t needle_length) {
    return memmem(text, length, needle, needle_length);
}
