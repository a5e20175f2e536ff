// Fills columns from records.
#pragma once
#include "columns.h"
#include "values.h"

struct laminar_json_decoder {
    using Byte = laminar::Byte;
    using Column = laminar::Column;
    using Fault = laminar::Fault;

    laminar_json_options options{};
    std::vector<std::unique_ptr<Column>> fields;
    // The record itself, a struct that is always present.
    Column root;

    const Byte *block = nullptr;
    size_t length = 0;
    uint32_t block_number = 0;
    bool is_block_utf8 = true;
    bool is_at_stream_start = true;

    size_t rows = 0;
    uint64_t lines = 0;
    uint64_t bad = 0;
    std::vector<laminar_json_error> errors;
    laminar::DateCache dates;
    std::vector<Byte> scratch;

    size_t decode(size_t start, size_t row_limit);

    // Both give the place after the value or null.
    const Byte *record(const Byte *p, const Byte *end, uint32_t row, Fault &fault);
    const Byte *value(Column &column, uint32_t row, const Byte *p, const Byte *end, int depth, Fault &fault);
    // Reads the text form of a value: the inside of a string or a cell, escapes already undone.
    // `view` says where in the block the bytes lie if they lie there, else null.
    bool text(Column &column, uint32_t row, const Byte *p, size_t length, const Byte *view, Fault &fault);

    bool object(Column &column, uint32_t row, const Byte *&p, const Byte *end, int depth, Fault &fault);
    const Byte *list(Column &column, uint32_t row, const Byte *p, const Byte *end, int depth, Fault &fault);
    const Byte *map(Column &column, uint32_t row, const Byte *p, const Byte *end, int depth, Fault &fault);
    const Byte *string(Column &column, uint32_t row, const Byte *p, const Byte *end, Fault &fault);
    bool string_content(
        Column &column, uint32_t row, const Byte *p, const Byte *close, bool has_escape, Fault &fault);
    const Byte *number(Column &column, uint32_t row, const Byte *p, const Byte *end, Fault &fault);

    Column *unpredicted_key(Column &column, size_t &slot, const Byte *&p, const Byte *end, bool &failed, Fault &fault);
    bool stored(Column &column, uint32_t row, const Byte *p, size_t length, const Byte *view, Fault &fault);
    void roll_back();
    void report(const Fault &fault, const Byte *line);
};
